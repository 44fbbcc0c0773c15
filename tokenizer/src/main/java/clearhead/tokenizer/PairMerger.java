package clearhead.tokenizer;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.PriorityQueue;
import org.jspecify.annotations.Nullable;

/// Finds the merges. Counts of pairs are kept up to date while pairs merge, and a queue offers the
/// commonest; an offer whose count is no longer true goes back with the true one. Each offer carries
/// the words in which its pair was seen.
///
/// Hugging Face's trainer does the same; ties, and pairs that spell a token a second time, end as
/// they do there.
final class PairMerger {

    /// A pair, its count when it was queued, and the words to look into.
    private static final class Offer implements Comparable<Offer> {
        final long pair;
        long count;
        int[] words = new int[4];
        int wordCount;

        Offer(long pair) {
            this.pair = pair;
        }

        /// Words come in ascending order.
        void sawIn(int word) {
            if (wordCount > 0 && words[wordCount - 1] == word) {
                return;
            }
            if (wordCount == words.length) {
                words = Arrays.copyOf(words, wordCount * 2);
            }
            words[wordCount++] = word;
        }

        @Override
        public int compareTo(Offer other) {
            int byCount = Long.compare(other.count, count);
            return byCount != 0 ? byCount : Long.compareUnsigned(pair, other.pair);
        }
    }

    private final WordCounts words;
    /// The symbols of all words; word w has `length[w]` of them from `start[w]` on.
    private final int[] symbols;

    private final int[] start;
    private final int[] length;
    private final int firstNew;
    private final int minFrequency;

    private long[] keys = new long[1 << 14];
    private long[] counts = new long[1 << 14];
    private @Nullable Offer[] fresh = new @Nullable Offer[1 << 14];
    private int pairs;

    private final PriorityQueue<Offer> queue = new PriorityQueue<>();
    private final List<Offer> touched = new ArrayList<>();

    /// @param firstNew the id of the first merge's token
    PairMerger(WordCounts words, int[] idOfByte, int firstNew, int minFrequency) {
        this.words = words;
        this.firstNew = firstNew;
        this.minFrequency = minFrequency;
        Arrays.fill(keys, -1);
        int count = words.size();
        start = new int[count];
        length = new int[count];
        symbols = new int[count == 0 ? 0 : words.end(count - 1)];
        for (int w = 0; w < count; w++) {
            start[w] = words.start(w);
            length[w] = words.end(w) - words.start(w);
            for (int i = words.start(w); i < words.end(w); i++) {
                symbols[i] = idOfByte[words.pool()[i] & 0xFF];
            }
        }
    }

    /// Merges until the vocabulary has `size` ids or no pair is left.
    ///
    /// @return for each merge the left, the right and the merged id
    List<int[]> learn(int size) {
        for (int w = 0; w < start.length; w++) {
            for (int i = start[w]; i + 1 < start[w] + length[w]; i++) {
                change(key(symbols[i], symbols[i + 1]), words.count(w), w);
            }
        }
        queueTouched();
        var merges = new ArrayList<int[]>();
        var ids = new Spellings(firstNew);
        while (ids.size() < size) {
            Offer top = queue.poll();
            if (top == null) {
                break;
            }
            long now = counts[slot(top.pair)];
            if (top.count != now) {
                top.count = now;
                queue.add(top);
                continue;
            }
            if (now < 1 || now < minFrequency) {
                break;
            }
            int left = (int) (top.pair >>> 32);
            int right = (int) top.pair;
            int merged = ids.of(left, right);
            merges.add(new int[] {left, right, merged});
            for (int i = 0; i < top.wordCount; i++) {
                merge(top.words[i], left, right, merged);
            }
            queueTouched();
        }
        return merges;
    }

    /// Which id a pair spells; a token that two different pairs spell has one id.
    private static final class Spellings {
        private final int firstNew;
        private final List<List<Integer>> parts = new ArrayList<>();
        private final Map<List<Integer>, Integer> known = new HashMap<>();

        Spellings(int firstNew) {
            this.firstNew = firstNew;
        }

        int size() {
            return firstNew + parts.size();
        }

        int of(int left, int right) {
            var spelling = new ArrayList<Integer>(bytes(left));
            spelling.addAll(bytes(right));
            Integer id = known.get(spelling);
            if (id == null) {
                id = size();
                known.put(spelling, id);
                parts.add(spelling);
            }
            return id;
        }

        private List<Integer> bytes(int id) {
            return id < firstNew ? List.of(id) : parts.get(id - firstNew);
        }
    }

    private void queueTouched() {
        for (Offer offer : touched) {
            int slot = slot(offer.pair);
            fresh[slot] = null;
            if (counts[slot] > 0) {
                offer.count = counts[slot];
                queue.add(offer);
            }
        }
        touched.clear();
    }

    private void merge(int word, int left, int right, int merged) {
        long times = words.count(word);
        int from = start[word];
        int end = from + length[word];
        int to = from;
        int at = from;
        while (at < end) {
            if (symbols[at] != left || at + 1 == end || symbols[at + 1] != right) {
                symbols[to++] = symbols[at++];
                continue;
            }
            if (to > from) {
                change(key(symbols[to - 1], left), -times, word);
                change(key(symbols[to - 1], merged), times, word);
            }
            symbols[to++] = merged;
            at += 2;
            if (at < end) {
                change(key(right, symbols[at]), -times, word);
                change(key(merged, symbols[at]), times, word);
            }
        }
        length[word] = to - from;
    }

    private void change(long pair, long by, int word) {
        int slot = slot(pair);
        if (keys[slot] == -1) {
            keys[slot] = pair;
            if (++pairs * 2 > keys.length) {
                grow();
                slot = slot(pair);
            }
        }
        counts[slot] += by;
        if (by > 0) {
            Offer offer = fresh[slot];
            if (offer == null) {
                offer = new Offer(pair);
                fresh[slot] = offer;
                touched.add(offer);
            }
            offer.sawIn(word);
        }
    }

    private int slot(long pair) {
        int slot = (int) ((pair ^ pair >>> 29) * 0x9E3779B97F4A7C15L >>> Long.numberOfLeadingZeros(keys.length - 1));
        while (keys[slot] != pair && keys[slot] != -1) {
            slot = slot + 1 & keys.length - 1;
        }
        return slot;
    }

    private void grow() {
        long[] oldKeys = keys;
        long[] oldCounts = counts;
        @Nullable Offer[] oldFresh = fresh;
        keys = new long[oldKeys.length * 2];
        Arrays.fill(keys, -1);
        counts = new long[keys.length];
        fresh = new @Nullable Offer[keys.length];
        for (int i = 0; i < oldKeys.length; i++) {
            if (oldKeys[i] != -1) {
                int slot = slot(oldKeys[i]);
                keys[slot] = oldKeys[i];
                counts[slot] = oldCounts[i];
                fresh[slot] = oldFresh[i];
            }
        }
    }

    private static long key(int left, int right) {
        return (long) left << 32 | right;
    }
}
