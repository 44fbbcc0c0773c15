package clearhead.server;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import clearhead.app.TinyModel;
import clearhead.generate.Engine;
import clearhead.inspect.Interventions;
import clearhead.inspect.Look;
import clearhead.inspect.Run;
import clearhead.inspect.Steps;
import clearhead.io.Json;
import clearhead.io.JsonWriter;
import clearhead.model.Model;
import clearhead.nn.ForwardPass;
import clearhead.ops.Backends;
import clearhead.ops.Ops;
import clearhead.tensor.Workspace;
import clearhead.tokenizer.Explained;
import clearhead.tokenizer.Special;
import clearhead.view.Prompt;
import clearhead.view.StepsJson;
import java.io.StringWriter;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// Tokens, steps and continuations over HTTP are the library's, and the reference backend's.
class TokenAndStepRoutesTest {
    private static final String TEXT = "the cat sat on the hat";
    private static final HttpClient CLIENT = HttpClient.newHttpClient();

    @TempDir
    static Path folder = Path.of("");

    @SuppressWarnings("NullAway.Init")
    private static Hosted hosted;

    @SuppressWarnings("NullAway.Init")
    private static Hosted fast;

    @SuppressWarnings("NullAway.Init")
    private static PageServer server;

    @BeforeAll
    static void start() throws Exception {
        hosted = new Hosted(Model.load(TinyModel.write(folder.resolve("tiny")), Backends.named("reference", 1)));
        fast = new Hosted(Model.load(TinyModel.write(folder.resolve("quick")), Backends.choose()));
        var site = new Site(List.of(hosted, fast), new Runs(1 << 28, 8), TEXT);
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

    private static Json.Obj get(String path) throws Exception {
        var answer = CLIENT.send(to(path).build(), HttpResponse.BodyHandlers.ofString());
        assertEquals(200, answer.statusCode(), answer.body());
        return Json.parseObject("answer", answer.body());
    }

    private static HttpResponse<String> post(String path, String body) throws Exception {
        return CLIENT.send(
                to(path).POST(HttpRequest.BodyPublishers.ofString(body)).build(), HttpResponse.BodyHandlers.ofString());
    }

    private static String run(String model, String rest) throws Exception {
        var started = post("runs", "{\"model\":\"" + model + "\",\"text\":\"" + TEXT + "\"" + rest + "}");
        assertTrue(started.statusCode() < 300, started.body());
        String id = Json.parseObject("run", started.body()).text("id");
        CLIENT.send(to("runs/" + id + "/events").build(), HttpResponse.BodyHandlers.ofString());
        return id;
    }

    private static List<Json.Obj> events(String name, String stream) {
        var found = new ArrayList<Json.Obj>();
        for (String block : stream.split("\n\n")) {
            if (block.startsWith("event: " + name + "\n")) {
                found.add(Json.parseObject("event", block.substring(block.indexOf("data: ") + 6)));
            }
        }
        return found;
    }

    private static double[] reals(Json.Obj of, String name) {
        return of.array(name).reals();
    }

    @Test
    void stepsAreThoseOfALookWithoutAServer() throws Exception {
        Json.Obj told = get("runs/" + run("tiny", "") + "/steps?layer=1&head=2&query=5&key=3");
        try (var workspace = new Workspace()) {
            Ops ops = hosted.model().backend().ops(workspace);
            var prompt = Prompt.ofText(TEXT, hosted.model().tokenizer(), Special.ADD);
            var text = new StringWriter();
            try (Look look = Look.at(
                            hosted.model().transformer(), ops, prompt.ids(), OptionalInt.of(1), OptionalInt.of(2), 5);
                    var json = JsonWriter.to(text, false)) {
                new StepsJson(json, prompt).write(Steps.of(look, ops, OptionalInt.of(3)));
            }
            assertEquals(Json.parseObject("answer", text.toString()), told);
        }
    }

    /// Every number again by hand, in double precision.
    @ParameterizedTest
    @ValueSource(strings = {"tiny", "quick"})
    void stepsAddUp(String model) throws Exception {
        String id = run(model, "");
        Json.Obj s = get("runs/" + id + "/steps?layer=1&head=3&query=4&key=2");
        double[] q = reals(s.object("products"), "q");
        double[] k = reals(s.object("products"), "k");
        double dot = 0;
        for (int e = 0; e < q.length; e++) {
            dot += q[e] * k[e];
        }
        double scale = s.object("place").real("scale");
        assertEquals(1 / Math.sqrt(q.length), scale, 1e-12);
        Json.Arr cells = s.object("softmax").array("keys");
        assertEquals(dot * scale, cells.object(2).real("score"), 1e-9);
        double sum = 0;
        for (int j = 0; j <= 4; j++) {
            sum += Math.exp(cells.object(j).real("score"));
        }
        double all = 0;
        for (int j = 0; j < cells.size(); j++) {
            assertEquals(j > 4, cells.object(j).bool("masked"));
            double weight = cells.object(j).real("weight");
            assertEquals(j > 4 ? 0 : Math.exp(cells.object(j).real("score")) / sum, weight, 1e-9);
            all += weight;
        }
        assertEquals(1, all, 1e-9);
        double[] z = reals(s.object("weighted"), "z");
        Json.Arr parts = s.object("weighted").array("keys");
        for (int e = 0; e < z.length; e++) {
            double of = 0;
            for (int p = 0; p < parts.size(); p++) {
                of += parts.object(p).real("weight") * reals(parts.object(p), "value")[e];
            }
            assertEquals(of, z[e], 1e-5);
        }
        for (Json.Obj rotation :
                List.of(s.array("rotations").object(0), s.array("rotations").object(1))) {
            for (int p = 0; p < rotation.array("pairs").size(); p++) {
                Json.Obj pair = rotation.array("pairs").object(p);
                double angle = rotation.integer("position") * Math.pow(10000, -2.0 * p / q.length);
                assertEquals(
                        pair.real("a") * Math.cos(angle) - pair.real("b") * Math.sin(angle),
                        pair.real("turned_a"),
                        1e-5);
            }
        }
        assertTrue(s.real("largest_relative_difference") < 1e-5);
    }

    @ParameterizedTest
    @ValueSource(strings = {"tiny", "quick"})
    void everyElementCanBeWrittenOut(String model) throws Exception {
        String id = run(model, "");
        String cell = "?layer=1&head=3&query=4&key=2";
        Json.Obj s = get("runs/" + id + "/steps" + cell);
        for (String of : List.of("q", "k", "v", "output")) {
            Json.Obj e = get("runs/" + id + "/element" + cell + "&of=" + of + "&index=3");
            double[] products = reals(e, "products");
            assertEquals(of.equals("output") ? 4 : 16, products.length);
            assertEquals(Arrays.stream(products).sum() + e.real("bias"), e.real("sum"), 1e-9);
            assertEquals(e.real("sum"), e.real("run"), 1e-5);
            if (of.equals("output")) {
                assertEquals(reals(s.object("output"), "head")[3], e.real("run"));
                assertArrayEquals(reals(s.object("weighted"), "z"), reals(e, "x"));
            } else {
                assertEquals(reals(s.object(of), "vector")[3], e.real("run"));
                Json.Obj told = s.object(of).array("elements").object(3);
                assertEquals(told.real("sum"), e.real("sum"), 1e-12);
                Json.Obj largest = told.array("largest_products").object(0);
                assertEquals(largest.real("product"), products[largest.integer("index")], 1e-12);
                assertEquals(
                        Math.abs(largest.real("product")),
                        Arrays.stream(products).map(Math::abs).max().orElseThrow());
                String input = of.equals("q") ? "query_input" : "key_input";
                assertArrayEquals(reals(s.object(input), "x"), reals(e, "x"));
            }
        }
        var refused = CLIENT.send(
                to("runs/" + id + "/element" + cell + "&of=q&index=4").build(), HttpResponse.BodyHandlers.ofString());
        assertEquals(400, refused.statusCode());
        var beyond = CLIENT.send(
                to("runs/" + id + "/steps?layer=1&head=3&query=6&key=99").build(),
                HttpResponse.BodyHandlers.ofString());
        assertEquals(400, beyond.statusCode());
    }

    @Test
    void withChangesTheTotalEffectIsOnTopOfThem() throws Exception {
        Json.Obj s = get("runs/" + run("tiny", ",\"changes\":[\"head:0.1=0\"]") + "/steps?layer=1&head=2&query=5");
        Json.Obj first = s.object("effect").object("total").array("most_likely").object(0);
        try (var workspace = new Workspace()) {
            Ops ops = hosted.model().backend().ops(workspace);
            var model = hosted.model().transformer();
            int[] ids = hosted.model().tokenizer().encode(TEXT, Special.ADD);
            for (String which : List.of("with", "without")) {
                var changes = Interventions.parse(
                        which.equals("with") ? List.of("head:0.1=0") : List.of("head:0.1=0", "head:1.2=0"),
                        model,
                        ids.length,
                        0);
                double[] logits = model.forward(ForwardPass.of(ops, ids)
                                .with(changes.probe(model, ops, ids, new int[0]))
                                .logitsOf(5))
                        .toDoubles();
                assertEquals(logits[first.integer("id")], first.real("logit_" + which));
            }
        }
    }

    @Test
    void tokensAreTheTokenizers() throws Exception {
        String text = "the cat <|endoftext|> naïve 👍🏽";
        for (String special : List.of("text", "parse")) {
            var answer = post(
                    "tokens",
                    "{\"text\":\"" + text + "\",\"tokenizers\":[\"tiny\",\"cl100k_base\"],\"special\":\"" + special
                            + "\"}");
            assertEquals(200, answer.statusCode(), answer.body());
            Json.Obj told = Json.parseObject("answer", answer.body());
            assertEquals(text.codePointCount(0, text.length()), told.integer("characters"));
            Explained explained =
                    hosted.model().tokenizer().explain(text, special.equals("text") ? Special.TEXT : Special.PARSE);
            Json.Obj first = told.array("tokenizers").object(0);
            assertEquals(explained.tokens().size(), first.integer("tokens"));
            assertEquals(explained.pieces().size(), first.array("pieces").size());
            int n = 0;
            for (int p = 0; p < first.array("pieces").size(); p++) {
                Json.Obj piece = first.array("pieces").object(p);
                for (int t = 0; t < piece.array("tokens").size(); t++) {
                    Json.Obj token = piece.array("tokens").object(t);
                    Explained.Token wanted = explained.tokens().get(n++);
                    assertEquals(wanted.id(), token.integer("id"));
                    assertEquals(wanted.byteStart(), token.integer("byte_start"));
                    assertEquals(wanted.byteEnd(), token.integer("byte_end"));
                }
                assertEquals(
                        explained.pieces().get(p).merges().size(),
                        piece.array("merges").size());
            }
        }
        Json.Obj part = Json.parseObject(
                        "answer",
                        post("tokens", "{\"text\":\"the cat sat\",\"tokenizers\":[\"gpt2\"],\"piece\":1}")
                                .body())
                .array("tokenizers")
                .object(0);
        assertEquals(1, part.array("pieces").size());
        assertEquals(
                3797, part.array("pieces").object(0).array("tokens").object(0).integer("id"));
        assertEquals(1, part.integer("first_piece"));
        assertEquals(3, part.integer("tokens"));
        assertEquals(
                404,
                post("tokens", "{\"text\":\"a\",\"tokenizers\":[\"none\"]}").statusCode());
        assertEquals(400, post("tokens", "{\"text\":\"a\",\"tokenizers\":[]}").statusCode());
        assertEquals("tiny", get("tokenizers").array("tokenizers").object(0).text("name"));
    }

    @Test
    void aContinuationIsTheEngines() throws Exception {
        var answer = post("generate", "{\"model\":\"tiny\",\"text\":\"" + TEXT + "\",\"max_tokens\":5}");
        List<Json.Obj> tokens = events("token", answer.body());
        Json.Obj done = events("done", answer.body()).getFirst();
        int[] ids = hosted.model().tokenizer().encode(TEXT, Special.ADD);
        try (var engine = new Engine(hosted.model());
                var workspace = new Workspace()) {
            var generation = engine.generate(
                    clearhead.generate.Request.of(ids).maxTokens(5), clearhead.generate.Generation.Listener.NONE);
            assertArrayEquals(
                    generation.made(),
                    tokens.stream().mapToInt(t -> t.integer("id")).toArray());
            assertEquals(TEXT + generation.text(), done.text("text"));
            Ops ops = hosted.model().backend().ops(workspace);
            try (Run run = Run.of(hosted.model().transformer(), ops, ids)) {
                double[] logits = run.logits(ops, ids.length - 1);
                double sum = Arrays.stream(logits).map(Math::exp).sum();
                int id = tokens.getFirst().integer("id");
                assertEquals(Math.exp(logits[id]) / sum, tokens.getFirst().real("probability"), 1e-9);
            }
        }
        assertEquals(ids.length, done.integer("from"));
        assertEquals(
                Arrays.equals(
                        hosted.model().tokenizer().encode(done.text("text"), Special.ADD),
                        done.array("ids").integers()),
                done.bool("same"));
    }

    @Test
    void withChangesTheChangedModelContinues() throws Exception {
        var answer = post(
                "generate",
                "{\"model\":\"tiny\",\"text\":\"" + TEXT + "\",\"changes\":[\"head:1.2=4\"],\"max_tokens\":2}");
        List<Json.Obj> tokens = events("token", answer.body());
        int[] ids = hosted.model().tokenizer().encode(TEXT, Special.ADD);
        try (var workspace = new Workspace()) {
            Ops ops = hosted.model().backend().ops(workspace);
            var model = hosted.model().transformer();
            for (Json.Obj token : tokens) {
                var changes = Interventions.parse(List.of("head:1.2=4"), model, ids.length, 0);
                double[] logits = model.forward(ForwardPass.of(ops, ids)
                                .with(changes.probe(model, ops, ids, new int[0]))
                                .lastLogits())
                        .toDoubles();
                double most = Arrays.stream(logits).max().orElseThrow();
                assertEquals(most, logits[token.integer("id")]);
                ids = Arrays.copyOf(ids, ids.length + 1);
                ids[ids.length - 1] = token.integer("id");
            }
        }
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "\"temperature\":-1",
                "\"top_p\":0",
                "\"top_k\":-3",
                "\"min_p\":2",
                "\"max_tokens\":0",
                "\"max_tokens\":100000",
                "\"warmth\":1",
                "\"temperature\":\"hot\""
            })
    void aSettingOutOfRangeIsRefused(String setting) throws Exception {
        var answer = post("generate", "{\"model\":\"tiny\",\"text\":\"" + TEXT + "\"," + setting + "}");
        assertEquals(400, answer.statusCode(), answer.body());
        assertTrue(Json.parseObject("answer", answer.body()).object("error").has("remedy"));
    }
}
