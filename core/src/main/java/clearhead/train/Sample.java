package clearhead.train;

import clearhead.tokenizer.Special;
import clearhead.tokenizer.Tokenizer;
import java.util.Arrays;
import java.util.stream.IntStream;

/// Short continuations while a model learns, drawn from the 40 likeliest tokens at temperature 0.8.
/// The whole text runs through the model for every token; for more than a look use
/// `clearhead.generate`.
final class Sample {
    private static final int TOKENS = 80;
    private static final int TOP = 40;
    private static final double TEMPERATURE = 0.8;
    private static final long STREAM = 0x73616d706c65L;

    private Sample() {}

    static String text(Learner learner, Tokenizer tokenizer, String prompt, Recipe recipe) {
        int[] ids = tokenizer.encode(prompt, Special.TEXT);
        int end = tokenizer.id(recipe.tokenizer().endOfText()).orElse(-1);
        if (ids.length == 0) {
            ids = new int[] {Math.max(end, 0)};
        }
        int before = ids.length;
        var draws = new Draws(recipe.seed(), STREAM);
        int most = Math.min(before + TOKENS, recipe.training().context());
        while (ids.length < most) {
            int next = draw(learner.next(ids), draws.uniform(ids.length));
            if (next == end) {
                break;
            }
            ids = Arrays.copyOf(ids, ids.length + 1);
            ids[ids.length - 1] = next;
        }
        return tokenizer.decode(Arrays.copyOfRange(ids, Math.min(before, ids.length), ids.length));
    }

    /// @param u uniform in [0, 1)
    private static int draw(float[] logits, double u) {
        int[] best = IntStream.range(0, logits.length)
                .boxed()
                .sorted((a, b) -> Float.compare(logits[b], logits[a]))
                .limit(TOP)
                .mapToInt(Integer::intValue)
                .toArray();
        var weights = new double[best.length];
        double sum = 0;
        for (int i = 0; i < best.length; i++) {
            weights[i] = Math.exp((logits[best[i]] - logits[best[0]]) / TEMPERATURE);
            sum += weights[i];
        }
        double left = u * sum;
        for (int i = 0; i < best.length; i++) {
            left -= weights[i];
            if (left < 0) {
                return best[i];
            }
        }
        return best[best.length - 1];
    }
}
