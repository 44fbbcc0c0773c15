package clearhead.nn;

import clearhead.ops.Ops;
import clearhead.ops.Pairing;
import clearhead.tensor.DType;
import clearhead.tensor.Tensor;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;

/// How a model knows the order of its tokens.
public sealed interface Positions {

    /// The same, turning the other way: nanochat.
    default Positions backwards() {
        return this;
    }

    /// At the bottom of the model.
    ///
    /// @param x [tokens, dim]: token embeddings
    /// @return [tokens, dim]
    default Tensor embed(ForwardPass pass, Tensor x) {
        return x;
    }

    /// In every layer, on queries and keys.
    ///
    /// @param x [tokens, heads, headDim]
    /// @return [tokens, heads, headDim]
    default Tensor rotate(ForwardPass pass, Tensor x) {
        return x;
    }

    /// The rotation of a text that has become `length` tokens long; empty where nothing turns.
    default Optional<Rope> rotation(int length) {
        return Optional.empty();
    }

    /// Whether keys that were turned when a text had `from` tokens still serve when it has `to`. Where they
    /// do not, a cache has to be filled anew.
    default boolean keysServe(int from, int to) {
        return true;
    }

    /// A learned vector for each position, added to the token's. Vaswani et al. 2017, section 3.5.
    ///
    /// @param table [context, dim]
    record Learned(Tensor table) implements Positions {
        @Override
        public Tensor embed(ForwardPass pass, Tensor x) {
            Ops ops = pass.ops();
            return ops.add(x, ops.embed(table, pass.positions()));
        }
    }

    /// Learned positions of models that number them after the padding token and do not count padding:
    /// token i has the position padding + (tokens up to i that are no padding), and a padding token the
    /// position `padding`. RoBERTa, MPNet.
    ///
    /// @param table [context, dim]
    record LearnedAfterPadding(Tensor table, int padding) implements Positions {
        @Override
        public Tensor embed(ForwardPass pass, Tensor x) {
            Ops ops = pass.ops();
            Tensor places = ops.workspace().take(DType.I32, pass.ids().dim(0));
            for (int s = 0; s < pass.sequences().count(); s++) {
                int counted = 0;
                for (int row = pass.sequences().start(s); row < pass.sequences().start(s + 1); row++) {
                    boolean real = pass.ids().intAt(row) != padding;
                    counted += real ? 1 : 0;
                    places.set(row, real ? padding + counted : padding);
                }
            }
            return ops.add(x, ops.embed(table, places));
        }
    }

    /// Learned positions whose table begins with rows for something else: position i is row first + i.
    /// OPT, BART.
    ///
    /// @param table [first + context, dim]
    record LearnedFrom(Tensor table, int first) implements Positions {
        @Override
        public Tensor embed(ForwardPass pass, Tensor x) {
            Ops ops = pass.ops();
            Tensor rows = ops.workspace().take(DType.I32, pass.positions().dim(0));
            for (int token = 0; token < rows.dim(0); token++) {
                rows.set(token, first + pass.positions().intAt(token));
            }
            return ops.add(x, ops.embed(table, rows));
        }
    }

    /// Rotary embedding. Su et al. 2021, arXiv:2104.09864, eq. 34: pair j of a head turns by
    /// position·theta^(−2j/rotaryDim).
    ///
    /// @param cos [context, pairs]
    /// @param sin [context, pairs]
    record Rope(Tensor cos, Tensor sin, Pairing pairing) implements Positions {

        /// Tables for the first `context` positions.
        ///
        /// @param type F32, or F64 for a graph in double precision
        /// @param rotaryDim elements of a head that turn; even
        /// @param theta base of the wavelengths, usually 10000
        public static Rope of(Arena arena, DType type, int context, int rotaryDim, double theta, Pairing pairing) {
            if (rotaryDim < 2 || rotaryDim % 2 != 0) {
                throw new IllegalArgumentException("rope: rotaryDim, the elements of a head that turn, must be even"
                        + " and at least 2, for they turn in pairs; got " + rotaryDim);
            }
            var frequencies = new double[rotaryDim / 2];
            for (int j = 0; j < frequencies.length; j++) {
                frequencies[j] = Math.pow(theta, -2.0 * j / rotaryDim);
            }
            return of(arena, type, context, frequencies, 1, pairing);
        }

        /// Tables from explicit frequencies, for scaled variants.
        ///
        /// @param frequencies [pairs], radians a position
        /// @param magnitude factor on cos and sin (YaRN's attention factor), usually 1
        public static Rope of(
                Arena arena, DType type, int context, double[] frequencies, double magnitude, Pairing pairing) {
            int pairs = frequencies.length;
            Tensor cos = Tensor.zeros(arena, type, context, pairs);
            Tensor sin = Tensor.zeros(arena, type, context, pairs);
            // a context of 131,072 takes a third of a second on one thread
            IntStream.range(0, context).parallel().forEach(p -> RopeRows.put(cos, sin, p, p, frequencies, magnitude));
            return new Rope(cos, sin, pairing);
        }

        public int pairs() {
            return cos.dim(1);
        }

        @Override
        public Rope backwards() {
            Tensor negative =
                    Tensor.zeros(Arena.ofAuto(), sin.type(), sin.shape().dims());
            for (long i = 0; i < sin.size(); i++) {
                negative.set(i, -sin.at(i));
            }
            return new Rope(cos, negative, pairing);
        }

        @Override
        public Tensor rotate(ForwardPass pass, Tensor x) {
            return pass.ops().rope(x, cos, sin, pass.positions(), pairing);
        }

        @Override
        public Optional<Rope> rotation(int length) {
            return Optional.of(this);
        }
    }

    /// Rotary embedding whose frequencies depend on how long a sequence has become, as of dynamic NTK
    /// and LongRoPE. Up to `original` tokens it is `near`, to the bit. Beyond, every pass turns its
    /// tokens by the frequencies of the length that its sequence has then. Keys in a cache stay as they
    /// were turned (dynamic NTK) or are computed anew once, when `original` is passed (LongRoPE): each is
    /// what transformers does. Other sequences of the pass change nothing.
    ///
    /// @param near tables of the first `original` positions
    /// @param original longest sequence that `near` serves
    /// @param beyond frequencies of longer ones
    /// @param magnitude factor on cos and sin beyond
    /// @param keys what becomes of those of the first `original` tokens
    record RopeByLength(Rope near, int original, Frequencies beyond, double magnitude, Keys keys) implements Positions {

        /// Keys in a cache when the sequence becomes longer than `original`.
        public enum Keys {
            STAY,
            ANEW
        }

        /// Frequencies of a sequence of so many tokens.
        @FunctionalInterface
        public interface Frequencies {

            /// @return [pairs], radians a position
            double[] of(int length);
        }

        @Override
        public boolean keysServe(int from, int to) {
            return switch (keys) {
                case STAY -> true;
                case ANEW -> from > original || to <= original;
            };
        }

        @Override
        public RopeByLength backwards() {
            Frequencies other =
                    length -> Arrays.stream(beyond.of(length)).map(f -> -f).toArray();
            return new RopeByLength(near.backwards(), original, other, magnitude, keys);
        }

        @Override
        public Tensor rotate(ForwardPass pass, Tensor x) {
            int longest = Arrays.stream(pass.lengths()).max().orElse(0);
            return longest <= original ? near.rotate(pass, x) : rotateBeyond(pass, x);
        }

        /// With a row of cos and sin for every token of the pass.
        private Tensor rotateBeyond(ForwardPass pass, Tensor x) {
            if (pass.positions().shape().rank() != 1) {
                throw new IllegalArgumentException("rope: positions of a rotation that depends on the length must be"
                        + " [tokens], got " + pass.positions().shape());
            }
            var rows = new RopeRows(pass, near);
            for (int s = 0; s < pass.sequences().count(); s++) {
                int length = pass.lengths()[s];
                int from = pass.sequences().start(s);
                int to = pass.sequences().start(s + 1);
                if (from < to && length > original) {
                    double[] frequencies = beyond.of(length);
                    for (int row = from; row < to; row++) {
                        rows.put(row, pass.positions().intAt(row), frequencies, magnitude);
                    }
                } else {
                    for (int row = from; row < to; row++) {
                        for (int j = 0; j < near.pairs(); j++) {
                            rows.copy(row, j, pass.positions().intAt(row));
                        }
                    }
                }
            }
            return rows.rotate(x);
        }

        @Override
        public Optional<Rope> rotation(int length) {
            if (length <= original) {
                return Optional.of(near);
            }
            return Optional.of(
                    Rope.of(Arena.ofAuto(), near.cos.type(), length, beyond.of(length), magnitude, near.pairing()));
        }
    }

    /// Rotary embedding of models that read pictures as well as text (M-RoPE): a token has a position on
    /// each of several axes, such as time, height and width, and every pair turns by one of them. Wang
    /// et al. 2024, arXiv:2409.12191, section 2.1. A token of text has the same position on all axes;
    /// then this is [Rope] to the bit. Positions of the pass are [tokens], or [axes, tokens].
    ///
    /// @param axes [pairs]: the axis that each pair follows
    record Sections(Rope rope, List<Integer> axes) implements Positions {
        public Sections {
            axes = List.copyOf(axes);
            if (axes.size() != rope.pairs()) {
                throw new IllegalArgumentException("rope: axes [pairs] has " + axes.size()
                        + " pairs, but cos [positions, pairs] has " + rope.pairs());
            }
        }

        /// Sections one after the other, as Qwen2-VL has them: the first `sizes[0]` pairs follow axis 0,
        /// the next `sizes[1]` axis 1, and so on round the three axes.
        public static List<Integer> inTurn(int... sizes) {
            var axes = new ArrayList<Integer>();
            for (int i = 0; i < sizes.length; i++) {
                for (int n = 0; n < sizes[i]; n++) {
                    axes.add(i % 3);
                }
            }
            return axes;
        }

        /// Axes in alternation, as Qwen3-VL has them: 0 1 2 0 1 2 … while axis i has fewer than
        /// `sizes[i]` pairs, and axis 0 where it has not.
        public static List<Integer> alternating(int... sizes) {
            var axes = new ArrayList<Integer>();
            int pairs = Arrays.stream(sizes).sum();
            for (int j = 0; j < pairs; j++) {
                int axis = j % 3;
                axes.add(axis < sizes.length && j / 3 < sizes[axis] ? axis : 0);
            }
            return axes;
        }

        @Override
        public Sections backwards() {
            return new Sections(rope.backwards(), axes);
        }

        @Override
        public Tensor rotate(ForwardPass pass, Tensor x) {
            Tensor places = pass.positions(); // [tokens] or [axes, tokens]
            if (places.shape().rank() == 1) {
                return rope.rotate(pass, x);
            }
            int wanted = axes.stream().max(Integer::compare).orElse(0) + 1;
            if (places.rank() != 2 || places.dim(0) < wanted) {
                throw new IllegalArgumentException("rope: positions [axes, tokens] must have at least " + wanted
                        + " axes, which pairs follow; got " + places.shape());
            }
            int tokens = places.dim(1);
            var rows = new RopeRows(pass, rope);
            for (int row = 0; row < tokens; row++) {
                for (int j = 0; j < axes.size(); j++) {
                    rows.copy(row, j, places.intAt((long) axes.get(j) * tokens + row));
                }
            }
            return rows.rotate(x);
        }

        @Override
        public Optional<Rope> rotation(int length) {
            return Optional.of(rope);
        }
    }

    /// No positions: order is known from the causal mask alone.
    record None() implements Positions {}
}
