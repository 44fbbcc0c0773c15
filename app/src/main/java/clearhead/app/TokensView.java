package clearhead.app;

import clearhead.io.JsonWriter;
import clearhead.tokenizer.Explained;
import clearhead.tokenizer.Special;
import clearhead.tokenizer.Tokenizer;
import clearhead.tokenizer.Utf8;
import clearhead.view.Printable;
import clearhead.view.TokensJson;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;

/// What `tokens` makes of its inputs, part by part.
sealed interface TokensView extends Inputs.Taker {

    /// Before the first part.
    default void begin() {}

    /// After the last part.
    default void end() {}

    /// UTF-8 to text.
    static String decode(byte[] part, long offset, String source) {
        int bad = Utf8.firstInvalid(part);
        if (bad >= 0) {
            throw new UsageException(String.format(
                    Locale.ROOT,
                    "%s is not UTF-8: byte %d (0x%02X) begins no character; convert it first,"
                            + " for example with iconv -t UTF-8",
                    source,
                    offset + bad,
                    part[bad]));
        }
        return new String(part, StandardCharsets.UTF_8);
    }

    /// Ids only, one line an input. Bytes that are not UTF-8 are taken as they are, with one note,
    /// where the vocabulary gives them back.
    final class Ids implements TokensView {
        private final PrintWriter out;
        private final Tokenizer tokenizer;
        private final Special special;
        private final String source;
        private final PrintWriter notes;
        private boolean noted;
        private boolean first = true;

        Ids(PrintWriter out, Tokenizer tokenizer, Special special, String source, PrintWriter notes) {
            this.out = out;
            this.tokenizer = tokenizer;
            this.special = special;
            this.source = source;
            this.notes = notes;
        }

        @Override
        public void take(byte[] part, long offset, boolean last) {
            int bad = Utf8.firstInvalid(part);
            if (bad >= 0) {
                keepBytes(part, offset, bad);
            }
            var line = new StringBuilder();
            for (int id : tokenizer.encode(part, special)) {
                if (!first) {
                    line.append(' ');
                }
                line.append(id);
                first = false;
            }
            out.print(line);
            if (last) {
                out.println();
                first = true;
            }
        }

        private void keepBytes(byte[] part, long offset, int bad) {
            if (!Arrays.equals(tokenizer.decodeBytes(tokenizer.encode(part, Special.TEXT)), part)) {
                decode(part, offset, source);
            }
            if (!noted) {
                notes.println(String.format(
                        Locale.ROOT,
                        "clearhead: %s is not UTF-8 at byte %d (0x%02X): such bytes are taken as they" + " are",
                        source,
                        offset + bad,
                        part[bad]));
                notes.flush();
                noted = true;
            }
        }
    }

    /// For people.
    final class Table implements TokensView {
        private final PrintWriter out;
        private final Tokenizer tokenizer;
        private final Special special;
        private final String source;
        private final boolean bytes;
        private final boolean merges;
        private final Heat heat;
        private boolean started;
        private int inputs;
        private long position;
        private long characters;
        private long byteCount;

        Table(
                PrintWriter out,
                Tokenizer tokenizer,
                Special special,
                String source,
                boolean bytes,
                boolean merges,
                Heat heat) {
            this.out = out;
            this.tokenizer = tokenizer;
            this.special = special;
            this.source = source;
            this.bytes = bytes;
            this.merges = merges;
            this.heat = heat;
        }

        @Override
        public void take(byte[] part, long offset, boolean last) {
            String text = decode(part, offset, source);
            if (text.isEmpty() && last && !started) {
                out.println();
                return;
            }
            if (!started) {
                if (inputs++ > 0) {
                    out.println();
                }
                started = true;
                if (!bytes && !merges) {
                    out.println(heat.faint("   at byte  pre-token               token: id"));
                }
            }
            Explained explained = tokenizer.explain(text, special);
            if (bytes) {
                characters(explained, text);
            }
            if (merges || !bytes) {
                for (Explained.Piece piece : explained.pieces()) {
                    if (merges) {
                        merges(piece);
                    } else {
                        piece(piece);
                    }
                }
            }
            position += explained.ids().length;
            characters += text.codePointCount(0, text.length());
            byteCount += part.length;
            if (last) {
                out.println(characters + (characters == 1 ? " character, " : " characters, ") + byteCount
                        + (byteCount == 1 ? " byte, " : " bytes, ") + 8 * byteCount + " bits, " + position
                        + (position == 1 ? " token" : " tokens")
                        + String.format(
                                Locale.ROOT, " (%.2f bytes a token)", byteCount / (double) Math.max(1, position))
                        + " with " + tokenizer.name());
                started = false;
                position = 0;
                characters = 0;
                byteCount = 0;
            }
        }

        private void piece(Explained.Piece piece) {
            var line = new StringBuilder();
            line.append(String.format(Locale.ROOT, "  %8d  ", byteCount + piece.byteStart()));
            line.append(Printable.fit(named(piece), 22)).append("  ").append(tokens(piece));
            out.println(line);
        }

        private static String named(Explained.Piece piece) {
            return switch (piece.kind()) {
                case TEXT -> quoted(piece.bytes());
                case NAMED -> "(named)";
                case ADDED -> "(added)";
            };
        }

        private static String tokens(Explained.Piece piece) {
            var names = new ArrayList<String>();
            for (Explained.Token t : piece.tokens()) {
                names.add(name(t) + " " + t.id());
            }
            return String.join("  ", names);
        }

        private static String name(Explained.Token t) {
            return t.special() ? Printable.text(t.name()) : quoted(t.bytes());
        }

        private static String quoted(byte[] bytes) {
            return "`" + Printable.text(bytes) + "`";
        }

        private void merges(Explained.Piece piece) {
            out.println(heat.strong(named(piece)) + "  →  " + tokens(piece));
            if (piece.parts().isEmpty()) {
                return;
            }
            List<byte[]> symbols = new ArrayList<>(piece.parts());
            out.println("      starts as " + row(symbols));
            int number = 0;
            for (Explained.Merge m : piece.merges()) {
                byte[] both = Arrays.copyOf(m.left(), m.left().length + m.right().length);
                System.arraycopy(m.right(), 0, both, m.left().length, m.right().length);
                symbols.set(m.at(), both);
                symbols.remove(m.at() + 1);
                out.println(String.format(Locale.ROOT, "  %4d  rank %6d  ", ++number, m.rank())
                        + quoted(m.left()) + " + " + quoted(m.right()) + " = " + quoted(both) + " "
                        + m.id() + "   " + heat.faint(row(symbols)));
            }
            if (piece.whole()) {
                out.println(
                        "      (the vocabulary holds this pre-token as a whole, so the merges are not" + " needed)");
            }
        }

        private static String row(List<byte[]> symbols) {
            var names = new ArrayList<String>();
            for (byte[] symbol : symbols) {
                names.add(Printable.text(symbol));
            }
            return String.join("|", names);
        }

        private void characters(Explained explained, String text) {
            out.println(heat.faint(
                    "   at byte  character  code point  UTF-8        bits                                 token"));
            List<Explained.Token> tokens = explained.tokens();
            int token = 0;
            int at = 0;
            for (int i = 0; i < text.length(); ) {
                int c = text.codePointAt(i);
                String character = new String(Character.toChars(c));
                byte[] utf8 = character.getBytes(StandardCharsets.UTF_8);
                while (token < tokens.size() && tokens.get(token).byteEnd() <= at) {
                    token++;
                }
                var of = new ArrayList<String>();
                for (int t = token; t < tokens.size() && tokens.get(t).byteStart() < at + utf8.length; t++) {
                    if (tokens.get(t).byteEnd() > at) {
                        of.add(name(tokens.get(t)) + " " + tokens.get(t).id());
                    }
                }
                out.println(String.format(Locale.ROOT, "  %8d  ", byteCount + at)
                        + Printable.fit(Printable.text(character), 9)
                        + String.format(
                                Locale.ROOT,
                                "  U+%-8s  %-11s  %-35s  ",
                                String.format(Locale.ROOT, "%04X", c),
                                Printable.hex(utf8),
                                Printable.bits(utf8))
                        + String.join(", ", of));
                at += utf8.length;
                i += Character.charCount(c);
            }
        }
    }

    /// JSON: the schema is in docs/json.md.
    final class Document implements TokensView {
        private final JsonWriter json;
        private final Tokenizer tokenizer;
        private final Special special;
        private final String source;
        private boolean started;
        private long characters;
        private long byteCount;
        private long tokens;

        Document(JsonWriter json, Tokenizer tokenizer, Special special, String source) {
            this.json = json;
            this.tokenizer = tokenizer;
            this.special = special;
            this.source = source;
        }

        @Override
        public void begin() {
            json.beginObject().field("command", "tokens");
            json.field("tokenizer", tokenizer.name()).field("vocab", tokenizer.size());
            json.name("inputs").beginArray();
        }

        @Override
        public void end() {
            json.endArray().endObject();
        }

        @Override
        public void take(byte[] part, long offset, boolean last) {
            String text = decode(part, offset, source);
            if (!started) {
                json.beginObject().name("pieces").beginArray();
                started = true;
            }
            for (Explained.Piece piece : tokenizer.explain(text, special).pieces()) {
                TokensJson.piece(json, piece, byteCount, true);
                tokens += piece.tokens().size();
            }
            characters += text.codePointCount(0, text.length());
            byteCount += part.length;
            if (last) {
                json.endArray();
                json.field("characters", characters).field("bytes", byteCount);
                json.field("tokens", tokens).endObject();
                started = false;
                characters = 0;
                byteCount = 0;
                tokens = 0;
            }
        }
    }
}
