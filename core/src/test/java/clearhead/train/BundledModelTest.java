package clearhead.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import clearhead.generate.Perplexity;
import clearhead.inspect.HeadMap;
import clearhead.inspect.HeadMetric;
import clearhead.inspect.HeadMetrics;
import clearhead.inspect.HeadScan;
import clearhead.inspect.Heads;
import clearhead.inspect.RepeatedTokens;
import clearhead.inspect.Run;
import clearhead.model.Model;
import clearhead.ops.Backend;
import clearhead.ops.Backends;
import clearhead.tensor.Workspace;
import clearhead.testing.SharedData;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Locale;
import org.junit.jupiter.api.Test;

/// What the model card of models/tales claims.
class BundledModelTest {
    private static final Path FOLDER = SharedData.repository().resolve("models/tales");
    private static final long MOST_BYTES = 12_000_000;

    /// Of no text that was learned from.
    private static final String TEXT =
            "The old miller looked at the young man and laughed. \"If you can carry the white stone"
                    + " from the river to the top of the hill before the sun goes down,\" said the"
                    + " miller, \"you shall have my daughter, and the white stone shall be turned into"
                    + " gold.\" So the young man went down to the river, and there he found the stone."
                    + " But the stone was so heavy that he could not lift it. He sat down and began to"
                    + " weep. Then a little fish put its head out of the river and said, \"Why do you"
                    + " weep, young man?\"";

    private static Model load(Backend backend) {
        return Model.load(FOLDER, backend);
    }

    @Test
    void isSmallEnoughForARepository() throws Exception {
        try (var files = Files.list(FOLDER)) {
            assertTrue(files.mapToLong(f -> f.toFile().length()).sum() < MOST_BYTES);
        }
    }

    @Test
    void isTheRecipesModel() {
        try (Backend backend = Backends.choose();
                var model = load(backend)) {
            var recipe = Recipe.read(FOLDER.resolve("recipe.json"));
            assertEquals(recipe.architecture().size(), model.architecture().size());
            assertEquals(recipe.tokenizer().size(), model.tokenizer().size());
            assertEquals(recipe.architecture().context(), model.context());
        }
    }

    @Test
    void foretellsATaleItHasNotRead() {
        try (Backend backend = Backends.choose();
                var model = load(backend)) {
            var score = Perplexity.of(model, TEXT, model.context(), Perplexity.Progress.NONE);
            System.out.printf(
                    Locale.ROOT,
                    "tales: %.4f nats a token, %.4f bits a byte on a tale of its own%n",
                    score.natsPerToken(),
                    score.bitsPerByte());
            assertTrue(score.bitsPerByte() < 1.5, "bits a byte: " + score.bitsPerByte());
        }
    }

    /// Heads that look at the token before have formed, and no induction heads.
    @Test
    void headsAreWhatTheCardSays() {
        try (Backend backend = Backends.choose();
                var workspace = new Workspace();
                var model = load(backend)) {
            var ops = backend.ops(workspace);
            int[] ids = model.tokenizer().encode(TEXT);
            double previous = 0;
            double best = 0;
            int seeds = 4;
            try (Run run = Run.of(model.transformer(), ops, ids)) {
                var induction = new HashMap<Heads.Head, Double>();
                for (int seed = 0; seed < seeds; seed++) {
                    int[] lead = {model.bos().orElseThrow()};
                    var tokens = RepeatedTokens.of(model.transformer(), lead, id -> id > 0, seed);
                    for (HeadMetrics h : HeadMap.Random.of(model.transformer(), ops, tokens.orElseThrow())
                            .scan()
                            .heads()) {
                        double score = h.value(HeadMetric.RANDOM_INDUCTION).orElseThrow();
                        induction.merge(new Heads.Head(h.layer(), h.head()), score / seeds, Double::sum);
                    }
                }
                for (HeadMetrics h : HeadScan.of(run, ops).heads()) {
                    double score = induction.getOrDefault(new Heads.Head(h.layer(), h.head()), Double.NaN);
                    double before = h.value(HeadMetric.PREVIOUS_TOKEN).orElseThrow();
                    System.out.printf(
                            Locale.ROOT,
                            "layer %d head %d: previous token %.3f, first token %.3f, induction %.3f%n",
                            h.layer(),
                            h.head(),
                            before,
                            h.value(HeadMetric.FIRST_TOKEN).orElseThrow(),
                            score);
                    previous = Math.max(previous, before);
                    best = Math.max(best, score);
                }
            }
            assertTrue(previous >= 0.5, "previous token: " + previous);
            // The card says that no induction head has formed; should one form, it has to be rewritten.
            assertTrue(best < 0.2, "induction: " + best);
        }
    }
}
