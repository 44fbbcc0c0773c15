package clearhead.app;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// `serve` as a process: what it says, how it ends.
class ServeTest {
    @TempDir
    static Path folder = Path.of("");

    private static Process start(Path errors, String... arguments) throws IOException {
        var line = new ArrayList<String>(List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "--add-modules=jdk.incubator.vector",
                "--enable-native-access=ALL-UNNAMED",
                "-Dclearhead.home=" + folder,
                "-cp",
                System.getProperty("java.class.path"),
                "clearhead.app.Main",
                "serve",
                "--model",
                TinyModel.write(folder.resolve("tiny")).toString()));
        line.addAll(List.of(arguments));
        var builder = new ProcessBuilder(line).redirectError(errors.toFile());
        builder.environment().remove("CLEARHEAD_API_KEY");
        builder.environment().remove("JAVA_TOOL_OPTIONS");
        return builder.start();
    }

    private static String errors(Path file) throws IOException {
        return Files.readString(file).replaceAll("(?m)^WARNING: Using incubator modules.*\\R", "");
    }

    private static BufferedReader reader(Process process) {
        return new BufferedReader(new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8));
    }

    @Test
    void saysItsAddressAndEndsWithZeroWhenTold() throws Exception {
        Path errors = folder.resolve("told");
        Process process = start(errors, "--port", "0");
        try (var out = reader(process)) {
            String line = String.valueOf(out.readLine());
            assertTrue(line.matches("Clearhead is at http://127\\.0\\.0\\.1:\\d+/"), line);
            String base = line.substring(line.indexOf("http"));
            try (var client = HttpClient.newHttpClient()) {
                var up = client.send(
                        HttpRequest.newBuilder(URI.create(base + "api/v1/models"))
                                .build(),
                        HttpResponse.BodyHandlers.ofString());
                assertEquals(200, up.statusCode(), up.body());
                var page = client.send(
                        HttpRequest.newBuilder(URI.create(base)).build(), HttpResponse.BodyHandlers.ofString());
                assertEquals(404, page.statusCode());
                assertTrue(page.body().contains("Node 20.19"), page.body());
                client.send(
                        HttpRequest.newBuilder(URI.create(base + "api/v1/runs"))
                                .POST(HttpRequest.BodyPublishers.ofString(
                                        "{\"model\":\"tiny\",\"text\":\"a secret sentence\"}"))
                                .build(),
                        HttpResponse.BodyHandlers.ofString());
            }
            // Unlike Process.destroy, this leaves the streams open.
            process.toHandle().destroy();
            assertTrue(process.waitFor(10, TimeUnit.SECONDS));
            assertEquals(0, process.exitValue());
            assertEquals("null", String.valueOf(out.readLine()));
        } finally {
            process.destroyForcibly();
        }
        // One line about the page, and nothing of what was sent.
        String said = errors(errors);
        assertEquals(1, said.lines().count(), said);
        assertTrue(said.contains("Node 20.19 or newer") && said.contains("npm"), said);
    }

    @Test
    void aPortThatIsTakenIsOneClearLine() throws Exception {
        try (var taken = new ServerSocket(0, 1, InetAddress.getByName("127.0.0.1"))) {
            Path errors = folder.resolve("taken");
            Process process = start(errors, "--port", String.valueOf(taken.getLocalPort()));
            assertTrue(process.waitFor(20, TimeUnit.SECONDS));
            assertEquals(1, process.exitValue());
            String said = errors(errors);
            assertEquals(1, said.lines().count(), said);
            assertTrue(said.contains("port " + taken.getLocalPort()) && said.contains("--port"), said);
        }
    }

    @Test
    void wrongUseIsOneClearLine() throws Exception {
        for (String[] wrong : new String[][] {
            {"--host", "0.0.0.0"},
            {"--host", "0.0.0.0", "--api-key", "short"},
            {"--host", "no.such.host.invalid", "--api-key", "0123456789abcdef"},
            {"--port", "70000"},
            {"--memory", "0"},
            {"--memory", "9223372036854775807"},
            {"--queue", "0"},
            {"--model", "nobody"}
        }) {
            // Without a process: none of these gets as far as a server.
            var arguments = new ArrayList<String>(List.of("serve"));
            if (!wrong[0].equals("--port")) {
                arguments.addAll(List.of("--port", "0"));
            }
            if (!wrong[0].equals("--model")) {
                arguments.addAll(List.of(
                        "--model", TinyModel.write(folder.resolve("tiny")).toString()));
            }
            arguments.addAll(List.of(wrong));
            var err = new java.io.StringWriter();
            int code = Main.run(
                    arguments.toArray(String[]::new),
                    new java.io.PrintWriter(new java.io.StringWriter()),
                    new java.io.PrintWriter(err));
            assertEquals(Main.USAGE, code, String.join(" ", wrong) + ": " + err);
            assertEquals(1, err.toString().lines().count(), err.toString());
            assertTrue(err.toString().startsWith("clearhead: "), err.toString());
        }
    }
}
