package clearhead.ops;

import clearhead.tensor.Tensor;

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

    /// Keys and values as the layer made them, without a cache: training, encoders, scoring.
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
    /// @param keys [pages, kvHeads, headDim, PAGE]
    /// @param values [pages, kvHeads, PAGE, valueDim]
    /// @param table block table: pages of each sequence, in order
    /// @param lengths keys of each sequence
    record Paged(Tensor keys, Tensor values, int[][] table, int[] lengths) implements KvView {
        @Override
        public int sequences() {
            return lengths.length;
        }

        @Override
        public int length(int sequence) {
            return lengths[sequence];
        }
    }
}
