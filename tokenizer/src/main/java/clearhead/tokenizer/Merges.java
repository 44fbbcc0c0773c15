package clearhead.tokenizer;

import java.util.Arrays;

/// What a vocabulary says about the inside of a piece: the symbols it begins with, which neighbours
/// merge and how early, and what becomes of symbols that are no token.
///
/// Three kinds: a list of pairs of ids, as Hugging Face's files have; tiktoken's rule that two
/// neighbours merge when their bytes together are a token, whose id is the rank; and SentencePiece's,
/// the same with characters to begin with and ranks from scores.
final class Merges {

    /// What `find` gives for neighbours that do not merge; later than every rank.
    static final long NONE = Long.MAX_VALUE;

    private final Vocabulary vocabulary;
    private final long[] keys;
    private final long[] values;
    private final int shift;
    private final int count;
    private final int[] ranks;
    private final int[] byteIds;
    private final int unknown;

    private Merges(
            Vocabulary vocabulary, long[] keys, long[] values, int count, int[] ranks, int[] byteIds, int unknown) {
        this.vocabulary = vocabulary;
        this.keys = keys;
        this.values = values;
        this.shift = Long.numberOfLeadingZeros(keys.length - 1);
        this.count = count;
        this.ranks = ranks;
        this.byteIds = byteIds;
        this.unknown = unknown;
    }

    private static int[] byteIds(Vocabulary vocabulary) {
        var byteIds = new int[256];
        var one = new byte[CharClass.PADDING];
        for (int b = 0; b < 256; b++) {
            one[0] = (byte) b;
            byteIds[b] = vocabulary.find(one, 0, 1);
        }
        return byteIds;
    }

    /// tiktoken's rule.
    static Merges byBytes(Vocabulary vocabulary) {
        int[] byteIds = byteIds(vocabulary);
        return new Merges(vocabulary, new long[2], new long[0], 0, new int[0], byteIds, -1);
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
        int[] byteIds = byteIds(vocabulary);
        var merges = new Merges(vocabulary, keys, values, left.length, new int[0], byteIds, -1);
        for (int rank = 0; rank < left.length; rank++) {
            long key = key(left[rank], right[rank]);
            int slot = merges.slot(key);
            keys[slot] = key;
            values[slot] = (long) rank << 32 | merged[rank];
        }
        return merges;
    }

    /// SentencePiece's rule.
    ///
    /// @param ranks for each id, the place of its score
    /// @param byteIds for each byte the token that stands for it, or −1
    /// @param unknown the token for a character that is none and whose bytes are none
    static Merges byScores(Vocabulary vocabulary, int[] ranks, int[] byteIds, int unknown) {
        return new Merges(vocabulary, new long[2], new long[0], 0, ranks, byteIds, unknown);
    }

    /// Whether this is tiktoken's rule.
    boolean isByBytes() {
        return values.length == 0 && ranks.length == 0;
    }

    /// Whether a piece begins as characters; otherwise as bytes.
    boolean isByCharacters() {
        return ranks.length > 0;
    }

    /// Whether the same piece always gives the same ids, whatever came before it.
    boolean isIndependent() {
        return ranks.length == 0 || Arrays.stream(byteIds).allMatch(id -> id >= 0);
    }

    /// The token of one byte alone, or −1.
    int byteId(byte b) {
        return byteIds[b & 0xFF];
    }

    /// The length of the symbol that stands at `at` before any merge.
    int symbolLength(byte[] text, int at, int end) {
        return ranks.length == 0 ? 1 : Math.max(1, Utf8.length(text, at, end));
    }

    /// The id of such a symbol, or −1.
    int symbolId(byte[] text, int start, int end) {
        return ranks.length == 0 ? byteIds[text[start] & 0xFF] : vocabulary.find(text, start, end);
    }

    /// Appends what stands for a symbol that is no token.
    void addUnknown(Workspace work, int start, int end) {
        if (ranks.length == 0) {
            return;
        }
        for (int i = start; i < end; i++) {
            if (byteIds[work.text[i] & 0xFF] < 0) {
                // A run of unknown characters is one unknown token.
                if (work.size == 0 || work.ids[work.size - 1] != unknown) {
                    work.add(unknown);
                }
                return;
            }
        }
        for (int i = start; i < end; i++) {
            work.add(byteIds[work.text[i] & 0xFF]);
        }
    }

    /// How many pairs are listed; 0 where there is no list.
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
            return id < 0 ? NONE : (long) (ranks.length == 0 ? id : ranks[id]) << 32 | id;
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
