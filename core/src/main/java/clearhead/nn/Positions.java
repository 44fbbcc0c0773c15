package clearhead.nn;

import clearhead.ops.Ops;
import clearhead.ops.Pairing;
import clearhead.tensor.DType;
import clearhead.tensor.Tensor;
import java.lang.foreign.Arena;

/// How a model knows the order of its tokens.
public sealed interface Positions {

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
            for (int p = 0; p < context; p++) {
                for (int j = 0; j < pairs; j++) {
                    double angle = p * frequencies[j];
                    cos.set((long) p * pairs + j, magnitude * Math.cos(angle));
                    sin.set((long) p * pairs + j, magnitude * Math.sin(angle));
                }
            }
            return new Rope(cos, sin, pairing);
        }

        @Override
        public Tensor rotate(ForwardPass pass, Tensor x) {
            return pass.ops().rope(x, cos, sin, pass.positions(), pairing);
        }
    }

    /// No positions: order is known from the causal mask alone.
    record None() implements Positions {}
}
