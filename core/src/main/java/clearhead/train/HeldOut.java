package clearhead.train;

import clearhead.ops.Sequences;
import java.util.Arrays;

/// A text that nothing is learned from, as tokens, to measure a model on.
public final class HeldOut {
    private final String title;
    private final TokenShard shard;
    private final int[] bytesOf;

    /// How well a text is predicted. Windows follow each other without overlap, so the first tokens of
    /// a window are predicted from little; a model that slides sees more and scores better.
    ///
    /// @param nats Σ −log p over the predicted tokens
    /// @param tokens that were predicted: all but the first of the text
    /// @param bytes of these tokens
    public record Score(String title, double nats, long tokens, long bytes) {

        /// Nats a token.
        public double loss() {
            return nats / tokens;
        }

        /// Bits a byte: independent of the vocabulary.
        public double bitsPerByte() {
            return nats / Math.log(2) / bytes;
        }

        Score plus(String name, Score other) {
            return new Score(name, nats + other.nats, tokens + other.tokens, bytes + other.bytes);
        }
    }

    /// @param bytesOf UTF-8 bytes of each token id; 0 for special ones
    HeldOut(String title, TokenShard shard, int[] bytesOf) {
        this.title = title;
        this.shard = shard;
        this.bytesOf = bytesOf;
    }

    String title() {
        return title;
    }

    /// Measures the first `mostWindows` windows of `context` tokens, `rows` at a time.
    Score measure(Learner learner, int context, int rows, long mostWindows) {
        long predicted = Math.min(shard.size() - 1, Math.multiplyExact(mostWindows, context));
        var score = new Score(title, 0, 0, 0);
        for (long from = 0; from < predicted; from += (long) rows * context) {
            int tokens = (int) Math.min((long) rows * context, predicted - from);
            score = score.plus(title, measure(learner, from, tokens, context));
        }
        return score;
    }

    private Score measure(Learner learner, long from, int tokens, int context) {
        var inputs = new int[tokens];
        var targets = new int[tokens];
        shard.copy(from, inputs, 0, tokens);
        shard.copy(from + 1, targets, 0, tokens);
        int windows = (tokens + context - 1) / context;
        var starts = new int[windows + 1];
        for (int w = 0; w < windows; w++) {
            starts[w] = w * context;
        }
        starts[windows] = tokens;
        double nats = learner.loss(inputs, targets, new Sequences(starts));
        long bytes = Arrays.stream(targets).mapToLong(id -> bytesOf[id]).sum();
        return new Score(title, nats, tokens, bytes);
    }

    void close() {
        shard.close();
    }
}
