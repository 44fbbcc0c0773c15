import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;

/// Prints what addresses answer; fails where one does not answer 200. For scripts on machines without curl.
final class Fetch {
    private Fetch() {}

    public static void main(String[] addresses) throws IOException, InterruptedException {
        try (var client = HttpClient.newHttpClient()) {
            for (String address : addresses) {
                var answer =
                        client.send(HttpRequest.newBuilder(URI.create(address)).build(), BodyHandlers.ofString());
                IO.println(answer.body());
                if (answer.statusCode() != 200) {
                    System.err.println(address + ": " + answer.statusCode());
                    System.exit(1);
                }
            }
        }
    }
}
