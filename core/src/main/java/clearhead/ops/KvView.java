package clearhead.ops;

import clearhead.tensor.DType;
import clearhead.tensor.Tensor;
import java.lang.foreign.Arena;
import java.util.Optional;

/// Where the keys and values of each sequence of a pass are. Keys of a sequence are numbered by
/// absolute position from 0, and kernels work on blocks of [#PAGE] positions, so that the same
/// context gives the same bits packed, paged, whole or token by token.
public sealed interface KvView {
    /// Positions in one page, and in one key block of the kernels.
    int PAGE = 64;

    /// Number of sequences.
    int sequences();

    /// Keys of this sequence.
    int length(int sequence);

    /// Keys and values as the layer made them, without a cache: training, encoders, scoring. F32, or
    /// F64 on the reference backend; F16 and BF16 are widened before they are used.
    ///
    /// @param key [keys, kvHeads, headDim]
    /// @param value [keys, kvHeads, valueDim]
    /// @param rows which rows belong to which sequence
    record Packed(Tensor key, Tensor value, Sequences rows) implements KvView {
        @Override
        public int sequences() {
            return rows.count();
        }

        @Override
        public int length(int sequence) {
            return rows.length(sequence);
        }
    }

    /// Keys and values in the pages of a cache. Position p of sequence s lies in page
    /// `table[s][p / PAGE]` at p % PAGE. Keys are stored transposed, so that one vector holds the
    /// same element of neighbouring keys.
    ///
    /// Pages are F32, F16, BF16, or I8 with scales (or F64 on the reference backend). What attention
    /// computes from them has the bits of F32 pages that hold the same numbers.
    ///
    /// In a ring a sequence keeps its last positions only, for layers with a window: position p lies
    /// in page `table[s][p / PAGE % table[s].length]`, over position p − table[s].length·PAGE.
    ///
    /// @param keys [pages, kvHeads, headDim, PAGE]
    /// @param values [pages, kvHeads, PAGE, valueDim]
    /// @param scales of I8 pages, and of no others
    /// @param ring whether a sequence may be longer than its pages
    /// @param table block table: pages of each sequence, in order
    /// @param lengths keys of each sequence
    record Paged(Tensor keys, Tensor values, Optional<Scales> scales, boolean ring, int[][] table, int[] lengths)
            implements KvView {

        /// Pages of real numbers, all positions kept.
        public Paged(Tensor keys, Tensor values, int[][] table, int[] lengths) {
            this(keys, values, Optional.empty(), false, table, lengths);
        }

        /// Empty pages.
        ///
        /// @param type F64, F32, F16, BF16, or I8, which gets scales
        public static Paged zeros(Arena arena, DType type, int pages, int kvHeads, int headDim, int valueDim) {
            return new Paged(
                    Tensor.zeros(arena, type, pages, kvHeads, headDim, PAGE),
                    Tensor.zeros(arena, type, pages, kvHeads, PAGE, valueDim),
                    type == DType.I8 ? Optional.of(Scales.zeros(arena, pages, kvHeads)) : Optional.empty(),
                    false,
                    new int[0][],
                    new int[0]);
        }

        /// The same pages, for these sequences.
        public Paged of(boolean inRing, int[][] blocks, int... keyCounts) {
            return new Paged(keys, values, scales, inRing, blocks, keyCounts);
        }

        @Override
        public int sequences() {
            return lengths.length;
        }

        @Override
        public int length(int sequence) {
            return lengths[sequence];
        }

        /// The page of a position.
        public int page(int sequence, int position) {
            int[] pages = table[sequence];
            return pages[position / PAGE % pages.length];
        }

        /// The first position that a sequence still has.
        public int firstHeld(int sequence) {
            return ring ? (int) Math.max(0, length(sequence) - (long) table[sequence].length * PAGE) : 0;
        }

        /// Element i of a key.
        public double key(int sequence, int kvHead, int position, int i) {
            long head = (long) page(sequence, position) * keys.dim(1) + kvHead;
            int slot = position % PAGE;
            double stored = keys.at((head * keys.dim(2) + i) * PAGE + slot);
            return scales.isEmpty()
                    ? stored
                    : (float) stored * (float) scales.get().keys.at(head * PAGE + slot);
        }

        /// Element i of a value.
        public double value(int sequence, int kvHead, int position, int i) {
            long row = ((long) page(sequence, position) * values.dim(1) + kvHead) * PAGE + position % PAGE;
            double stored = values.at(row * values.dim(3) + i);
            return scales.isEmpty()
                    ? stored
                    : (float) stored * (float) scales.get().values.at(row);
        }
    }

    /// Scales of 8-bit pages: one for each position and head of the keys and one of the values. An
    /// element is scale·q with q from −127 to 127 and scale = (largest magnitude)/127, so that it is
    /// wrong by at most scale/2, 1/254 of the largest magnitude of its key or value. A key or value
    /// that is not all finite becomes NaN as a whole.
    ///
    /// @param keys F32 [pages, kvHeads, PAGE]
    /// @param values F32 [pages, kvHeads, PAGE]
    record Scales(Tensor keys, Tensor values) {
        static Scales zeros(Arena arena, int pages, int kvHeads) {
            return new Scales(
                    Tensor.zeros(arena, DType.F32, pages, kvHeads, PAGE),
                    Tensor.zeros(arena, DType.F32, pages, kvHeads, PAGE));
        }

        /// @param largest magnitude among the elements
        public static float scale(float largest) {
            return Float.isFinite(largest) ? largest / 127 : Float.NaN;
        }

        /// The whole number nearest to x/scale, ties to even.
        public static byte quantize(float x, float scale) {
            return scale > 0 ? (byte) Math.clamp((long) Math.rint(x / scale), -127, 127) : 0;
        }
    }
}
