package clearhead.ops.score;

import java.util.Arrays;

/// A [MaskMod] evaluated for all pairs of positions up to a length, in blocks of 64 × 64: blocks that
/// nobody sees are skipped by the kernels, blocks that everybody sees need no mask, and of the others
/// the bits are kept. Made once, used by every layer and pass. Dong et al. 2024, arXiv:2412.05496,
/// section 3.2.
///
/// Memory: some bytes for each block, 512 more for each block that some see.
public final class BlockMask {
    /// Positions along one side of a block.
    public static final int SIDE = 64;

    /// What a block's queries see of its keys.
    public enum State {
        NONE,
        SOME,
        ALL
    }

    private static final long[] NO_WORDS = {};

    private final int sequences;
    private final int heads;
    private final int positions;
    private final int blocks;
    private final State[] states; // [sequences, heads, blocks, blocks]
    private final long[][] words; // of the blocks that some see: 64 words, bit j is key j

    private BlockMask(int sequences, int heads, int positions) {
        this.sequences = sequences;
        this.heads = heads;
        this.positions = positions;
        this.blocks = Math.ceilDiv(positions, SIDE);
        long count = Math.multiplyExact((long) sequences * heads, (long) blocks * blocks);
        if (count > Integer.MAX_VALUE - 8) {
            throw new IllegalArgumentException("a block mask of " + count
                    + " blocks is too large; make one for all heads and sequences, or for shorter sequences");
        }
        states = new State[(int) count];
        words = new long[(int) count][];
    }

    /// The same mask for all heads and sequences: `mod` is asked about head 0 of sequence 0.
    ///
    /// @param positions queries and keys stand at positions 0 to `positions` − 1
    public static BlockMask of(MaskMod mod, int positions) {
        return of(mod, 1, 1, positions);
    }

    /// A mask for each head and sequence.
    ///
    /// @param sequences of a pass; 1 if they are alike
    /// @param heads query heads; 1 if they are alike
    /// @param positions queries and keys stand at positions 0 to `positions` − 1
    public static BlockMask of(MaskMod mod, int sequences, int heads, int positions) {
        if (sequences < 1 || heads < 1 || positions < 0) {
            throw new IllegalArgumentException("a block mask needs at least one sequence and head and no negative"
                    + " length, got sequences " + sequences + ", heads " + heads + ", positions " + positions);
        }
        var mask = new BlockMask(sequences, heads, positions);
        for (int sequence = 0; sequence < sequences; sequence++) {
            for (int head = 0; head < heads; head++) {
                mask.fill(mod, sequence, head);
            }
        }
        return mask;
    }

    private void fill(MaskMod mod, int sequence, int head) {
        var bits = new long[SIDE];
        for (int row = 0; row < blocks; row++) {
            for (int column = 0; column < blocks; column++) {
                long any = 0;
                long all = -1;
                int queries = Math.min(SIDE, positions - row * SIDE);
                int keys = Math.min(SIDE, positions - column * SIDE);
                long whole = keys == SIDE ? -1 : (1L << keys) - 1;
                for (int q = 0; q < queries; q++) {
                    long word = 0;
                    for (int k = 0; k < keys; k++) {
                        if (sees(mod, sequence, head, row * SIDE + q, column * SIDE + k)) {
                            word |= 1L << k;
                        }
                    }
                    bits[q] = word;
                    any |= word;
                    all &= word;
                }
                int at = index(sequence, head, row, column);
                states[at] = any == 0 ? State.NONE : all == whole ? State.ALL : State.SOME;
                words[at] = states[at] == State.SOME ? Arrays.copyOf(bits, queries) : NO_WORDS;
            }
        }
    }

    private static boolean sees(MaskMod mod, int sequence, int head, int query, int key) {
        try {
            return mod.sees(sequence, head, query, key);
        } catch (RuntimeException e) {
            throw new IllegalArgumentException(
                    "the mask function threw " + e + " at head " + head + ", query " + query + ", key " + key
                            + " of sequence " + sequence,
                    e);
        }
    }

    private int index(int sequence, int head, int queryBlock, int keyBlock) {
        int s = sequences == 1 ? 0 : sequence;
        int h = heads == 1 ? 0 : head;
        return ((s * heads + h) * blocks + queryBlock) * blocks + keyBlock;
    }

    /// Sequences it was made for; 1 if they are alike.
    public int sequences() {
        return sequences;
    }

    /// Heads it was made for; 1 if they are alike.
    public int heads() {
        return heads;
    }

    /// Positions it was made for.
    public int positions() {
        return positions;
    }

    /// What the 64 queries of a block see of the 64 keys of another.
    public State state(int sequence, int head, int queryBlock, int keyBlock) {
        return states[index(sequence, head, queryBlock, keyBlock)];
    }

    /// Which keys of a block the query at this position sees: bit j stands for key 64·keyBlock + j.
    public long word(int sequence, int head, int query, int keyBlock) {
        int at = index(sequence, head, query / SIDE, keyBlock);
        return switch (states[at]) {
            case NONE -> 0;
            case ALL -> {
                int keys = Math.min(SIDE, positions - keyBlock * SIDE);
                yield keys == SIDE ? -1 : (1L << keys) - 1;
            }
            case SOME -> words[at][query % SIDE];
        };
    }

    /// Whether the query at a position may see the key at another.
    public boolean sees(int sequence, int head, int query, int key) {
        return (word(sequence, head, query, key / SIDE) >>> key % SIDE & 1) != 0;
    }
}
