package clearhead.ops;

import clearhead.tensor.DType;
import clearhead.tensor.Tensor;

/// What is added to the scores, after scale, soft-cap and score function. A bias of −∞ masks the key.
public sealed interface Bias {
    Bias NONE = new None();

    /// The bias of one score.
    ///
    /// @param sequence number of the sequence in the pass
    /// @param head query head
    /// @param query number of the query among the sequence's queries
    /// @param position position of that query
    /// @param key position of the key
    double at(int sequence, int head, int query, int position, int key);

    /// Nothing.
    record None() implements Bias {
        @Override
        public double at(int sequence, int head, int query, int position, int key) {
            return 0;
        }
    }

    /// A bias that depends on the head and on key − position alone.
    sealed interface ByDistance extends Bias {
        /// @param distance key − position
        double at(int head, int distance);

        @Override
        default double at(int sequence, int head, int query, int position, int key) {
            return at(head, key - position);
        }
    }

    /// Attention with linear biases: −slope·|position − key|. Press et al. 2022, arXiv:2108.12409.
    ///
    /// @param slopes [heads]; not to be changed
    record Alibi(double... slopes) implements ByDistance {
        /// The paper's slopes: 2^(−8(h+1)/heads); where the number of heads is not a power of two,
        /// those of the power below, and every second one of the power above.
        public static Alibi of(int heads) {
            return of(heads, 8);
        }

        /// The same with another exponent of the last slope than 8: MPT's `alibi_bias_max`.
        public static Alibi of(int heads, double most) {
            if (heads < 1) {
                throw new IllegalArgumentException("ALiBi needs at least one head, got " + heads);
            }
            int power = Integer.highestOneBit(heads);
            var slopes = new double[heads];
            for (int h = 0; h < heads; h++) {
                slopes[h] = h < power
                        ? Math.pow(2, -most * (h + 1) / power)
                        : Math.pow(2, -most / 2 * (2 * (h - power) + 1) / power);
            }
            return new Alibi(slopes);
        }

        @Override
        public double at(int head, int distance) {
            return -slopes[head] * Math.abs((double) distance);
        }
    }

    /// T5's relative positions: a learned number for each head and bucket of distances. Raffel et al.
    /// 2020, arXiv:1910.10683, section 2.1.
    ///
    /// @param table [buckets, heads], F32 or F64
    /// @param bidirectional whether keys after the query have buckets of their own (encoders)
    /// @param farthest distance from which on all keys share the last bucket, usually 128
    record Relative(Tensor table, boolean bidirectional, int farthest) implements ByDistance {
        public Relative {
            int least = bidirectional ? 4 : 2;
            if (!isReal(table) || table.rank() != 2 || table.dim(0) < least || farthest < 1) {
                throw new IllegalArgumentException("a relative bias needs a table F32 [buckets, heads] of at least "
                        + least + " buckets and a farthest distance, got " + table + " and " + farthest);
            }
        }

        @Override
        public double at(int head, int distance) {
            return table.at((long) bucket(distance) * table.dim(1) + head);
        }

        /// Half of the buckets are for one distance each, the others for ranges that grow with the
        /// logarithm.
        ///
        /// @param distance key − position
        public int bucket(int distance) {
            int buckets = table.dim(0);
            int first = 0;
            long far = -(long) distance;
            if (bidirectional) {
                buckets /= 2;
                first = distance > 0 ? buckets : 0;
                far = Math.abs(far);
            }
            far = Math.max(0, far);
            int exact = buckets / 2;
            if (far < exact) {
                return first + (int) far;
            }
            // in float32, as the reference implementations do, so that no boundary moves
            float share = (float) Math.log((float) far / exact) / (float) Math.log((double) farthest / exact);
            return first + Math.min(buckets - 1, exact + (int) (share * (buckets - exact)));
        }
    }

    /// Any bias, as a tensor. Axes are counted from the last and broadcast from size 1, as NumPy does.
    ///
    /// @param values F32 or F64 of rank 1 to 4, the last axes of [sequences, heads, queries, keys];
    ///     keys beyond its last axis are masked
    record Added(Tensor values) implements Bias {
        public Added {
            if (!isReal(values) || values.rank() < 1 || values.rank() > 4) {
                throw new IllegalArgumentException("an added bias must be F32 of rank 1 to 4, the last axes of"
                        + " [sequences, heads, queries, keys], got " + values);
            }
        }

        @Override
        public double at(int sequence, int head, int query, int position, int key) {
            long at = Broadcast.offset(values, sequence, head, query, key);
            return at < 0 ? Double.NEGATIVE_INFINITY : values.at(at);
        }
    }

    private static boolean isReal(Tensor t) {
        return t.type() == DType.F32 || t.type() == DType.F64;
    }
}
