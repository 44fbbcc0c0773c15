package clearhead.tokenizer;

import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/// The buffers of one encoding: the text, the ids so far, and what the merges of a piece need. For
/// one thread at a time; a tokenizer keeps a few to use again.
final class Workspace {

    /// Up to so many symbols a piece is merged by looking at all ranks for the lowest; above, by a
    /// heap, so that a piece of a million bytes takes n log n.
    private static final int SCAN = 64;

    private static final int CACHE_BITS = 12;
    private static final int CACHE_WIDTH = 8;

    private final boolean cached;

    byte[] text = new byte[1024];
    int length;
    int[] ids = new int[256];
    int size;

    private int[] start = new int[SCAN + 1];
    private int[] id = new int[SCAN + 1];
    private long[] pair = new long[SCAN + 1];

    private int[] next = {};
    private int[] before = {};
    private long[] heap = {};
    private int heapSize;

    /// Ids of pieces of up to 16 bytes that are no token: their bytes as two longs, then
    /// `length << 8 | count` and up to seven ids.
    private long[] cacheKeys = {};

    private int[] cacheIds = {};

    /// @param cached whether a piece's ids may be remembered: the same piece always has the same
    Workspace(boolean cached) {
        this.cached = cached;
    }

    /// Is told what happens in a piece.
    interface Log {
        /// Before all merges, `text[start, end)` is one symbol.
        void symbol(int start, int end);

        /// `text[start, middle)` and `text[middle, end)` become one.
        void merged(int start, int middle, int end, int rank, int id);

        /// `text[start, end)` is a token, or was given those from `ids[firstIndex]` on.
        void result(int start, int end, int firstIndex);
    }

    /// Takes a text, with the padding that the scanners and the hash want.
    void load(byte[] utf8) {
        length = utf8.length;
        if (text.length < length + CharClass.PADDING) {
            text = new byte[length + CharClass.PADDING];
        }
        System.arraycopy(utf8, 0, text, 0, length);
        Arrays.fill(text, length, length + CharClass.PADDING, (byte) 0);
        prepareCache();
    }

    /// Takes over a text that already has its padding.
    void take(byte[] padded, int length) {
        text = padded;
        this.length = length;
        prepareCache();
    }

    private void prepareCache() {
        if (cacheKeys.length == 0 && length > 4096 && cached) {
            cacheKeys = new long[2 << CACHE_BITS];
            cacheIds = new int[CACHE_WIDTH << CACHE_BITS];
        }
    }

    /// Puts a space before `text[at]`.
    ///
    /// @param length of the text so far
    void insertSpace(int at, int length) {
        if (text.length < length + 1 + CharClass.PADDING) {
            text = Arrays.copyOf(text, text.length + 64);
        }
        System.arraycopy(text, at, text, at + 1, length - at + CharClass.PADDING);
        text[at] = ' ';
    }

    /// Whether the buffers are small enough to be kept.
    boolean worthKeeping() {
        return text.length + 4L * ids.length + 24L * next.length < 1 << 24;
    }

    void add(int token) {
        if (size == ids.length) {
            ids = Arrays.copyOf(ids, size + size / 2 + 16);
        }
        ids[size++] = token;
    }

    /// Appends the ids of a piece that is no token. Ids of −1 are symbols without a token.
    void addMerged(Merges merges, int from, int end) {
        int length = end - from;
        if (length > 16 || cacheKeys.length == 0) {
            merge(merges, from, end);
            return;
        }
        long first = Vocabulary.first(text, from, length);
        long second = length > 8 ? Vocabulary.first(text, from + 8, length - 8) : 0;
        long h = (first ^ second * 0xD6E8FEB86659FD93L) * 0x9E3779B97F4A7C15L;
        int slot = (int) (h >>> 64 - CACHE_BITS);
        int at = slot * CACHE_WIDTH;
        if (cacheKeys[2 * slot] == first && cacheKeys[2 * slot + 1] == second && cacheIds[at] >> 8 == length) {
            int count = cacheIds[at] & 0xFF;
            for (int i = 1; i <= count; i++) {
                add(cacheIds[at + i]);
            }
            return;
        }
        int sizeBefore = size;
        merge(merges, from, end);
        int count = size - sizeBefore;
        if (count < CACHE_WIDTH) {
            cacheKeys[2 * slot] = first;
            cacheKeys[2 * slot + 1] = second;
            cacheIds[at] = length << 8 | count;
            System.arraycopy(ids, sizeBefore, cacheIds, at + 1, count);
        }
    }

    private void merge(Merges merges, int from, int end) {
        if (end - from > SCAN) {
            mergeByHeap(merges, from, end, null);
        } else {
            mergeByScan(merges, from, end);
        }
    }

    private void mergeByScan(Merges merges, int from, int end) {
        byte[] bytes = text;
        int count = 0;
        int[] start = this.start;
        int[] id = this.id;
        long[] pair = this.pair;
        for (int at = from; at < end; at = start[count]) {
            int stop = at + merges.symbolLength(bytes, at, end);
            start[count] = at;
            id[count++] = merges.symbolId(bytes, at, stop);
            start[count] = stop;
        }
        for (int i = 0; i + 1 < count; i++) {
            pair[i] = merges.find(bytes, start[i], start[i + 2], id[i], id[i + 1]);
        }
        while (count > 1) {
            long best = pair[0];
            int at = 0;
            for (int i = 1; i + 1 < count; i++) {
                if (pair[i] < best) {
                    best = pair[i];
                    at = i;
                }
            }
            if (best == Merges.NONE) {
                break;
            }
            id[at] = (int) best;
            count--;
            int moved = count - at - 1;
            System.arraycopy(id, at + 2, id, at + 1, moved);
            System.arraycopy(start, at + 2, start, at + 1, moved + 1);
            System.arraycopy(pair, at + 1, pair, at, moved);
            if (at + 1 < count) {
                pair[at] = merges.find(bytes, start[at], start[at + 2], id[at], id[at + 1]);
            }
            if (at > 0) {
                pair[at - 1] = merges.find(bytes, start[at - 1], start[at + 1], id[at - 1], id[at]);
            }
        }
        for (int i = 0; i < count; i++) {
            if (id[i] >= 0) {
                add(id[i]);
            } else {
                merges.addUnknown(this, start[i], start[i + 1]);
            }
        }
    }

    /// Merges of a long piece; also of every piece whose merges somebody wants to see.
    void mergeByHeap(Merges merges, int from, int end, @Nullable Log log) {
        int count = end - from;
        if (id.length < count + 1) {
            id = new int[count + 1];
            pair = new long[count + 1];
        }
        if (next.length < count + 1) {
            next = new int[count + 1];
            before = new int[count + 1];
            heap = new long[3 * count + 3];
        }
        for (int i = 0, last = -1; i < count; last = i, i = next[i]) {
            next[i] = i + merges.symbolLength(text, from + i, end);
            id[i] = merges.symbolId(text, from + i, from + next[i]);
            before[i] = last;
            if (log != null) {
                log.symbol(from + i, from + next[i]);
            }
        }
        heapSize = 0;
        for (int i = 0; i < count; i = next[i]) {
            pair[i] = Merges.NONE;
            if (next[i] < count) {
                int right = next[i];
                pair[i] = merges.find(text, from + i, from + next[right], id[i], id[right]);
                if (pair[i] != Merges.NONE) {
                    heap[heapSize++] = pair[i] & 0xFFFF_FFFF_0000_0000L | i;
                }
            }
        }
        for (int i = heapSize / 2 - 1; i >= 0; i--) {
            sink(i);
        }
        while (heapSize > 0) {
            long top = heap[0];
            heap[0] = heap[--heapSize];
            sink(0);
            int at = (int) top;
            if (pair[at] == Merges.NONE || pair[at] >>> 32 != top >>> 32) {
                continue;
            }
            int right = next[at];
            int after = next[right];
            if (log != null) {
                log.merged(from + at, from + right, from + after, (int) (top >>> 32), (int) pair[at]);
            }
            id[at] = (int) pair[at];
            next[at] = after;
            pair[right] = Merges.NONE;
            pair[at] = Merges.NONE;
            if (after < count) {
                before[after] = at;
                push(merges, from, at, after, next[after]);
            }
            if (before[at] >= 0) {
                push(merges, from, before[at], at, after);
            }
        }
        for (int i = 0; i < count; i = next[i]) {
            int first = size;
            if (id[i] >= 0) {
                add(id[i]);
            } else {
                merges.addUnknown(this, from + i, from + next[i]);
            }
            if (log != null) {
                log.result(from + i, from + next[i], first);
            }
        }
    }

    private void push(Merges merges, int from, int left, int right, int end) {
        pair[left] = merges.find(text, from + left, from + end, id[left], id[right]);
        if (pair[left] == Merges.NONE) {
            return;
        }
        long entry = pair[left] & 0xFFFF_FFFF_0000_0000L | left;
        int at = heapSize++;
        while (at > 0) {
            int parent = at - 1 >>> 1;
            if (heap[parent] <= entry) {
                break;
            }
            heap[at] = heap[parent];
            at = parent;
        }
        heap[at] = entry;
    }

    private void sink(int at) {
        long entry = heap[at];
        while (true) {
            int child = 2 * at + 1;
            if (child >= heapSize) {
                break;
            }
            if (child + 1 < heapSize && heap[child + 1] < heap[child]) {
                child++;
            }
            if (heap[child] >= entry) {
                break;
            }
            heap[at] = heap[child];
            at = child;
        }
        heap[at] = entry;
    }
}
