package clearhead.tokenizer;

import clearhead.tokenizer.Explained.Kind;
import clearhead.tokenizer.Explained.Piece;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/// The same way from text to ids as [BpeTokenizer] goes, with everything written down.
final class BpeExplainer {

    private final BpeTokenizer tokenizer;
    private final String text;
    private final byte[] utf8;
    private final Spans spans;
    private final Workspace work = new Workspace(false);
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
            AddedTokens.Match match = tokenizer.added().next(work.text, at, length, special.parse());
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
            pieces.add(spans.single(tokenizer, Kind.NAMED, id, stop - inserted, end - inserted));
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
        int direct = tokenizer.style().whole() ? tokenizer.vocabulary().find(work.text, from, end) : -1;
        return PieceLog.of(tokenizer.merges(), work, from, end).piece(tokenizer, spans, at -> place(at, space), direct);
    }
}
