package clearhead.train;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import clearhead.io.Json;
import clearhead.io.ModelFileException;
import clearhead.io.Safetensors;
import clearhead.ops.Backend;
import clearhead.ops.Backends;
import clearhead.tensor.DType;
import clearhead.tokenizer.Special;
import clearhead.tokenizer.TokenizerJson;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// A whole training on a page of invented text.
class TrainingTest {
    private static final String[] WORDS = {
        "king", "queen", "cat", "the", "a", "saw", "loved", "old", "young", "tree", "of", "gold"
    };

    @TempDir
    @SuppressWarnings("NullAway.Init")
    Path folder;

    private Path data = Path.of("");

    @BeforeEach
    void writeTexts() throws Exception {
        data = Files.createDirectory(folder.resolve("data"));
        var random = new Random(3);
        for (String name : List.of("one.txt", "two.txt", "held.txt")) {
            var text = new StringBuilder("HEADER\n");
            for (int i = 0; i < 600; i++) {
                text.append(WORDS[random.nextInt(WORDS.length)]).append(i % 9 == 8 ? ".\n" : " ");
            }
            Files.writeString(data.resolve(name), text);
        }
    }

    private Path recipe(int seed, String clip) throws Exception {
        var texts = new ArrayList<Object>();
        for (String name : List.of("one.txt", "two.txt", "held.txt")) {
            var entry = new LinkedHashMap<String, Object>();
            entry.put("title", name);
            entry.put("file", name);
            entry.put("sha256", Texts.sha256(data.resolve(name)));
            entry.put("source", "https://example.org/" + name);
            entry.put("licence", "none");
            entry.put("clean", "all");
            entry.put("begin", "HEADER");
            entry.put("held_out", name.startsWith("held"));
            texts.add(entry);
        }
        var model = new LinkedHashMap<String, Object>();
        model.put("model_type", "llama");
        model.put("vocab_size", 280);
        model.put("max_position_embeddings", 24);
        model.put("hidden_size", 24);
        model.put("num_hidden_layers", 2);
        model.put("num_attention_heads", 4);
        model.put("num_key_value_heads", 2);
        model.put("intermediate_size", 40);
        model.put("tie_word_embeddings", true);
        var training = new LinkedHashMap<String, Object>();
        training.put("steps", 12);
        training.put("batch", 6);
        training.put("micro_batch", 3);
        training.put("context", 20);
        training.put("learning_rate", 0.01);
        training.put("warmup", 3);
        training.put("clip", Double.parseDouble(clip));
        training.put("validate_every", 4);
        training.put("sample_every", 5);
        training.put("prompts", List.of("the king"));
        var clean = List.of(Map.of("find", "HEADER\\s*", "replace", ""));
        var fields = new LinkedHashMap<String, Object>();
        fields.put("name", "test");
        fields.put("seed", seed);
        fields.put("tokenizer", Map.of("vocab", 280));
        fields.put("model", model);
        fields.put("training", training);
        fields.put("clean", Map.of("all", clean));
        fields.put("data", texts);
        Path file = folder.resolve("recipe.json");
        Files.writeString(file, Json.object(fields).toText(true));
        return file;
    }

    /// Stops itself after the first sample, if asked to.
    private static final class Recorder implements Training.Listener {
        final List<String> notes = new ArrayList<>();
        Optional<Training> toStop = Optional.empty();
        Optional<Training.Progress> last = Optional.empty();

        @Override
        public void note(String line) {
            notes.add(line);
        }

        @Override
        public void progress(Training.Progress progress) {
            last = Optional.of(progress);
        }

        @Override
        public void sample(long step, String prompt, String continuation) {
            toStop.ifPresent(Training::stop);
        }
    }

    private static Training.Options options(Path data, Path out, boolean resume) {
        return new Training.Options(data, out, resume, Optional.empty(), Optional.empty(), 2);
    }

    private Training.Result train(Path recipeFile, Path out, boolean resume, boolean stop, int threads) {
        var recorder = new Recorder();
        try (Backend backend = Backends.best(threads);
                var training = new Training(Recipe.read(recipeFile), options(data, out, resume), backend, recorder)) {
            recorder.toStop = stop ? Optional.of(training) : Optional.empty();
            return training.run();
        }
    }

    private static float[] state(Path out, Path recipeFile) {
        try (var arena = Arena.ofShared()) {
            var recipe = Recipe.read(recipeFile);
            var parameters = Parameters.of(arena, DType.F32, recipe.architecture());
            var checkpoints = new Checkpoints(out.resolve("checkpoints"), 1);
            Checkpoints.read(checkpoints.newest().orElseThrow(), parameters);
            int n = parameters.values().dim(0);
            var all = new float[3 * n];
            System.arraycopy(parameters.values().toFloats(), 0, all, 0, n);
            System.arraycopy(parameters.first().toFloats(), 0, all, n, n);
            System.arraycopy(parameters.second().toFloats(), 0, all, 2 * n, n);
            return all;
        }
    }

    @Test
    void stoppedAndResumedEndsWithTheBitsOfAnUninterruptedRun() throws Exception {
        Path recipe = recipe(1, "1");
        Path whole = folder.resolve("whole");
        Path pieces = folder.resolve("pieces");
        var uninterrupted = train(recipe, whole, false, false, 2);
        assertTrue(uninterrupted.complete());
        var first = train(recipe, pieces, false, true, 1);
        assertEquals(5, first.steps());
        assertFalse(first.complete());
        // A kill while a checkpoint was being written leaves its folder half done.
        Path half = Files.createDirectory(pieces.resolve("checkpoints/.step-00000007.part"));
        Files.writeString(half.resolve("part-0.safetensors"), "half");
        var second = train(recipe, pieces, true, true, 2);
        assertEquals(10, second.steps());
        var third = train(recipe, pieces, true, false, 1);
        assertTrue(third.complete());
        assertArrayEquals(state(whole, recipe), state(pieces, recipe));
        assertEquals(
                uninterrupted.scores().getFirst().nats(),
                third.scores().getFirst().nats());
    }

    @Test
    void learnsAndWritesAModelThatOthersRead() throws Exception {
        Path out = folder.resolve("out");
        var result = train(recipe(1, "1"), out, false, false, 2);
        var score = result.scores().getFirst();
        assertTrue(score.loss() < Math.log(280) - 0.5, "loss " + score.loss());
        assertEquals(score.nats() / score.bytes() / Math.log(2), score.bitsPerByte());
        var tokenizer = TokenizerJson.read(result.model().resolve("tokenizer.json"));
        assertEquals(280, tokenizer.size());
        assertTrue(tokenizer.encode("the king", Special.TEXT).length < 8);
        try (var model = Safetensors.open(result.model().resolve("model.safetensors"))) {
            assertEquals(2 + 2 * 9, model.names().size());
            assertEquals(DType.F16, model.tensor("model.norm.weight").type());
        }
        var config = Json.readObject(result.model().resolve("config.json"));
        assertEquals("llama", config.text("model_type"));
        try (var checkpoints = Files.list(out.resolve("checkpoints"))) {
            assertEquals(1, checkpoints.count());
        }
    }

    @Test
    void aTrainingIsNotOverwrittenNorMixedWithAnotherRecipe() throws Exception {
        Path out = folder.resolve("out");
        train(recipe(1, "1"), out, false, true, 1);
        var begun = assertThrows(ModelFileException.class, () -> train(recipe(1, "1"), out, false, false, 1));
        assertTrue(begun.getMessage().contains("--resume"), begun.getMessage());
        var other = assertThrows(ModelFileException.class, () -> train(recipe(1, "0.5"), out, true, false, 1));
        assertTrue(other.getMessage().contains("another recipe"), other.getMessage());
    }

    @Test
    void missingAndChangedTextsAreNamedWithTheirSource() throws Exception {
        Path recipe = recipe(1, "1");
        Files.delete(data.resolve("one.txt"));
        Files.writeString(data.resolve("two.txt"), "other text");
        var e = assertThrows(ModelFileException.class, () -> train(recipe, folder.resolve("out"), false, false, 1));
        assertTrue(e.getMessage().contains("https://example.org/one.txt"), e.getMessage());
        assertTrue(e.getMessage().contains("two.txt has the SHA-256"), e.getMessage());
    }

    @Test
    void recipesSayWhatIsWrongWithThem() throws Exception {
        Path file = recipe(1, "1");
        String good = Files.readString(file);
        assertRefused(file, good.replace("\"vocab\": 280", "\"vocab\": 300"), "vocab_size");
        assertRefused(file, good.replace("\"context\": 20", "\"context\": 50"), "context");
        assertRefused(file, good.replace("\"micro_batch\": 3", "\"micro_batch\": 4"), "divisor");
        assertRefused(file, good.replace("\"warmup\": 3", "\"warmup\": 12"), "warmup");
        assertRefused(file, good.replace("HEADER\\\\s*", "(HEADER"), "regular expression");
        assertRefused(file, good.replace("\"held_out\": false", "\"held_out\": true"), "held out");
    }

    private static void assertRefused(Path file, String text, String word) throws Exception {
        Files.writeString(file, text);
        var e = assertThrows(ModelFileException.class, () -> Recipe.read(file));
        assertTrue(e.getMessage().contains(word), e.getMessage());
    }
}
