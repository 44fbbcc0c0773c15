package clearhead.app;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import clearhead.io.Checkpoint;
import clearhead.io.Json;
import clearhead.io.Safetensors;
import clearhead.tensor.Tensor;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// Commands that run encoder-decoders, on the small models that transformers has answered for.
class TranslateTest {
    private static final Path GOLDEN = Path.of("../core/src/test/resources/golden");

    @TempDir
    @SuppressWarnings("NullAway.Init")
    private Path folder;

    private static String model(String name) {
        return GOLDEN.resolve("seq2seq/" + name).toString();
    }

    private static int[] row(String name, String tensor) {
        try (Checkpoint expected = Safetensors.open(GOLDEN.resolve("seq2seq/" + name + "/expected.safetensors"))) {
            Tensor t = expected.tensor(tensor);
            int[] all = t.toInts();
            return Arrays.copyOf(all, all.length / t.dim(0));
        }
    }

    private static String list(int[] ids, String between) {
        return Arrays.stream(ids).mapToObj(Integer::toString).collect(Collectors.joining(between));
    }

    @ParameterizedTest
    @ValueSource(strings = {"t5-tied", "t5-gated", "bart", "mbart", "marian"})
    void writesWhatTransformersWrites(String name) {
        int[] greedy = row(name, "greedy");
        int end = Json.readObject(GOLDEN.resolve("seq2seq/" + name + "/config.json"))
                .integer("eos_token_id");
        int length = 1;
        while (length < greedy.length && greedy[length] != end) {
            length++;
        }
        var run = Cli.run(
                "translate",
                "--model",
                model(name),
                "--ids",
                list(row(name, "input_ids"), ","),
                "--print",
                "ids",
                "--max",
                "" + (greedy.length - 1));
        assertEquals(0, run.code(), run.err());
        assertEquals(list(Arrays.copyOfRange(greedy, 1, length), " "), run.out().strip());
    }

    @Test
    void tellsInJson() {
        var run = Cli.run("translate", "--model", model("t5-tied"), "--ids", "5,6,1", "--json", "-", "--max", "2");
        assertEquals(2, run.code());
        assertTrue(run.err().contains("add --print ids"), run.err());
        run = Cli.run(
                "translate",
                "--model",
                model("t5-tied"),
                "--ids",
                "5,6,1",
                "--json",
                "-",
                "--max",
                "2",
                "--print",
                "ids");
        assertEquals(0, run.code(), run.err());
        Json.Obj told = Json.parseObject("json", run.out());
        assertEquals("translate", told.text("command"));
        assertArrayEquals(new int[] {5, 6, 1}, told.array("read_ids").integers());
        assertEquals(0, told.integer("start_id"));
        assertEquals("max_tokens", told.text("end"));
    }

    @Test
    void refusesInOneLine() {
        String decoder = GOLDEN.resolve("causal/gpt2").toString();
        refused("is no encoder-decoder", "translate", "--model", decoder, "--ids", "5", "--print", "ids");
        refused("give --ids", "translate", "--model", model("marian"), "hello");
        refused(
                "ids of model t5-tied are 0 to 63",
                "translate",
                "--model",
                model("t5-tied"),
                "--ids",
                "64",
                "--print",
                "ids");
        refused("holds 32", "translate", "--model", model("bart"), "--ids", "5" + ",5".repeat(32), "--print", "ids");
        refused("names no tasks", "translate", "--model", model("t5-tied"), "x", "--task", "translation_en_to_de");
        refused("reads", "generate", "--model", model("t5-tied"), "--ids", "5", "--print", "ids");
        refused("reads", "attend", "--model", model("t5-tied"), "--ids", "5,6,7");
        refused(
                "for encoder-decoders",
                "trace",
                "--model",
                decoder,
                "--ids",
                "5",
                "--decoder-ids",
                "5",
                "--out",
                folder.resolve("x.safetensors").toString());
    }

    private static void refused(String why, String... command) {
        var run = Cli.run(command);
        assertTrue(run.code() == 1 || run.code() == 2, run.out() + run.err());
        assertTrue(run.err().contains(why), run.err());
        assertEquals(1, run.err().strip().lines().count(), run.err());
    }

    @ParameterizedTest
    @ValueSource(strings = {"t5-gated", "bart", "mbart", "marian"})
    void tracesBothTexts(String name) {
        Path out = folder.resolve(name + ".safetensors");
        var run = Cli.run(
                "trace",
                "--model",
                model(name),
                "--ids",
                list(row(name, "input_ids"), ","),
                "--decoder-ids",
                list(row(name, "decoder_input_ids"), ","),
                "--out",
                out.toString());
        assertEquals(0, run.code(), run.err());
        try (Checkpoint made = Safetensors.open(out);
                Checkpoint expected = Safetensors.open(GOLDEN.resolve("seq2seq/" + name + "/expected.safetensors"))) {
            same(made, "encoder_pattern.1", expected, "encoder_attentions.1", 1e-5);
            same(made, "pattern.0", expected, "attentions.0", 1e-5);
            same(made, "cross_pattern.0", expected, "cross_attentions.0", 1e-5);
            same(made, "logits", expected, "logits", 1e-3);
            assertEquals(10, made.tensor("decoder_input_ids").dim(0));
            assertEquals(24, made.tensor("input_ids").dim(0));
        }
    }

    private static void same(Checkpoint made, String ours, Checkpoint expected, String theirs, double tolerance) {
        float[] found = made.tensor(ours).toFloats();
        assertArrayEquals(
                Arrays.copyOf(expected.tensor(theirs).toFloats(), found.length), found, (float) tolerance, ours);
    }
}
