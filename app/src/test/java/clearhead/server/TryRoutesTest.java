package clearhead.server;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import clearhead.app.TinyModel;
import clearhead.inspect.Alignment;
import clearhead.inspect.Comparison;
import clearhead.inspect.HeadSweep;
import clearhead.inspect.Interventions;
import clearhead.inspect.PatchGrid;
import clearhead.inspect.Run;
import clearhead.io.Json;
import clearhead.model.Model;
import clearhead.ops.Backends;
import clearhead.ops.Ops;
import clearhead.tensor.Workspace;
import clearhead.tokenizer.Special;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Sweeps, patches and comparisons over HTTP are the library's, on the reference backend.
class TryRoutesTest {
    private static final String TEXT = "the cat sat on the hat";
    private static final String OTHER = "the mat sat on the hat";

    @TempDir
    static Path folder = Path.of("");

    @SuppressWarnings("NullAway.Init")
    private static Hosted hosted;

    @SuppressWarnings("NullAway.Init")
    private static PageServer server;

    private static final HttpClient CLIENT = HttpClient.newHttpClient();

    @BeforeAll
    static void start() throws Exception {
        hosted = new Hosted(Model.load(TinyModel.write(folder.resolve("tiny")), Backends.named("reference", 1)));
        var site = new Site(List.of(hosted), new Runs(1 << 28, 8), TEXT);
        server = new PageServer(site, "127.0.0.1", 0, Optional.empty(), folder);
        server.start();
    }

    @AfterAll
    static void stop() throws Exception {
        server.close();
    }

    private static HttpRequest.Builder to(String path) {
        return HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + server.port() + "/api/v1/" + path));
    }

    private static HttpResponse<String> get(String path) throws Exception {
        return CLIENT.send(to(path).build(), HttpResponse.BodyHandlers.ofString());
    }

    private static HttpResponse<String> post(String path, String body) throws Exception {
        return CLIENT.send(
                to(path).POST(HttpRequest.BodyPublishers.ofString(body)).build(), HttpResponse.BodyHandlers.ofString());
    }

    private static String run(String rest) throws Exception {
        var started = post("runs", "{\"model\":\"tiny\"," + rest + "}");
        assertTrue(started.statusCode() < 300, started.body());
        String id = Json.parseObject("run", started.body()).text("id");
        event("done", get("runs/" + id + "/events").body());
        return id;
    }

    /// The data of the last event, which must be this one.
    private static Json.Obj event(String name, String stream) {
        int at = stream.lastIndexOf("event: ");
        String last = stream.substring(at);
        assertTrue(last.startsWith("event: " + name + "\n"), stream);
        return Json.parseObject(
                "event", last.substring(last.indexOf("data: ") + 6).strip());
    }

    private interface With {
        void check(Ops ops, int[] ids, int[] other);
    }

    private static void inLibrary(With with) {
        try (var workspace = new Workspace()) {
            var tokenizer = hosted.model().tokenizer();
            with.check(
                    hosted.model().backend().ops(workspace),
                    tokenizer.encode(TEXT, Special.ADD),
                    tokenizer.encode(OTHER, Special.ADD));
        }
    }

    @Test
    void aSweepIsTheLibrarys() throws Exception {
        String id = run("\"text\":\"" + TEXT + "\",\"changes\":[\"block:2\"]");
        var answer = post("runs/" + id + "/sweep", "{\"factor\":\"mean\",\"query\":4,\"top\":3}");
        Json.Obj done = event("done", answer.body());
        assertTrue(answer.body().startsWith("event: progress\ndata: {\"done\":0,\"of\":8}"), answer.body());
        inLibrary((ops, ids, other) -> {
            var model = hosted.model().transformer();
            var changes = Interventions.parse(List.of("block:2"), model, ids.length, 0);
            var sweep = new HeadSweep(model, ops, ids, new int[0], changes, 4)
                    .run(OptionalDouble.empty(), 3, HeadSweep.Progress.NONE);
            Json.Arr heads = done.array("heads");
            assertEquals(8, heads.size());
            for (int n = 0; n < 8; n++) {
                Json.Obj head = heads.object(n);
                assertEquals(n / 4, head.integer("layer"));
                assertEquals(n % 4, head.integer("head"));
                assertEquals(sweep.get(n).divergence(), head.real("divergence"));
                assertEquals(
                        sweep.get(n).best().logitAfter(), head.object("best").real("logit_after"));
            }
        });
    }

    @Test
    void aPatchGridIsTheLibrarys() throws Exception {
        String id = run("\"text\":\"" + TEXT + "\"");
        var answer = post("runs/" + id + "/patch", "{\"other\":\"" + OTHER + "\",\"site\":\"z\",\"head\":1}");
        Json.Obj done = event("done", answer.body());
        inLibrary((ops, ids, other) -> {
            var model = hosted.model().transformer();
            var patches = new PatchGrid(model, ops, ids, other, Interventions.NONE, ids.length - 1);
            int[] contrast = patches.contrast();
            var plan = patches.plan(clearhead.nn.Site.Z, OptionalInt.of(1), Alignment.ofIds(ids, other));
            var grid = patches.run(plan, contrast[0], contrast[1], HeadSweep.Progress.NONE);
            assertEquals(contrast[0], done.object("a").integer("id"));
            assertEquals(grid.unpatched(), done.real("unpatched"));
            assertEquals(grid.source(), done.real("source"));
            for (int l = 0; l < 2; l++) {
                for (int p = 0; p < plan.positions().length; p++) {
                    assertEquals(
                            grid.patched()[l][p],
                            ((Json.Arr) done.array("patched").get(l)).real(p));
                }
            }
        });
    }

    @Test
    void aComparisonIsTheLibrarys() throws Exception {
        String a = run("\"text\":\"" + TEXT + "\"");
        String b = run("\"text\":\"" + OTHER + "\",\"changes\":[\"head:1.2=0\",\"swap:3=5\"]");
        Json.Obj answer =
                Json.parseObject("compare", get("compare?a=" + a + "&b=" + b).body());
        inLibrary((ops, ids, other) -> {
            var model = hosted.model().transformer();
            var changes = Interventions.parse(List.of("head:1.2=0", "swap:3=5"), model, other.length, 0);
            try (var runA = Run.of(model, ops, ids);
                    var runB = Run.of(
                            model,
                            ops,
                            changes.ids(other),
                            changes.probe(model, ops, other, new int[0]),
                            Run.Progress.NONE)) {
                var comparison = Comparison.of(
                        Comparison.Side.of(runA, ops, runA.tokens() - 1),
                        Comparison.Side.of(runB, ops, runB.tokens() - 1),
                        Alignment.ofIds(ids, changes.ids(other)),
                        512,
                        20);
                assertEquals(comparison.effect().orElseThrow().divergence(), answer.real("divergence"));
                for (int n = 0; n < 8; n++) {
                    assertEquals(
                            comparison.heads().get(n).distance(),
                            answer.array("heads").object(n).real("distance"));
                }
                for (int n = 0; n < 20; n++) {
                    assertEquals(
                            comparison.arrows().get(n).b(),
                            answer.array("arrows").object(n).real("b"));
                }
                assertEquals(
                        comparison.alignment().spans().size(),
                        answer.array("alignment").size());
            }
        });
        // The tokens shown are those that ran.
        Json.Obj shown = Json.parseObject("run", get("runs/" + b).body());
        assertEquals(5, shown.array("tokens").object(3).integer("id"));
    }

    @Test
    void badRequestsAreRefusedInWords() throws Exception {
        String id = run("\"text\":\"" + TEXT + "\"");
        String[][] cases = {
            {"sweep", "{\"query\":99}", "query is 99"},
            {"sweep", "{\"factor\":1e9}", "factor is out of range"},
            {"sweep", "{\"factor\":\"off\"}", "factor is no number"},
            {"sweep", "{\"querry\":1}", "There is no field"},
            {"sweep", "{\"query\":\"x\"}", "query"},
            {"sweep", "[]", "no JSON object"},
            {"patch", "{}", "is missing"},
            {"patch", "{\"other\":\"\"}", "empty"},
            {"patch", "{\"other\":\"the\",\"site\":\"scores\"}", "no site of that name"},
            {"patch", "{\"other\":\"the\",\"head\":1}", "Only z has heads"},
        };
        for (String[] c : cases) {
            var answer = post("runs/" + id + "/" + c[0], c[1]);
            assertEquals(400, answer.statusCode(), c[1] + answer.body());
            assertTrue(answer.body().contains(c[2]), answer.body());
        }
        // What is found while it runs comes as an event.
        Json.Obj failed = event(
                "failed",
                post("runs/" + id + "/patch", "{\"other\":\"" + OTHER + "\",\"layers\":[9]}")
                        .body());
        assertTrue(failed.object("error").text("message").contains("layers is 9"));
        assertEquals(404, get("compare?a=" + id + "&b=0000000000000000").statusCode());
        assertEquals(400, get("compare?a=" + id + "&b=" + id + "&query=99").statusCode());
        assertEquals(400, get("compare?a=" + id).statusCode());
    }
}
