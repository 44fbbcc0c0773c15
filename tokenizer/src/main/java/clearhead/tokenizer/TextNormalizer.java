package clearhead.tokenizer;

import java.nio.charset.StandardCharsets;
import java.text.Normalizer;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// What happens to a text before it is cut, as `tokenizer.json` writes it. Every character keeps the
/// place it came from.
sealed interface TextNormalizer {

    Chars apply(Chars text);

    /// One after the other.
    record Sequence(List<TextNormalizer> steps) implements TextNormalizer {
        @Override
        public Chars apply(Chars text) {
            Chars result = text;
            for (TextNormalizer step : steps) {
                result = step.apply(result);
            }
            return result;
        }
    }

    /// NFC, NFD, NFKC, NFKD. Unicode Standard Annex 15.
    record Form(Normalizer.Form form) implements TextNormalizer {

        @Override
        public Chars apply(Chars text) {
            var out = new Chars.Builder(text.size());
            int at = 0;
            while (at < text.size()) {
                if (CharTraits.isFrozen(text.at(at))) {
                    out.add(text, at++);
                    continue;
                }
                int end = at;
                while (end < text.size() && !CharTraits.isFrozen(text.at(end))) {
                    end++;
                }
                run(text, at, end, out);
                at = end;
            }
            return out.build();
        }

        private void run(Chars text, int from, int end, Chars.Builder out) {
            String given = text.text(from, end);
            String wanted = Normalizer.normalize(given, form);
            if (wanted.equals(given)) {
                out.add(text, from, end);
                return;
            }
            var parts = new Chars.Builder(end - from);
            int at = from;
            while (at < end) {
                int stop = at + 1;
                while (stop < end && mayJoin(text.at(stop))) {
                    stop++;
                }
                String part = Normalizer.normalize(text.text(at, stop), form);
                parts.add(part, text.start(at), text.end(stop - 1));
                at = stop;
            }
            Chars found = parts.build();
            if (found.text().equals(wanted)) {
                out.add(found, 0, found.size());
            } else {
                out.add(wanted, text.start(from), text.end(end - 1));
            }
        }

        /// Whether a character may change together with the one before it: marks, and letters that
        /// are parts of a Hangul syllable, half-width voice marks and Kirat Rai vowels.
        private static boolean mayJoin(int c) {
            if (c < 0x300) {
                return false;
            }
            int type = Character.getType(c);
            return type == Character.NON_SPACING_MARK
                    || type == Character.COMBINING_SPACING_MARK
                    || type == Character.ENCLOSING_MARK
                    || c >= 0x1160 && c <= 0x11FF
                    || c >= 0x3131 && c <= 0x318E
                    || c >= 0xFF9E && c <= 0xFFDC
                    || c >= 0x16D60 && c <= 0x16D6F;
        }
    }

    record Lowercase() implements TextNormalizer {
        @Override
        public Chars apply(Chars text) {
            var out = new Chars.Builder(text.size());
            for (int i = 0; i < text.size(); i++) {
                int c = text.at(i);
                if (c == 0x130) {
                    out.add("i\u0307", text.start(i), text.end(i));
                } else {
                    out.add(CharTraits.lower(c), text.start(i), text.end(i));
                }
            }
            return out.build();
        }
    }

    /// Drops combining marks.
    record StripAccents() implements TextNormalizer {
        @Override
        public Chars apply(Chars text) {
            return without(text, CharTraits.MARK);
        }
    }

    /// Drops white space at the ends.
    record Strip(boolean left, boolean right) implements TextNormalizer {
        @Override
        public Chars apply(Chars text) {
            int from = 0;
            int end = text.size();
            while (left && from < end && CharTraits.is(text.at(from), CharTraits.SPACE)) {
                from++;
            }
            while (right && end > from && CharTraits.is(text.at(end - 1), CharTraits.SPACE)) {
                end--;
            }
            return text.part(from, end);
        }
    }

    record Replace(TextPattern pattern, String content) implements TextNormalizer {
        @Override
        public Chars apply(Chars text) {
            var out = new Chars.Builder(text.size());
            int at = 0;
            for (int[] match : pattern.find(text)) {
                out.add(text, at, match[0]);
                out.add(content, text.start(match[0]), text.end(match[1] - 1));
                at = match[1];
            }
            out.add(text, at, text.size());
            return out.build();
        }
    }

    /// Puts something before a text that isn't empty.
    record Prepend(String content) implements TextNormalizer {
        @Override
        public Chars apply(Chars text) {
            return text.isEmpty() ? text : before(content, text);
        }
    }

    /// What SentencePiece calls nmt: drops control characters and makes rare spaces plain ones.
    record Nmt() implements TextNormalizer {
        @Override
        public Chars apply(Chars text) {
            var out = new Chars.Builder(text.size());
            for (int i = 0; i < text.size(); i++) {
                int c = text.at(i);
                boolean space = c == 9
                        || c == 0xA
                        || c == 0xC
                        || c == 0xD
                        || c == 0x1680
                        || c >= 0x200B && c <= 0x200F
                        || c == 0x2028
                        || c == 0x2029
                        || c == 0x2581
                        || c == 0xFEFF
                        || c == 0xFFFD;
                boolean dropped = c > 0 && c < 0x20 || c == 0x7F || c == 0x8F || c == 0x9F;
                if (space || !dropped) {
                    out.add(space ? ' ' : c, text.start(i), text.end(i));
                }
            }
            return out.build();
        }
    }

    /// SentencePiece's table of replacements, asked as Hugging Face's library does: a grapheme of
    /// fewer than six bytes is replaced by what its shortest beginning in the table says; characters
    /// of others one by one.
    record Precompiled(SentencePieceNormalizer table) implements TextNormalizer {

        private static final Pattern GRAPHEME = Pattern.compile("\\X");

        @Override
        public Chars apply(Chars text) {
            var out = new Chars.Builder(text.size());
            int at = 0;
            Matcher graphemes = GRAPHEME.matcher(text.text());
            while (graphemes.find()) {
                String grapheme = graphemes.group();
                int end = at + grapheme.codePointCount(0, grapheme.length());
                byte[] bytes = grapheme.getBytes(StandardCharsets.UTF_8);
                String whole = bytes.length < 6 ? table.shortest(bytes) : null;
                if (whole != null) {
                    out.add(whole, text.start(at), text.end(end - 1));
                } else {
                    for (int i = at; i < end; i++) {
                        String one = table.shortest(text.text(i, i + 1).getBytes(StandardCharsets.UTF_8));
                        if (one == null) {
                            out.add(text, i);
                        } else {
                            out.add(one, text.start(i), text.end(i));
                        }
                    }
                }
                at = end;
            }
            return out.build();
        }
    }

    /// BERT's. Devlin et al. 2018, arXiv:1810.04805, code released with it.
    record Bert(boolean clean, boolean chinese, boolean stripAccents, boolean lowercase) implements TextNormalizer {

        @Override
        public Chars apply(Chars text) {
            Chars result = clean || chinese ? cleaned(text) : text;
            if (stripAccents) {
                result = without(new Form(Normalizer.Form.NFD).apply(result), CharTraits.NONSPACING);
            }
            return lowercase ? new Lowercase().apply(result) : result;
        }

        private Chars cleaned(Chars text) {
            var out = new Chars.Builder(text.size());
            for (int i = 0; i < text.size(); i++) {
                int c = text.at(i);
                if (clean && CharTraits.is(c, CharTraits.UNCLEAN)) {
                    continue;
                }
                if (clean && CharTraits.is(c, CharTraits.BLANK)) {
                    out.add(' ', text.start(i), text.end(i));
                } else if (chinese && CharTraits.isChinese(c)) {
                    out.add(' ', text.start(i), text.start(i));
                    out.add(text, i);
                    out.add(' ', text.end(i), text.end(i));
                } else {
                    out.add(text, i);
                }
            }
            return out.build();
        }
    }

    /// Every byte as the letter that GPT-2 writes for it.
    record ByteLevelLetters() implements TextNormalizer {
        @Override
        public Chars apply(Chars text) {
            return letters(text);
        }
    }

    /// Every byte of a text as GPT-2's letter for it.
    static Chars letters(Chars text) {
        var out = new Chars.Builder(text.size() * 2);
        for (int i = 0; i < text.size(); i++) {
            byte[] bytes = Character.toString(text.at(i)).getBytes(StandardCharsets.UTF_8);
            String name = ByteLevel.name(bytes);
            boolean whole = text.end(i) - text.start(i) == bytes.length;
            for (int j = 0; j < bytes.length; j++) {
                int start = whole ? text.start(i) + j : text.start(i);
                out.add(name.charAt(j), start, whole ? start + 1 : text.end(i));
            }
        }
        return out.build();
    }

    /// Something that is not in the given text, before it.
    static Chars before(String content, Chars text) {
        var out = new Chars.Builder(text.size() + content.length());
        int place = text.isEmpty() ? 0 : text.start(0);
        out.add(content, place, place);
        out.add(text, 0, text.size());
        return out.build();
    }

    private static Chars without(Chars text, int trait) {
        var out = new Chars.Builder(text.size());
        for (int i = 0; i < text.size(); i++) {
            if (!CharTraits.is(text.at(i), trait)) {
                out.add(text, i);
            }
        }
        return out.build();
    }
}
