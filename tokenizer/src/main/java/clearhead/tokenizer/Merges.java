package clearhead.tokenizer;

import java.util.Arrays;

/// Which neighbours merge, and how early. Two kinds: a list of pairs of ids, as Hugging Face's files
/// have; or tiktoken's rule that two neighbours merge when their bytes together are a token, whose
/// id is the rank.
final class Merges {

    /// What `find` gives for neighbours that do not merge; later than every rank.
    static final long NONE = Long.MAX_VALUE;

    private final Vocabulary vocabulary;
    private final long[] keys;
    private final long[] values;
    private final int shift;
    private final int count;

    private Merges(Vocabulary vocabulary, long[] keys, long[] values, int count) {
        this.vocabulary = vocabulary;
        this.keys = keys;
        this.values = values;
        this.shift = Long.numberOfLeadingZeros(keys.length - 1);
        this.count = count;
    }

    /// tiktoken's rule.
    static Merges byBytes(Vocabulary vocabulary) {
        return new Merges(vocabulary, new long[2], new long[0], 0);
    }

    /// A list of merges; its order is their rank. If a pair is listed twice, the last one holds.
    ///
    /// @param left ids
    /// @param right ids
    /// @param merged ids
    static Merges ofPairs(Vocabulary vocabulary, int[] left, int[] right, int[] merged) {
        int capacity = Math.max(16, Integer.highestOneBit(Math.max(1, left.length)) * 4);
        var keys = new long[capacity];
        var values = new long[capacity];
        Arrays.fill(keys, -1);
        var merges = new Merges(vocabulary, keys, values, left.length);
        for (int rank = 0; rank < left.length; rank++) {
            long key = key(left[rank], right[rank]);
            int slot = merges.slot(key);
            keys[slot] = key;
            values[slot] = (long) rank << 32 | merged[rank];
        }
        return merges;
    }

    boolean isByBytes() {
        return values.length == 0;
    }

    /// How many pairs are listed; 0 by bytes.
    int count() {
        return count;
    }

    /// The pairs in the order of their ranks, `[rank][left, right, merged]`.
    int[][] list() {
        int[][] list = new int[count][];
        for (int i = 0; i < keys.length; i++) {
            if (keys[i] != -1) {
                int rank = (int) (values[i] >>> 32);
                list[rank] = new int[] {(int) (keys[i] >>> 32), (int) keys[i], (int) values[i]};
            }
        }
        return Arrays.stream(list).filter(merge -> merge != null).toArray(int[][]::new);
    }

    /// The merge of two neighbours that lie in `text[start, end)`: `rank << 32 | id`, or [#NONE].
    long find(byte[] text, int start, int end, int left, int right) {
        if (values.length == 0) {
            if (end - start > vocabulary.longest()) {
                return NONE;
            }
            int id = vocabulary.find(text, start, end);
            return id < 0 ? NONE : (long) id << 32 | id;
        }
        if ((left | right) < 0) {
            return NONE;
        }
        long key = key(left, right);
        int slot = slot(key);
        return keys[slot] == key ? values[slot] : NONE;
    }

    private int slot(long key) {
        int slot = (int) ((key ^ key >>> 29) * 0x9E3779B97F4A7C15L >>> shift);
        while (keys[slot] != key && keys[slot] != -1) {
            slot = slot + 1 & keys.length - 1;
        }
        return slot;
    }

    private static long key(int left, int right) {
        return (long) left << 32 | right;
    }
}
