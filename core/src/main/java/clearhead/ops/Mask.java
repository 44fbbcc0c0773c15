package clearhead.ops;

import clearhead.ops.score.BlockMask;
import clearhead.ops.score.MaskMod;
import clearhead.tensor.DType;
import clearhead.tensor.Tensor;
import java.util.List;

/// Which keys a query may see. Keys are numbered by their position in their sequence from 0, and a
/// query has a position among them, by the layer's [Alignment].
public sealed interface Mask {
    Mask CAUSAL = new Causal();
    Mask BIDIRECTIONAL = new Bidirectional();

    /// Whether a query may see a key of its own sequence.
    ///
    /// @param sequence number of the sequence in the pass
    /// @param head query head
    /// @param query number of the query among the sequence's queries
    /// @param position position of that query
    /// @param key position of the key
    boolean sees(int sequence, int head, int query, int position, int key);

    /// A mask under which a query sees every key between two positions, whatever its head.
    sealed interface Interval extends Mask {
        /// First key that the query at `position` of a sequence sees; may be below 0.
        int from(int sequence, int position);

        /// One past the last key that it sees; may be beyond the last key, and not above `from`.
        int to(int sequence, int position);

        @Override
        default boolean sees(int sequence, int head, int query, int position, int key) {
            return key >= from(sequence, position) && key < to(sequence, position);
        }
    }

    /// Keys at positions up to the query's own.
    record Causal() implements Interval {
        @Override
        public int from(int sequence, int position) {
            return 0;
        }

        @Override
        public int to(int sequence, int position) {
            return position + 1;
        }
    }

    /// Every key of the query's own sequence.
    record Bidirectional() implements Interval {
        @Override
        public int from(int sequence, int position) {
            return 0;
        }

        @Override
        public int to(int sequence, int position) {
            return Integer.MAX_VALUE;
        }
    }

    /// A sliding window: from `left` keys before the query to `right` keys after it, and the key at
    /// its own position. Beltagy et al. 2020, arXiv:2004.05150. A model whose configuration counts
    /// the query itself (`sliding_window` of Hugging Face) has left = window − 1.
    ///
    /// @param left −1 for no limit
    /// @param right −1 for no limit; 0 for a causal window
    record Window(int left, int right) implements Interval {
        public Window {
            if (left < -1 || right < -1) {
                throw new IllegalArgumentException(
                        "a window needs sizes from 0, or −1 for no limit, got left " + left + ", right " + right);
            }
        }

        @Override
        public int from(int sequence, int position) {
            return left < 0 ? 0 : (int) Math.max(Integer.MIN_VALUE, (long) position - left);
        }

        @Override
        public int to(int sequence, int position) {
            return right < 0 ? Integer.MAX_VALUE : (int) Math.min(Integer.MAX_VALUE, position + right + 1L);
        }
    }

    /// Causal inside chunks: keys up to the query's own position, in the same chunk of `size`
    /// positions, as in Llama 4.
    record Chunked(int size) implements Interval {
        public Chunked {
            if (size < 1) {
                throw new IllegalArgumentException("a chunk needs at least 1 position, got " + size);
            }
        }

        @Override
        public int from(int sequence, int position) {
            return Math.floorDiv(position, size) * size;
        }

        @Override
        public int to(int sequence, int position) {
            return position + 1;
        }
    }

    /// Prefix language model: every query sees the first positions, and keys up to its own. Raffel et
    /// al. 2020, arXiv:1910.10683, section 3.2.1.
    ///
    /// @param lengths prefix of each sequence, or one for all; not to be changed
    record Prefix(int... lengths) implements Interval {
        @Override
        public int from(int sequence, int position) {
            return 0;
        }

        @Override
        public int to(int sequence, int position) {
            return Math.max(lengths[lengths.length == 1 ? 0 : sequence], position + 1);
        }
    }

    /// Packed documents: keys of the query's own document. Combine it with [#CAUSAL] by [#and].
    /// Grattafiori et al. 2024, arXiv:2407.21783, section 3.2.
    ///
    /// @param documents number of the document at each position of each sequence, or one sequence for
    ///     all; not to be changed
    record Documents(int[]... documents) implements Mask {
        @Override
        public boolean sees(int sequence, int head, int query, int position, int key) {
            int[] own = documents[documents.length == 1 ? 0 : sequence];
            return position >= 0 && position < own.length && key < own.length && own[position] == own[key];
        }
    }

    /// Any mask, as a tensor. Axes are counted from the last and broadcast from size 1, as NumPy does.
    ///
    /// @param allowed BOOL of rank 1 to 4, the last axes of [sequences, heads, queries, keys]; keys
    ///     beyond its last axis are masked
    record Allowed(Tensor allowed) implements Mask {
        public Allowed {
            if (allowed.type() != DType.BOOL || allowed.rank() < 1 || allowed.rank() > 4) {
                throw new IllegalArgumentException("a mask must be BOOL of rank 1 to 4, the last axes of"
                        + " [sequences, heads, queries, keys], got " + allowed);
            }
        }

        @Override
        public boolean sees(int sequence, int head, int query, int position, int key) {
            long at = Broadcast.offset(allowed, sequence, head, query, key);
            return at >= 0 && allowed.intAt(at) != 0;
        }
    }

    /// A mask of your own, made of a [MaskMod] lambda.
    record Blocks(BlockMask mask) implements Mask {
        @Override
        public boolean sees(int sequence, int head, int query, int position, int key) {
            return mask.sees(sequence, head, position, key);
        }
    }

    /// Keys that all of several masks let through.
    record All(List<Mask> masks) implements Mask {
        public All {
            masks = List.copyOf(masks);
        }

        @Override
        public boolean sees(int sequence, int head, int query, int position, int key) {
            for (Mask mask : masks) {
                if (!mask.sees(sequence, head, query, position, key)) {
                    return false;
                }
            }
            return true;
        }
    }

    /// Keys that both this and `other` let through.
    default Mask and(Mask other) {
        return new All(List.of(this, other));
    }
}
