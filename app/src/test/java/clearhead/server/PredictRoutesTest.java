package clearhead.server;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import clearhead.app.TinyModel;
import clearhead.inspect.Contributions;
import clearhead.inspect.Lens;
import clearhead.inspect.Prediction;
import clearhead.inspect.Run;
import clearhead.io.Json;
import clearhead.model.Model;
import clearhead.ops.Backend;
import clearhead.ops.Backends;
import clearhead.ops.Ops;
import clearhead.sampling.Sampling;
import clearhead.tensor.Workspace;
import java.io.IOException;
import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// What the routes of the Predict screen answer, against the library on the reference backend.
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
@SuppressWarnings("NullAway.Init")
class PredictRoutesTest {
    private static final String TEXT = "the cat sat on the hat";

    private final HttpClient client = HttpClient.newHttpClient();
    private Backend backend;
    private Workspace workspace;
    private Model model;
    private Ops ops;
    private Run run;
    private PageServer server;
    private String id;

    @BeforeAll
    void serve(@TempDir Path folder) throws Exception {
        Path tiny = TinyModel.write(folder.resolve("tiny"));
        backend = Backends.named("reference", 1);
        workspace = new Workspace();
        model = Model.load(tiny, backend);
        ops = backend.ops(workspace);
        run = Run.of(model.transformer(), ops, model.tokenizer().encode(TEXT, clearhead.tokenizer.Special.ADD));
        var hosted = new Hosted(Model.load(tiny, Backends.named("reference", 1)));
        server = new PageServer(
                new Site(List.of(hosted), new Runs(1 << 26, 4), TEXT), "127.0.0.1", 0, Optional.empty(), folder);
        server.start();
        var body =
                HttpRequest.BodyPublishers.ofString("{\"model\":\"" + model.name() + "\",\"text\":\"" + TEXT + "\"}");
        id = "";
        for (int tries = 0; tries < 200; tries++) {
            var answer = client.send(
                    HttpRequest.newBuilder(uri("runs"))
                            .header("Content-Type", "application/json")
                            .POST(body)
                            .build(),
                    HttpResponse.BodyHandlers.ofString());
            Json.Obj started = Json.parseObject("answer", answer.body());
            id = started.text("id");
            if (started.text("state").equals("done")) {
                return;
            }
            Thread.sleep(20);
        }
    }

    @AfterAll
    void end() throws Exception {
        server.close();
        run.close();
        model.close();
        workspace.close();
        backend.close();
    }

    private URI uri(String path) {
        return URI.create("http://127.0.0.1:" + server.port() + "/api/v1/" + path);
    }

    private HttpResponse<byte[]> get(String path, String accept) throws IOException, InterruptedException {
        return client.send(
                HttpRequest.newBuilder(uri("runs/" + id + "/" + path))
                        .header("Accept", accept)
                        .build(),
                HttpResponse.BodyHandlers.ofByteArray());
    }

    private Json.Obj json(String path) throws IOException, InterruptedException {
        HttpResponse<byte[]> answer = get(path, "application/json");
        String text = new String(answer.body(), StandardCharsets.UTF_8);
        assertEquals(200, answer.statusCode(), text);
        return Json.parseObject("answer", text);
    }

    @Test
    void predictionsAreTheLibrarys() throws Exception {
        int last = run.tokens() - 1;
        Json.Obj found = json("predict?position=" + last
                + "&temperature=0.8&top_k=30&top_p=0.7&min_p=0.01&seed=5&top=50&draws=40&find="
                + URLEncoder.encode("#100", StandardCharsets.UTF_8));
        var wanted = Prediction.of(run.logits(ops, last), new Sampling(0.8, 30, 0.7, 0.01, 1, 5));
        for (int rank = 1; rank <= 50; rank++) {
            Prediction.Entry e = wanted.ranked(rank);
            Json.Obj f = found.array("top").object(rank - 1);
            assertEquals(e.id(), f.integer("id"));
            assertEquals(e.logit(), f.real("logit"));
            assertEquals(e.probability(), f.real("probability"));
            assertEquals(e.tempered(), f.real("tempered"));
            assertEquals(e.drawn(), f.real("drawn"));
        }
        assertEquals(wanted.kept(), found.integer("kept"));
        assertEquals(wanted.of(100).rank(), found.array("find").object(0).integer("rank"));
        int[] draws = wanted.draw(40);
        for (int i = 0; i < draws.length; i++) {
            assertEquals(draws[i], found.object("draws").array("ids").integer(i));
        }
    }

    @Test
    void octetsAreTheLogits() throws Exception {
        HttpResponse<byte[]> answer = get("predict?position=2", "application/octet-stream");
        var floats =
                ByteBuffer.wrap(answer.body()).order(ByteOrder.LITTLE_ENDIAN).asFloatBuffer();
        double[] wanted = run.logits(ops, 2);
        assertEquals(wanted.length, floats.remaining());
        for (int i = 0; i < wanted.length; i++) {
            assertEquals((float) wanted[i], floats.get(i));
        }
    }

    @Test
    void theGridIsTheLibrarys() throws Exception {
        Json.Obj found = json("lens?position=4&from=1&to=4&attention=yes&find=cat");
        var lens = new Lens(run);
        var places = lens.places(true);
        long watched = found.object("watched").integer("id");
        var grid = lens.grid(ops, new int[] {1, 2, 3, 4}, places, OptionalInt.of((int) watched));
        assertEquals(places.size(), found.array("rows").size());
        for (int row = 0; row < places.size(); row++) {
            for (int i = 0; i < 4; i++) {
                Json.Obj f = found.array("rows").object(row).array("cells").object(i);
                Lens.Cell w = grid.get(row).get(i);
                assertEquals(w.id(), f.integer("id"));
                assertEquals(w.probability(), f.real("probability"));
                assertEquals(w.divergence(), f.real("divergence"));
                assertEquals(w.watched().orElseThrow().rank(), f.integer("watched_rank"));
            }
        }
    }

    @Test
    void partsAreTheLibrarys() throws Exception {
        Json.Obj found = json("contributions?position=5&a=%23100&b=%2320");
        Contributions wanted = Contributions.of(run, ops, 5, 100, OptionalInt.of(20));
        assertEquals(wanted.logit(), found.real("logit"));
        assertEquals(wanted.sum(), found.real("sum"));
        for (int i = 0; i < wanted.parts().size(); i++) {
            assertEquals(
                    wanted.parts().get(i).value(),
                    found.array("parts").object(i).real("value"));
        }
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "predict?position=99",
                "predict?position=-1",
                "predict?position=1&temperature=NaN",
                "predict?position=1&temperature=1e300",
                "predict?position=1&top_p=0",
                "predict?position=1&draws=10001",
                "predict?position=1&find=%23272",
                "predict?position=1&find=zebra%20crossing",
                "predict?position=1&seed=99999999999999999999",
                "lens?position=1&from=3&to=2",
                "lens?position=1&to=99",
                "contributions?position=1&a=%23-1",
                "contributions?position=1&b=%2399999999999",
                "contributions"
            })
    void nonsenseIsRefused(String path) throws Exception {
        HttpResponse<byte[]> answer = get(path, "application/json");
        String text = new String(answer.body(), StandardCharsets.UTF_8);
        assertEquals(400, answer.statusCode(), text);
        assertTrue(
                Json.parseObject("answer", text).object("error").text("message").length() > 10, text);
    }
}
