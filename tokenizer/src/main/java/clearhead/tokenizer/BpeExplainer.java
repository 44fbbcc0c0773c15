package clearhead.tokenizer;

import clearhead.tokenizer.Explained.Kind;
import clearhead.tokenizer.Explained.Merge;
import clearhead.tokenizer.Explained.Piece;
import clearhead.tokenizer.Explained.Token;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/// The same way from text to ids as [BpeTokenizer] goes, with everything written down.
final class BpeExplainer {

    private final BpeTokenizer tokenizer;
    private final String text;
    private final byte[] utf8;
    private final Spans spans;
    private final Workspace work = new Workspace();
    private final List<Piece> pieces = new ArrayList<>();
    /// How many bytes before here are not in the text: first spaces.
    private int inserted;

    BpeExplainer(BpeTokenizer tokenizer, String text) {
        this.tokenizer = tokenizer;
        byte[] given = Utf8.bytes(text);
        this.utf8 = tokenizer.normal(given);
        this.text = utf8 == given ? text : new String(utf8, StandardCharsets.UTF_8);
        this.spans = new Spans(utf8);
    }

    Explained explain(Special special) {
        BpeTokenizer.Ends ends = tokenizer.ends();
        if (special.add() && ends.addBos()) {
            pieces.add(spans.single(tokenizer, Kind.ADDED, ends.bos(), 0, 0));
        }
        work.load(utf8);
        int length = utf8.length;
        int at = 0;
        while (at < length) {
            AddedTokens.Match match =
                    tokenizer.added().next(work.text, at, length, special.parse());
            int stop = match == null ? length : match.start();
            if (stop > at) {
                boolean space = tokenizer.style().spaceFirst() && work.text[at] != ' ';
                if (space) {
                    work.insertSpace(at, length++);
                    stop++;
                    inserted++;
                }
                textPieces(at, stop, space);
            }
            if (match == null) {
                break;
            }
            int end = stop + match.end() - match.start();
            int id = match.token().id();
            pieces.add(
                    spans.single(tokenizer, Kind.NAMED, id, stop - inserted, end - inserted));
            at = end;
        }
        if (special.add() && ends.addEos()) {
            pieces.add(spans.single(tokenizer, Kind.ADDED, ends.eos(), utf8.length, utf8.length));
        }
        return new Explained(text, List.copyOf(pieces));
    }

    private void textPieces(int from, int limit, boolean space) {
        int at = from;
        while (at < limit) {
            int end = tokenizer.style().rule().end(work.text, at, limit);
            pieces.add(piece(at, end, space ? from : -1));
            at = end;
        }
    }

    /// @param space where a space was put in, which has no place in the text
    private int place(int at, int space) {
        return at == space ? at - inserted + 1 : at - inserted;
    }

    private Piece piece(int from, int end, int space) {
        var done = new ArrayList<int[]>();
        work.size = 0;
        work.mergeByHeap(
                tokenizer,
                from,
                end,
                (start, middle, stop, rank, id) ->
                        done.add(new int[] {start, middle, stop, rank, id}));
        int[] ids = Arrays.copyOf(work.ids, work.size);
        int direct = tokenizer.vocabulary().find(work.text, from, end);
        boolean whole = tokenizer.style().whole() && direct >= 0;
        if (whole) {
            ids = new int[] {direct};
        }
        var parts = new ArrayList<byte[]>();
        for (int i = from; i < end; i++) {
            parts.add(new byte[] {work.text[i]});
        }
        var tokens = new ArrayList<Token>();
        int at = from;
        for (int id : ids) {
            while (tokenizer.byteId(work.text[at]) < 0 && !starts(id, at)) {
                at++;
            }
            byte[] bytes = tokenizer.tokenBytes(id);
            int stop = at + bytes.length;
            tokens.add(spans.token(tokenizer, id, bytes, place(at, space), place(stop, space)));
            at = stop;
        }
        int start = place(from, space);
        int stop = place(end, space);
        return new Piece(
                Kind.TEXT,
                start,
                stop,
                spans.charStart(start),
                spans.charEnd(start, stop),
                Arrays.copyOfRange(work.text, from, end),
                List.copyOf(parts),
                merges(done, from, end),
                whole,
                List.copyOf(tokens));
    }

    /// Whether the token's bytes stand at `at`; bytes without a token are skipped otherwise.
    private boolean starts(int id, int at) {
        byte[] bytes = tokenizer.tokenBytes(id);
        return Arrays.equals(work.text, at, at + bytes.length, bytes, 0, bytes.length);
    }

    /// Turns places in the text into indexes among the symbols that are left, counted by a Fenwick
    /// tree (Fenwick 1994) over symbols that are gone.
    private List<Merge> merges(List<int[]> done, int from, int end) {
        var gone = new int[end - from + 1];
        var merges = new ArrayList<Merge>(done.size());
        for (int[] merge : done) {
            int start = merge[0];
            int middle = merge[1];
            int at = start - from;
            for (int i = start - from; i > 0; i -= i & -i) {
                at -= gone[i];
            }
            for (int i = middle - from + 1; i < gone.length; i += i & -i) {
                gone[i]++;
            }
            merges.add(
                    new Merge(
                            at,
                            Arrays.copyOfRange(work.text, start, middle),
                            Arrays.copyOfRange(work.text, middle, merge[2]),
                            merge[3],
                            merge[4]));
        }
        return List.copyOf(merges);
    }
}
