package clearhead.tokenizer;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.util.Arrays;

/// The bytes of every id, and the id of every run of bytes that is an ordinary token.
///
/// The bytes lie end to end in one pool. The way back is an open hash table of two longs an entry,
/// `first eight bytes` and `length << 32 | id`, so that tokens of up to eight bytes, nearly all that
/// text needs, are found without touching the pool.
final class Vocabulary {

    private static final VarHandle LONG = MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);

    private static final long EMPTY = -1;

    private final byte[] pool;
    private final int[] offset;
    private final long[] table;
    private final int shift;
    private final int longest;

    private Vocabulary(byte[] pool, int[] offset, long[] table, int longest) {
        this.pool = pool;
        this.offset = offset;
        this.table = table;
        this.shift = Long.numberOfLeadingZeros(table.length / 2 - 1);
        this.longest = longest;
    }

    /// Collects tokens in the order of their ids.
    static final class Builder {
        private byte[] pool;
        private int used;
        private int[] offset;
        private boolean[] ordinary;
        private int size;

        Builder(int expectedTokens) {
            pool = new byte[expectedTokens * 8 + CharClass.PADDING];
            offset = new int[expectedTokens + 1];
            ordinary = new boolean[expectedTokens];
        }

        int size() {
            return size;
        }

        /// The next id's bytes.
        ///
        /// @param found whether text that spells these bytes finds the id
        void add(byte[] from, int start, int end, boolean found) {
            int length = end - start;
            if (pool.length - used - CharClass.PADDING < length) {
                int wanted = Math.addExact(used, Math.addExact(length, CharClass.PADDING));
                pool = Arrays.copyOf(pool, Math.max(wanted, used + used / 2));
            }
            if (size + 1 >= offset.length) {
                offset = Arrays.copyOf(offset, size + size / 2 + 16);
            }
            if (size >= ordinary.length) {
                ordinary = Arrays.copyOf(ordinary, size + size / 2 + 16);
            }
            System.arraycopy(from, start, pool, used, length);
            used += length;
            ordinary[size] = found && length > 0;
            offset[++size] = used;
        }

        void add(byte[] bytes, boolean found) {
            add(bytes, 0, bytes.length, found);
        }

        /// Where two ids spell the same bytes, text finds the first.
        Vocabulary build() {
            int capacity = Math.max(16, Integer.highestOneBit(Math.max(1, size)) * 4);
            var table = new long[2 * capacity];
            for (int i = 1; i < table.length; i += 2) {
                table[i] = EMPTY;
            }
            int longest = 0;
            for (int id = 0; id < size; id++) {
                longest = ordinary[id] ? Math.max(longest, offset[id + 1] - offset[id]) : longest;
            }
            byte[] bytes = Arrays.copyOf(pool, used + CharClass.PADDING);
            int[] offsets = Arrays.copyOf(offset, size + 1);
            var vocabulary = new Vocabulary(bytes, offsets, table, longest);
            for (int id = 0; id < size; id++) {
                if (ordinary[id]) {
                    vocabulary.insert(id);
                }
            }
            return vocabulary;
        }
    }

    private void insert(int id) {
        int start = offset[id];
        int length = offset[id + 1] - start;
        if (find(pool, start, start + length) >= 0) {
            return;
        }
        long first = first(pool, start, length);
        int mask = table.length - 1;
        int slot = slot(pool, start, length, first);
        while (table[slot + 1] != EMPTY) {
            slot = slot + 2 & mask;
        }
        table[slot] = first;
        table[slot + 1] = (long) length << 32 | id;
    }

    /// How many ids there are.
    int size() {
        return offset.length - 1;
    }

    /// The length in bytes of the longest token that text finds.
    int longest() {
        return longest;
    }

    byte[] bytes(int id) {
        return Arrays.copyOfRange(pool, offset[id], offset[id + 1]);
    }

    int length(int id) {
        return offset[id + 1] - offset[id];
    }

    /// Copies the bytes of `id` to `out[at, …)`.
    void copy(int id, byte[] out, int at) {
        System.arraycopy(pool, offset[id], out, at, offset[id + 1] - offset[id]);
    }

    /// The id of `text[start, end)`, or −1. Eight bytes must be readable at `start`.
    int find(byte[] text, int start, int end) {
        int length = end - start;
        long first = first(text, start, length);
        int mask = table.length - 1;
        int slot = slot(text, start, length, first);
        while (true) {
            long entry = table[slot + 1];
            if (entry == EMPTY) {
                return -1;
            }
            if (table[slot] == first && (int) (entry >>> 32) == length) {
                int id = (int) entry;
                if (length <= 8 || tailEquals(text, start + 8, end, offset[id] + 8)) {
                    return id;
                }
            }
            slot = slot + 2 & mask;
        }
    }

    private boolean tailEquals(byte[] text, int start, int end, int at) {
        return Arrays.equals(text, start, end, pool, at, at + end - start);
    }

    private int slot(byte[] text, int start, int length, long first) {
        long h = first * 0x9E3779B97F4A7C15L;
        if (length > 8) {
            long last = (long) LONG.get(text, start + length - 8);
            h = (h ^ h >>> 32 ^ last) * 0xD6E8FEB86659FD93L;
            if (length > 16) {
                long middle = (long) LONG.get(text, start + (length >> 1) - 4);
                h = (h ^ h >>> 32 ^ middle) * 0x9E3779B97F4A7C15L;
            }
        }
        return (int) (h >>> shift) << 1;
    }

    /// The first eight bytes, fewer where there are fewer.
    static long first(byte[] text, int start, int length) {
        long first = (long) LONG.get(text, start);
        return length >= 8 ? first : first & (1L << (length << 3)) - 1;
    }
}
