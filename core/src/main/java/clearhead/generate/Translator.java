package clearhead.generate;

import clearhead.io.Json;
import clearhead.model.Config;
import clearhead.model.Model;
import clearhead.nn.ForwardPass;
import clearhead.nn.KeyValues;
import clearhead.nn.KvCache;
import clearhead.nn.ReadText;
import clearhead.ops.KvView;
import clearhead.ops.Ops;
import clearhead.ops.Sequences;
import clearhead.sampling.Sampler;
import clearhead.sampling.Sampling;
import clearhead.tensor.Memory;
import clearhead.tensor.Tensor;
import clearhead.tensor.Workspace;
import clearhead.tokenizer.Special;
import clearhead.tokenizer.Tokenizer;
import java.lang.foreign.Arena;
import java.util.Arrays;
import java.util.List;
import java.util.OptionalInt;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.IntConsumer;

/// Reads a text with the encoder of an encoder-decoder and writes another with its decoder: translation,
/// summaries, whatever the model was trained for. The text is read once; then every token is one pass of
/// the decoder.
///
/// ```java
/// try (var translator = new Translator(model)) {
///     int[] read = translator.encode("translate English to German: The house is small.");
///     System.out.println(translator.decode(translator.write(read, Sampling.GREEDY, 64).ids()));
/// }
/// ```
///
/// For one thread at a time.
public final class Translator implements AutoCloseable {
    private final Model model;
    private final Workspace workspace = new Workspace();
    private final Ops ops;
    private final int start;
    private final OptionalInt first;
    private final Set<Integer> never = new TreeSet<>();

    /// What was written.
    ///
    /// @param ids after the start token, without an end-of-sequence token
    /// @param ended whether the model ended it
    public record Written(int[] ids, boolean ended) {}

    /// @throws clearhead.io.ModelFileException if the model is no encoder-decoder, or names no token to
    ///     start from
    public Translator(Model model) {
        this.model = model;
        model.encoderDecoder();
        Config config = model.config();
        start = token("decoder_start_token_id").orElseGet(() -> config.json().integer("pad_token_id"));
        first = token("forced_bos_token_id");
        config.json().find("bad_words_ids").ifPresent(words -> {
            if (words instanceof Json.Arr list) {
                for (Json word : list.items()) {
                    if (word instanceof Json.Arr ids && ids.integers().length == 1) {
                        never.add(ids.integers()[0]);
                    }
                }
            }
        });
        ops = model.backend().ops(workspace);
    }

    private OptionalInt token(String name) {
        Json.Obj json = model.config().json();
        if (!json.has(name)) {
            return OptionalInt.empty();
        }
        int id = json.integer(name);
        if (id < 0 || id >= model.encoderDecoder().vocab()) {
            throw json.wrong(name, "wanted 0 to " + (model.encoderDecoder().vocab() - 1) + ", found " + id);
        }
        return OptionalInt.of(id);
    }

    /// The token that the decoder starts from.
    public int start() {
        return start;
    }

    /// The tokens of a text that is read, with the end-of-sequence token that such models want after it.
    public int[] encode(String text) {
        return encode(text, Special.ADD);
    }

    /// The same; without [Special#ADD] nothing is added.
    public int[] encode(String text, Special special) {
        int[] ids = model.tokenizer().encode(text, special);
        boolean adds = special == Special.ADD || special == Special.PARSE_AND_ADD;
        Set<Integer> ends = model.eos();
        if (!adds || ends.isEmpty() || (ids.length > 0 && ends.contains(ids[ids.length - 1]))) {
            return ids;
        }
        int[] longer = Arrays.copyOf(ids, ids.length + 1);
        longer[ids.length] = ends.iterator().next();
        return longer;
    }

    /// The text of what was written, without special tokens.
    public String decode(int... ids) {
        Tokenizer tokenizer = model.tokenizer();
        return tokenizer.decode(
                Arrays.stream(ids).filter(id -> !tokenizer.isSpecial(id)).toArray());
    }

    /// Reads one text and writes another.
    ///
    /// @param read tokens of the text that is read
    /// @param most tokens to write at most
    public Written write(int[] read, Sampling sampling, int most) {
        return write(read, sampling, most, _ -> {});
    }

    /// The same, telling of every token as it is written.
    ///
    /// @throws IllegalArgumentException if the text that is read has no token, one that the model does not
    ///     know, or more than the encoder can tell apart
    public Written write(int[] read, Sampling sampling, int most, IntConsumer told) {
        requireFits(read);
        int positions = (int) Math.min(1L + most, model.context());
        Memory.require(
                "the cache of keys and values", KvCache.bytes(model.transformer(), positions), "ask for fewer tokens");
        try (Arena arena = Arena.ofShared();
                var cache = new KvCache(model.transformer(), positions);
                var sequence = cache.open()) {
            workspace.reset();
            List<KvView> text = model.read(ForwardPass.of(ops, read)).kept(ops, arena);
            var sampler = new Sampler(sampling);
            var ids = new int[positions];
            ids[0] = start;
            int count = 1;
            while (count < positions) {
                KeyValues own = cache.extend(Sequences.one(1), sequence);
                int next = next(ids[count - 1], count - 1, ReadText.over(own, text), sampler);
                if (model.eos().contains(next)) {
                    return new Written(Arrays.copyOfRange(ids, 1, count), true);
                }
                sampler.accept(next);
                ids[count++] = next;
                told.accept(next);
            }
            return new Written(Arrays.copyOfRange(ids, 1, count), false);
        }
    }

    private int next(int token, int position, KeyValues keyValues, Sampler sampler) {
        workspace.reset();
        var pass = ForwardPass.at(ops, new int[] {token}, Sequences.one(1), new int[] {position}, keyValues);
        Tensor logits = model.forward(pass); // [1, vocab]
        if (position == 0 && first.isPresent()) {
            return first.getAsInt();
        }
        for (int id : never) {
            if (id >= 0 && id < logits.size()) {
                logits.set(id, Double.NEGATIVE_INFINITY);
            }
        }
        return sampler.next(logits);
    }

    private void requireFits(int[] read) {
        int context = model.encoderDecoder().encoder().context();
        if (read.length == 0 || read.length > context) {
            throw new IllegalArgumentException("the text that is read has " + read.length + " tokens; model "
                    + model.name() + " reads 1 to " + context + ": "
                    + (read.length == 0 ? "give at least one word" : "shorten the text"));
        }
    }

    @Override
    public void close() {
        workspace.close();
    }
}
