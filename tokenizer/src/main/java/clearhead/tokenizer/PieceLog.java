package clearhead.tokenizer;

import clearhead.tokenizer.Explained.Kind;
import clearhead.tokenizer.Explained.Merge;
import clearhead.tokenizer.Explained.Piece;
import clearhead.tokenizer.Explained.Token;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/// Writes down what the merges of one piece do, and makes the records that show it.
final class PieceLog implements Workspace.Log {

    /// Where a place in the normalised text lies in the text that was given.
    interface Places {
        int of(int at);
    }

    private final Workspace work;
    private final int from;
    private final int end;
    private final List<int[]> symbols = new ArrayList<>();
    private final List<int[]> merged = new ArrayList<>();
    private final List<int[]> results = new ArrayList<>();

    PieceLog(Workspace work, int from, int end) {
        this.work = work;
        this.from = from;
        this.end = end;
    }

    /// Runs the merges of `work.text[from, end)`, leaving the ids in `work`.
    static PieceLog of(Merges merges, Workspace work, int from, int end) {
        var log = new PieceLog(work, from, end);
        work.size = 0;
        work.mergeByHeap(merges, from, end, log);
        return log;
    }

    @Override
    public void symbol(int start, int end) {
        symbols.add(new int[] {start, end});
    }

    @Override
    public void merged(int start, int middle, int end, int rank, int id) {
        merged.add(new int[] {start, middle, end, rank, id});
    }

    @Override
    public void result(int start, int end, int firstIndex) {
        results.add(new int[] {start, end, firstIndex});
    }

    /// @param direct the id of the piece taken as a whole, or −1 for what the merges gave
    Piece piece(Tokenizer tokenizer, Spans spans, Places places, int direct) {
        var tokens = new ArrayList<Token>();
        if (direct >= 0) {
            tokens.add(token(tokenizer, spans, places, direct, from, end));
        } else {
            for (int i = 0; i < results.size(); i++) {
                int[] result = results.get(i);
                int stop = i + 1 < results.size() ? results.get(i + 1)[2] : work.size;
                int count = stop - result[2];
                for (int j = 0; j < count; j++) {
                    // Several tokens for one symbol are its bytes.
                    int start = count > 1 ? result[0] + j : result[0];
                    int after = count > 1 ? start + 1 : result[1];
                    int id = work.ids[result[2] + j];
                    tokens.add(token(tokenizer, spans, places, id, start, after));
                }
            }
        }
        int start = places.of(from);
        int stop = places.of(end);
        return new Piece(
                Kind.TEXT,
                start,
                stop,
                spans.charStart(start),
                spans.charEnd(start, stop),
                Arrays.copyOfRange(work.text, from, end),
                symbols.stream()
                        .map(s -> Arrays.copyOfRange(work.text, s[0], s[1]))
                        .toList(),
                merges(),
                direct >= 0,
                List.copyOf(tokens));
    }

    private Token token(Tokenizer tokenizer, Spans spans, Places places, int id, int start, int end) {
        byte[] bytes = tokenizer.tokenBytes(id);
        return spans.token(tokenizer, id, bytes, places.of(start), places.of(end));
    }

    /// Turns places in the text into indexes among the symbols that are left, counted by a Fenwick
    /// tree (Fenwick 1994) over the first bytes of symbols.
    private List<Merge> merges() {
        var starts = new int[end - from + 1];
        for (int[] symbol : symbols) {
            change(starts, symbol[0] - from, 1);
        }
        var list = new ArrayList<Merge>(merged.size());
        for (int[] merge : merged) {
            int at = 0;
            for (int i = merge[0] - from; i > 0; i -= i & -i) {
                at += starts[i];
            }
            change(starts, merge[1] - from, -1);
            list.add(new Merge(
                    at,
                    Arrays.copyOfRange(work.text, merge[0], merge[1]),
                    Arrays.copyOfRange(work.text, merge[1], merge[2]),
                    merge[3],
                    merge[4]));
        }
        return List.copyOf(list);
    }

    private static void change(int[] starts, int place, int by) {
        for (int i = place + 1; i < starts.length; i += i & -i) {
            starts[i] += by;
        }
    }
}
