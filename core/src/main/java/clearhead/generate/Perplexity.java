package clearhead.generate;

import clearhead.model.Model;
import clearhead.nn.ForwardPass;
import clearhead.ops.Ops;
import clearhead.tensor.DType;
import clearhead.tensor.Tensor;
import clearhead.tensor.Workspace;
import clearhead.tokenizer.Special;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.OptionalInt;

/// How well a model foretells a text.
///
/// The text is one sequence, with the beginning-of-sequence token before it where the model has one
/// (else its first token is not scored). It is read in windows; each begins half a window after the
/// one before, and scores only its second half (the first window: all of it), so that every token but
/// the first ones is foretold from at least half a window.
///
/// @param tokens tokens that were scored
/// @param bytes bytes of the text that these tokens stand for
/// @param nats Σ −ln p(token | tokens before it)
public record Perplexity(long tokens, long bytes, double nats) {

    /// Hears how far it is.
    @FunctionalInterface
    public interface Progress {
        Progress NONE = (_, _, _) -> {};

        /// @param done tokens scored so far, of `all`
        void report(long done, long all, double natsPerToken);
    }

    /// Nats a token: the cross-entropy that training reports as loss.
    public double natsPerToken() {
        return nats / tokens;
    }

    /// Bits a byte: independent of the vocabulary.
    public double bitsPerByte() {
        return nats / Math.log(2) / bytes;
    }

    /// e to the nats a token.
    public double perplexity() {
        return Math.exp(natsPerToken());
    }

    /// @param window tokens a window, at most the model's context
    /// @throws IllegalArgumentException if there is no token to score
    public static Perplexity of(Model model, String text, int window, Progress progress) {
        int[] ids = model.tokenizer().encode(text, Special.ADD);
        int[] plain = model.tokenizer().encode(text);
        long bytes = text.getBytes(StandardCharsets.UTF_8).length;
        OptionalInt bos = model.bos();
        if (bos.isPresent() && (ids.length == 0 || ids[0] != bos.getAsInt())) {
            int[] longer = new int[ids.length + 1];
            longer[0] = bos.getAsInt();
            System.arraycopy(ids, 0, longer, 1, ids.length);
            ids = longer;
        } else if (bos.isEmpty() && plain.length > 0) {
            bytes -= model.tokenizer().tokenBytes(plain[0]).length;
        }
        Perplexity ofIds = of(model, ids, window, progress);
        return new Perplexity(ofIds.tokens, bytes, ofIds.nats);
    }

    /// The same for ids, of which the first is not scored; bytes are 0.
    public static Perplexity of(Model model, int[] ids, int window, Progress progress) {
        if (window < 2 || window > model.context()) {
            throw new IllegalArgumentException("window: wanted 2 to " + model.context() + " (the context of model "
                    + model.name() + "), got " + window);
        }
        if (ids.length < 2) {
            throw new IllegalArgumentException("the text is too short to score: no token follows another");
        }
        double nats = 0;
        int scored = 1; // ids below this one are done
        try (var workspace = new Workspace()) {
            Ops ops = model.backend().ops(workspace);
            for (int start = 0; scored < ids.length; start += window / 2) {
                int end = Math.min(start + window, ids.length - 1);
                workspace.reset();
                nats += window(model, ops, ids, start, end, scored);
                scored = end + 1;
                progress.report(scored - 1, ids.length - 1, nats / (scored - 1));
            }
        }
        return new Perplexity(ids.length - 1, 0, nats);
    }

    /// −ln p of ids[from] to ids[end], given those from `start`.
    private static double window(Model model, Ops ops, int[] ids, int start, int end, int from) {
        int count = end + 1 - from;
        var rows = new int[count];
        Arrays.setAll(rows, i -> from - 1 - start + i);
        var pass = ForwardPass.of(ops, Arrays.copyOfRange(ids, start, end)).logitsOf(rows);
        Tensor logits = model.forward(pass); // [count, vocab]
        Tensor targets = ops.workspace().take(DType.I32, count);
        for (int i = 0; i < count; i++) {
            targets.set(i, ids[from + i]);
        }
        Tensor losses = ops.crossEntropy(logits, targets); // [count]
        double sum = 0;
        for (int i = 0; i < count; i++) {
            sum += losses.at(i);
        }
        return sum;
    }
}
