package clearhead.server;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import clearhead.app.TinyModel;
import clearhead.inspect.AttentionRow;
import clearhead.inspect.HeadLabel;
import clearhead.inspect.HeadMetric;
import clearhead.inspect.HeadScan;
import clearhead.inspect.Run;
import clearhead.io.Json;
import clearhead.model.Model;
import clearhead.ops.Backend;
import clearhead.ops.Backends;
import clearhead.ops.Ops;
import clearhead.tensor.Workspace;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;

/// What the Map screen is told, against sums over whole rows in double precision on the reference backend.
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
@SuppressWarnings("NullAway.Init")
class MapRoutesTest {
    private static final String TEXT = "the cat sat on the hat and the cat sat on the mat";

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

    /// Sums over one head's rows.
    private void check(Run run, Json.Obj head) {
        int[] ids = run.ids();
        double previous = 0;
        double self = 0;
        double first = 0;
        double entropy = 0;
        double distance = 0;
        double largest = 0;
        double duplicate = 0;
        double follows = 0;
        int duplicates = 0;
        int followed = 0;
        int rows = ids.length - 1;
        for (int i = 1; i < ids.length; i++) {
            AttentionRow row = run.pattern(head.integer("layer")).row(head.integer("head"), i);
            double[] w = row.weights();
            previous += w[i - 1] / rows;
            self += w[i] / rows;
            first += w[0] / rows;
            entropy += row.entropy() / rows;
            double most = 0;
            double same = -1;
            double next = -1;
            for (int j = 0; j <= i; j++) {
                distance += w[j] * (i - j) / rows;
                most = Math.max(most, w[j]);
                if (j < i && ids[j] == ids[i]) {
                    same = Math.max(same, 0) + w[j];
                }
                if (j > 0 && j < i && ids[j - 1] == ids[i]) {
                    next = Math.max(next, 0) + w[j];
                }
            }
            largest += most / rows;
            duplicate += Math.max(0, same);
            duplicates += same >= 0 ? 1 : 0;
            follows += Math.max(0, next);
            followed += next >= 0 ? 1 : 0;
        }
        assertTrue(duplicates > 0 && followed > 0);
        Json.Obj values = head.object("values");
        assertEquals(previous, values.real("previous_token"), 1e-6);
        assertEquals(self, values.real("self"), 1e-6);
        assertEquals(first, values.real("first_token"), 1e-6);
        assertEquals(entropy, values.real("entropy"), 1e-5);
        assertEquals(distance, values.real("distance"), 1e-5);
        assertEquals(largest, values.real("max_weight"), 1e-6);
        assertEquals(duplicate / duplicates, values.real("duplicate_token"), 1e-6);
        assertEquals(follows / followed, values.real("induction"), 1e-6);
    }

    @Test
    void metricsAreSumsOverRows() throws Exception {
        Json.Obj found = json("heads");
        Json.Arr heads = found.object("text").array("heads");
        assertEquals(run.model().layers() * run.model().attention(0).spec().heads(), heads.size());
        for (int n = 0; n < heads.size(); n++) {
            check(run, heads.object(n));
        }
        assertEquals(run.tokens() - 1, found.integer("position"));
        assertEquals(HeadMetric.values().length, found.array("metrics").size());
        assertEquals(HeadLabel.values().length, found.array("label_rules").size());
        assertTrue(found.text("sentence").startsWith("Highest previous token on this text: layer "));
    }

    @Test
    void randomTokensAreARunOfTheirOwn() throws Exception {
        Json.Obj random = json("heads").object("random");
        Json.Arr ids = random.array("ids");
        int[] given = new int[ids.size()];
        for (int n = 0; n < given.length; n++) {
            given[n] = ids.integer(n);
        }
        int period = random.integer("period");
        int lead = random.integer("lead");
        for (int n = lead; n < lead + period; n++) {
            assertEquals(given[n], given[n + period]);
        }
        try (Run own = Run.of(model.transformer(), ops, given)) {
            Json.Arr heads = random.array("heads");
            for (int n = 0; n < heads.size(); n++) {
                Json.Obj head = heads.object(n);
                check(own, head);
                double sum = 0;
                for (int i = lead + period; i < lead + 2 * period; i++) {
                    sum += own.pattern(head.integer("layer"))
                            .row(head.integer("head"), i)
                            .weights()[i - period + 1];
                }
                assertEquals(sum / period, head.object("values").real("random_induction"), 1e-6);
            }
        }
    }

    @Test
    void directEffectsFollowThePosition() throws Exception {
        Json.Obj found = json("heads?position=3&metric=direct_effect");
        HeadScan wanted = HeadScan.of(run, ops, 3, Run.Progress.NONE);
        assertEquals(3, found.integer("position"));
        assertEquals(wanted.predicted(), found.object("predicted").integer("id"));
        Json.Arr heads = found.object("text").array("heads");
        for (int n = 0; n < heads.size(); n++) {
            Json.Obj head = heads.object(n);
            assertEquals(
                    wanted.head(head.integer("layer"), head.integer("head"))
                            .value(HeadMetric.DIRECT_EFFECT)
                            .orElseThrow(),
                    head.object("values").real("direct_effect"));
        }
    }

    @Test
    void refusesWhatThereIsNot() throws Exception {
        for (String path : List.of("heads?metric=best", "heads?position=1000", "heads?layer=1")) {
            assertEquals(400, get(path, "application/json").statusCode(), path);
        }
    }
}
