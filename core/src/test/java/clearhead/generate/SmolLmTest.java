package clearhead.generate;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import clearhead.io.Checkpoint;
import clearhead.io.Json;
import clearhead.io.Safetensors;
import clearhead.model.Model;
import clearhead.model.Seen;
import clearhead.nn.ForwardPass;
import clearhead.ops.Arithmetic;
import clearhead.ops.Backend;
import clearhead.ops.Backends;
import clearhead.tensor.Tensor;
import clearhead.tensor.Workspace;
import clearhead.testing.SharedData;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;

/// SmolLM2-135M-Instruct, a real language model in Q4_1, against transformers in float32 on the
/// dequantized weights. `verify` brings the file into the cache folder (environment variable or system
/// property `CLEARHEAD_CACHE`, by default `~/.cache/clearhead`); without it the test is skipped.
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class SmolLmTest {
    private static final String FILE = "SmolLM2-135M-Instruct.Q4_1.gguf";

    @SuppressWarnings("NullAway.Init")
    private Backend backend;

    @SuppressWarnings("NullAway.Init")
    private Model model;

    @SuppressWarnings("NullAway.Init")
    private Json.Obj texts;

    @SuppressWarnings("NullAway.Init")
    private Checkpoint expected;

    @BeforeAll
    void load() {
        Path folder = SharedData.path("golden/real/smollm2-135m-instruct-q4_1");
        Path file = cache().resolve(FILE);
        if (!Files.exists(file)) {
            System.out.println("skipped: no " + file + "; ./verify fetches it where pip is there");
            Assumptions.abort("no " + file);
        }
        texts = Json.readObject(folder.resolve("texts.json"));
        expected = Safetensors.open(folder.resolve("expected.safetensors"));
        backend = Backends.choose(Backends.threads(), Arithmetic.EXACT);
        model = Model.load(file, backend);
    }

    private static Path cache() {
        String property = System.getProperty("CLEARHEAD_CACHE");
        String variable = System.getenv("CLEARHEAD_CACHE");
        if (property != null && !property.isBlank()) {
            return Path.of(property);
        }
        return variable != null && !variable.isBlank()
                ? Path.of(variable)
                : Path.of(System.getProperty("user.home"), ".cache", "clearhead");
    }

    @AfterAll
    @SuppressWarnings("ConstantValue")
    void close() {
        if (model != null) {
            model.close();
            backend.close();
            expected.close();
        }
    }

    private int[] ints(String name) {
        Tensor t = expected.tensor(name);
        return IntStream.range(0, (int) t.size()).map(t::intAt).toArray();
    }

    @Test
    void idsLogitsAttentionsAndHiddenStates() {
        List<String> all = texts.array("texts").texts();
        for (int i = 0; i < all.size(); i++) {
            int[] ids = Request.of(model, all.get(i)).prompt();
            assertArrayEquals(ints(i + ".input_ids"), ids);
            try (var workspace = new Workspace()) {
                var ops = backend.ops(workspace);
                var seen = new Seen(ops, 0);
                int n = ids.length;
                var pass = ForwardPass.of(ops, ids).with(seen).logitsOf(n - 3, n - 2, n - 1);
                float[] logits = model.forward(pass).toFloats();
                report(i + ".logits", 1e-3, largest(expected.tensor(i + ".logits"), 0, logits));
                double attention = 0;
                double hidden = 0;
                for (int layer = 0; layer < 30; layer++) {
                    float[] pattern = seen.get("pattern." + layer);
                    Tensor wanted = expected.tensor(i + ".attentions");
                    attention = Math.max(attention, largest(wanted, layer, pattern));
                    wanted = expected.tensor(i + ".hidden_states");
                    hidden = Math.max(hidden, relative(wanted, layer, seen.get("resid_pre." + layer)));
                }
                hidden = Math.max(hidden, relative(expected.tensor(i + ".hidden_states"), 30, seen.get("final_norm")));
                report(i + ".attentions", 1e-4, attention);
                report(i + ".hidden_states, of the largest", 1e-4, hidden);
            }
        }
    }

    private static void report(String what, double bar, double found) {
        System.out.printf("SmolLM2 %s: differs by %.2g at most (bar %.0g)%n", what, found, bar);
        assertTrue(found <= bar, () -> what + ": " + found);
    }

    private static double largest(Tensor wanted, int part, float[] found) {
        long from = (long) part * found.length;
        double error = 0;
        for (int i = 0; i < found.length; i++) {
            double d = Math.abs(wanted.at(from + i) - found[i]);
            error = Double.isNaN(d) ? Double.POSITIVE_INFINITY : Math.max(error, d);
        }
        return error;
    }

    private static double relative(Tensor wanted, int part, float[] found) {
        double largest = 0;
        for (int i = 0; i < found.length; i++) {
            largest = Math.max(largest, Math.abs(wanted.at((long) part * found.length + i)));
        }
        return largest(wanted, part, found) / largest;
    }

    @Test
    void greedyTextOfBothPrompts() {
        List<String> all = texts.array("texts").texts();
        List<String> wanted = texts.array("greedy_text").texts();
        try (var engine = new Engine(model, 512)) {
            for (int i = 0; i < all.size(); i++) {
                var request = Request.of(model, all.get(i)).maxTokens(64).ignoringEnd();
                var streamed = new StringBuilder();
                var generation = engine.generate(request, new Generation.Listener() {
                    @Override
                    public void text(String piece) {
                        streamed.append(piece);
                    }
                });
                int[] greedy = ints(i + ".greedy");
                int[] made = generation.made();
                assertArrayEquals(
                        greedy.length == 64 ? greedy : Arrays.copyOfRange(greedy, greedy.length - 64, greedy.length),
                        made);
                assertEquals(wanted.get(i), all.get(i) + generation.text());
                assertEquals(generation.text(), streamed.toString());
            }
        }
    }

    @Test
    void theChatsReply() {
        var template = ChatTemplate.of(model);
        Json.Arr chats = texts.array("chat");
        try (var engine = new Engine(model, 512)) {
            for (int i = 0; i < chats.size(); i++) {
                Json.Obj chat = chats.object(i);
                var messages = new ArrayList<ChatTemplate.Message>();
                Json.Arr given = chat.array("messages");
                for (int m = 0; m < given.size(); m++) {
                    Json.Obj message = given.object(m);
                    messages.add(new ChatTemplate.Message(message.text("role"), message.text("content")));
                }
                int[] prompt = chat.array("ids").integers();
                assertArrayEquals(prompt, template.encode(messages));
                var generation = engine.generate(Request.of(prompt).maxTokens(64), Generation.Listener.NONE);
                assertEquals(chat.text("reply"), generation.text());
                int[] reply = chat.array("reply_ids").integers();
                assertArrayEquals(
                        // the last one is the end, which is not part of the reply
                        Arrays.copyOf(reply, reply.length - 1),
                        generation.made(),
                        Arrays.stream(generation.made())
                                .mapToObj(Integer::toString)
                                .collect(Collectors.joining(" ")));
                assertEquals(Generation.End.END_OF_SEQUENCE, generation.end().orElseThrow());
            }
        }
    }
}
