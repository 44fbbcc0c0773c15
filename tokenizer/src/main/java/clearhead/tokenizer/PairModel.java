package clearhead.tokenizer;

import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import java.util.PriorityQueue;

/// Byte-pair encoding on characters, as Hugging Face's library does it: the pair of the lowest rank
/// merges first, the leftmost of equals. Sennrich et al. 2016, arXiv:1508.07909.
final class PairModel implements TokenModel {

    /// @param prefix what symbols after a word's first begin with, may be empty
    /// @param suffix what a word's last symbol ends with, may be empty
    /// @param byteIds for each byte its token, where characters without one become bytes; else empty
    /// @param fuse whether unknown characters in a row are one unknown token
    /// @param whole whether a piece that is a token is taken without asking the merges
    record Style(String prefix, String suffix, int[] byteIds, int unknown, boolean fuse, boolean whole) {}

    private final Map<String, Integer> ids;
    private final Style style;
    private final Map<Long, Long> merges;

    /// @param merges by `left << 32 | right`: `rank << 32 | merged`
    PairModel(Map<String, Integer> ids, Map<Long, Long> merges, Style style) {
        this.ids = ids;
        this.merges = merges;
        this.style = style;
    }

    static Map<Long, Long> merges(int[] left, int[] right, int[] merged) {
        var map = new HashMap<Long, Long>(2 * left.length);
        for (int rank = 0; rank < left.length; rank++) {
            map.put((long) left[rank] << 32 | right[rank], (long) rank << 32 | merged[rank]);
        }
        return map;
    }

    @Override
    public void tokenize(Chars piece, Sink sink) {
        if (style.whole) {
            Integer id = ids.get(piece.text());
            if (id != null) {
                sink.token(id, 0, piece.size());
                return;
            }
        }
        new Word(piece).run(sink);
    }

    /// One place where two neighbours may merge.
    private record Offer(int rank, int at, int id) implements Comparable<Offer> {
        @Override
        public int compareTo(Offer other) {
            return rank != other.rank ? Integer.compare(rank, other.rank) : Integer.compare(at, other.at);
        }
    }

    /// The symbols of a piece as a linked list.
    private final class Word {
        private final Chars piece;
        private int[] id;
        private int[] start;
        private int[] end;
        private int count;
        private int unknownStart = -1;
        private int unknownEnd;

        Word(Chars piece) {
            this.piece = piece;
            id = new int[piece.size() + 4];
            start = new int[id.length];
            end = new int[id.length];
        }

        private void symbol(int token, int from, int to) {
            if (count == id.length) {
                id = Arrays.copyOf(id, 2 * count);
                start = Arrays.copyOf(start, id.length);
                end = Arrays.copyOf(end, id.length);
            }
            id[count] = token;
            start[count] = from;
            end[count++] = to;
        }

        private void flushUnknown() {
            if (unknownStart >= 0) {
                symbol(style.unknown, unknownStart, unknownEnd);
                unknownStart = -1;
            }
        }

        private void begin() {
            for (int i = 0; i < piece.size(); i++) {
                String name = piece.text(i, i + 1);
                name = i > 0 ? style.prefix + name : name;
                name = i == piece.size() - 1 ? name + style.suffix : name;
                Integer known = ids.get(name);
                if (known != null) {
                    flushUnknown();
                    symbol(known, i, i + 1);
                    continue;
                }
                byte[] bytes = style.byteIds.length == 0 ? new byte[0] : TokenModel.covered(name, style.byteIds);
                for (byte b : bytes) {
                    symbol(style.byteIds[b & 0xFF], i, i + 1);
                }
                if (bytes.length == 0 && style.unknown >= 0) {
                    if (!style.fuse) {
                        flushUnknown();
                    }
                    unknownStart = unknownStart < 0 ? i : unknownStart;
                    unknownEnd = i + 1;
                }
            }
            flushUnknown();
        }

        void run(Sink sink) {
            begin();
            var next = new int[count];
            var before = new int[count];
            var offers = new PriorityQueue<Offer>();
            for (int i = 0; i < count; i++) {
                sink.symbol(start[i], end[i]);
                next[i] = i + 1;
                before[i] = i - 1;
            }
            for (int i = 0; i + 1 < count; i++) {
                offer(offers, i, i + 1);
            }
            while (!offers.isEmpty()) {
                Offer top = offers.poll();
                int at = top.at;
                if (id[at] < 0 || next[at] == count) {
                    continue;
                }
                int right = next[at];
                Long now = merges.get((long) id[at] << 32 | id[right]);
                if (now == null || now != ((long) top.rank << 32 | top.id)) {
                    continue;
                }
                sink.merged(start[at], end[at], end[right], top.rank, top.id);
                id[at] = top.id;
                end[at] = end[right];
                id[right] = -1;
                next[at] = next[right];
                if (next[at] < count) {
                    before[next[at]] = at;
                    offer(offers, at, next[at]);
                }
                if (before[at] >= 0) {
                    offer(offers, before[at], at);
                }
            }
            for (int i = 0; i < count; i = next[i]) {
                sink.token(id[i], start[i], end[i]);
            }
        }

        private void offer(PriorityQueue<Offer> offers, int left, int right) {
            Long merge = merges.get((long) id[left] << 32 | id[right]);
            if (merge != null) {
                offers.add(new Offer((int) (merge >>> 32), left, merge.intValue()));
            }
        }
    }
}
