package clearhead.tokenizer;

import java.util.Arrays;

/// How often each different piece occurs. Pieces lie end to end in one pool; memory grows with the
/// number of different ones, not with the text.
final class WordCounts {

    private byte[] pool = new byte[1 << 16];
    private int[] offset = new int[1 << 12];
    private long[] count = new long[1 << 12];
    private int[] table = new int[1 << 13];
    private int size;

    /// How many different pieces there are.
    int size() {
        return size;
    }

    long count(int word) {
        return count[word];
    }

    int start(int word) {
        return offset[word];
    }

    int end(int word) {
        return offset[word + 1];
    }

    byte[] pool() {
        return pool;
    }

    /// Counts `text[from, end)` once more.
    void add(byte[] text, int from, int end) {
        int hash = 0;
        for (int i = from; i < end; i++) {
            hash = hash * 0x01000193 ^ text[i];
        }
        hash *= 0x9E3779B9;
        int slot = hash >>> Integer.numberOfLeadingZeros(table.length - 1);
        while (table[slot] != 0) {
            int word = table[slot] - 1;
            if (Arrays.equals(text, from, end, pool, offset[word], offset[word + 1])) {
                count[word]++;
                return;
            }
            slot = slot + 1 & table.length - 1;
        }
        insert(text, from, end, slot);
    }

    private void insert(byte[] text, int from, int end, int slot) {
        int length = end - from;
        int used = offset[size];
        if (pool.length - used < length) {
            int wanted = Math.addExact(used, length);
            pool = Arrays.copyOf(pool, Math.max(wanted, used + used / 2));
        }
        if (size + 2 > offset.length) {
            offset = Arrays.copyOf(offset, offset.length * 2);
            count = Arrays.copyOf(count, count.length * 2);
        }
        System.arraycopy(text, from, pool, used, length);
        offset[size + 1] = used + length;
        count[size] = 1;
        table[slot] = ++size;
        if (size * 2 > table.length) {
            rehash();
        }
    }

    private void rehash() {
        var larger = new int[table.length * 2];
        int shift = Integer.numberOfLeadingZeros(larger.length - 1);
        for (int word = 0; word < size; word++) {
            int hash = 0;
            for (int i = offset[word]; i < offset[word + 1]; i++) {
                hash = hash * 0x01000193 ^ pool[i];
            }
            int slot = hash * 0x9E3779B9 >>> shift;
            while (larger[slot] != 0) {
                slot = slot + 1 & larger.length - 1;
            }
            larger[slot] = word + 1;
        }
        table = larger;
    }
}
