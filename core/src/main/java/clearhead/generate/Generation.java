package clearhead.generate;

import clearhead.model.Model;
import clearhead.nn.KvCache;
import clearhead.nn.Transformer;
import clearhead.sampling.Sampler;
import clearhead.tensor.Tensor;
import clearhead.tokenizer.StreamingDecoder;
import java.util.Arrays;
import java.util.Optional;
import java.util.Set;

/// One sequence that an [Engine] continues.
public final class Generation {

    /// Why it ended.
    public enum End {
        /// The model made its end-of-sequence token.
        END_OF_SEQUENCE,
        /// A stop string appeared; the text ends before it.
        STOP_TEXT,
        /// As many tokens as were asked for.
        MAX_TOKENS,
        /// The model can tell no more positions apart.
        CONTEXT,
        /// [Generation#cancel].
        CANCELLED
    }

    /// Hears of a generation while it runs, on the thread that calls [Engine#step].
    public interface Listener {
        Listener NONE = new Listener() {};

        /// A token was chosen; told before [#token].
        ///
        /// @param logits [1, vocab] that it was chosen from; theirs only during the call
        default void chosen(int id, Tensor logits) {}

        /// A token was made; an end-of-sequence token is not reported.
        default void token(int id) {}

        /// More text is certain; never a part of a character.
        default void text(String piece) {}
    }

    private final Request request;
    private final Listener listener;
    private final KvCache.Sequence sequence;
    private final Sampler sampler;
    private final StopText stops;
    private final Optional<StreamingDecoder> decoder;
    private final Set<Integer> ends;
    private final int context;
    private final StringBuilder text = new StringBuilder();
    private int[] ids;
    private int count;
    private int computedAt; // tokens that the text had in the last pass
    private volatile boolean cancelled;
    private Optional<End> end = Optional.empty();

    Generation(Model model, Request request, Listener listener, KvCache.Sequence sequence) {
        this.request = request;
        this.listener = listener;
        this.sequence = sequence;
        sampler = new Sampler(request.sampling());
        stops = new StopText(request.stops());
        decoder = model.hasTokenizer()
                ? Optional.of(model.tokenizer().decoder(false, request.prompt()))
                : Optional.empty();
        ends = request.ignoreEnd() ? Set.of() : model.eos();
        context = model.context();
        ids = Arrays.copyOf(request.prompt(), request.prompt().length + 64);
        count = request.prompt().length;
        for (int id : request.prompt()) {
            sampler.accept(id);
        }
        if (request.maxTokens() == 0) {
            finish(End.MAX_TOKENS);
        }
    }

    /// Stops after the present step; from any thread.
    public void cancel() {
        cancelled = true;
    }

    /// Why it ended; empty while it runs.
    public Optional<End> end() {
        return end;
    }

    /// The ids made so far, without the prompt and without an end-of-sequence token.
    public int[] made() {
        return Arrays.copyOfRange(ids, request.prompt().length, count);
    }

    /// The text made so far, without the prompt.
    public String text() {
        return text.toString();
    }

    KvCache.Sequence sequence() {
        return sequence;
    }

    /// Forgets the keys where they do not serve a text that has become so long.
    void dropStaleKeys(Transformer transformer) {
        if (sequence.length() > 0 && !transformer.keysServe(computedAt, count)) {
            sequence.truncate(0);
        }
    }

    void computed() {
        computedAt = count;
    }

    /// Ids that are to be computed next: the rest of the prompt, or the newest token.
    int pending() {
        return count - sequence.length();
    }

    int id(int position) {
        return ids[position];
    }

    /// Ends it if somebody asked for that.
    boolean cancelIfAsked() {
        if (cancelled && end.isEmpty()) {
            finish(End.CANCELLED);
        }
        return end.isPresent();
    }

    /// Chooses the next token.
    ///
    /// @param logits [1, vocab]
    void choose(Tensor logits) {
        int id = sampler.next(logits);
        if (ends.contains(id)) {
            finish(End.END_OF_SEQUENCE);
            return;
        }
        sampler.accept(id);
        if (count == ids.length) {
            ids = Arrays.copyOf(ids, 2 * count);
        }
        ids[count++] = id;
        listener.chosen(id, logits);
        listener.token(id);
        decoder.ifPresent(d -> say(stops.accept(d.accept(id))));
        if (stops.stopped()) {
            finish(End.STOP_TEXT);
        } else if (count - request.prompt().length == request.maxTokens()) {
            finish(End.MAX_TOKENS);
        } else if (count > context) {
            finish(End.CONTEXT);
        }
    }

    private void say(String piece) {
        if (!piece.isEmpty()) {
            text.append(piece);
            listener.text(piece);
        }
    }

    private void finish(End reason) {
        decoder.ifPresent(d -> {
            say(stops.accept(d.finish()));
            say(stops.finish());
        });
        end = Optional.of(reason);
    }
}
