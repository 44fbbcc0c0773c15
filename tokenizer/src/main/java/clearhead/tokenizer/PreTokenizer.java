package clearhead.tokenizer;

import java.util.ArrayList;
import java.util.List;
import java.util.function.IntPredicate;

/// Cuts a text into the pieces that the model sees one by one, as `tokenizer.json` writes it.
sealed interface PreTokenizer {

    /// The pieces of one piece; none of them is empty.
    List<Chars> cut(Chars text);

    /// What becomes of the places where a pattern matches.
    enum Behavior {
        REMOVED,
        ISOLATED,
        MERGED_WITH_PREVIOUS,
        MERGED_WITH_NEXT,
        CONTIGUOUS
    }

    record Sequence(List<PreTokenizer> steps) implements PreTokenizer {
        @Override
        public List<Chars> cut(Chars text) {
            List<Chars> pieces = List.of(text);
            for (PreTokenizer step : steps) {
                var next = new ArrayList<Chars>();
                for (Chars piece : pieces) {
                    next.addAll(step.cut(piece));
                }
                pieces = next;
            }
            return pieces;
        }
    }

    /// GPT-2's: its split rule unless `rule` is false, then each byte as a letter.
    record Bytes(boolean spaceFirst, boolean rule) implements PreTokenizer {
        @Override
        public List<Chars> cut(Chars text) {
            Chars whole = spaceFirst && text.at(0) != ' ' ? TextNormalizer.before(" ", text) : text;
            List<Chars> pieces = rule
                    ? split(whole, new TextPattern.Known(SplitRule.GPT2).find(whole), Behavior.ISOLATED)
                    : List.of(whole);
            return pieces.stream().map(TextNormalizer::letters).toList();
        }
    }

    record Split(TextPattern pattern, Behavior behavior, boolean invert) implements PreTokenizer {
        @Override
        public List<Chars> cut(Chars text) {
            List<int[]> found = pattern.find(text);
            return split(text, found, behavior, invert);
        }
    }

    /// SentencePiece's sign for a space, and perhaps one before the text.
    ///
    /// @param first whether only before the beginning of the text, otherwise before every piece
    record Metaspace(int sign, boolean prepend, boolean first, boolean split) implements PreTokenizer {
        @Override
        public List<Chars> cut(Chars text) {
            var out = new Chars.Builder(text.size() + 1);
            int lead = text.at(0);
            int place = text.start(0);
            if (prepend && lead != sign && lead != ' ' && (!first || place == 0)) {
                out.add(sign, place, place);
            }
            for (int i = 0; i < text.size(); i++) {
                out.add(text.at(i) == ' ' ? sign : text.at(i), text.start(i), text.end(i));
            }
            Chars whole = out.build();
            return split
                    ? PreTokenizer.split(whole, matches(whole, c -> c == sign), Behavior.MERGED_WITH_NEXT)
                    : List.of(whole);
        }
    }

    /// `\w+|[^\w\s]+`, without what lies between.
    record Whitespace() implements PreTokenizer {
        @Override
        public List<Chars> cut(Chars text) {
            var pieces = new ArrayList<Chars>();
            int at = 0;
            while (at < text.size()) {
                int kind = kind(text.at(at));
                int end = at + 1;
                while (end < text.size() && kind(text.at(end)) == kind) {
                    end++;
                }
                if (kind != CharTraits.SPACE) {
                    pieces.add(text.part(at, end));
                }
                at = end;
            }
            return pieces;
        }

        private static int kind(int c) {
            return CharTraits.is(c, CharTraits.WORD)
                    ? CharTraits.WORD
                    : CharTraits.is(c, CharTraits.SPACE) ? CharTraits.SPACE : 0;
        }
    }

    /// Characters of one kind: white space, punctuation, digits, or one delimiter.
    record Characters(IntPredicate kind, Behavior behavior) implements PreTokenizer {
        static Characters with(int trait, Behavior behavior) {
            return new Characters(c -> CharTraits.is(c, trait), behavior);
        }

        @Override
        public List<Chars> cut(Chars text) {
            return split(text, matches(text, kind), behavior);
        }
    }

    /// So many characters each.
    record FixedLength(int length) implements PreTokenizer {
        @Override
        public List<Chars> cut(Chars text) {
            var pieces = new ArrayList<Chars>();
            for (int at = 0; at < text.size(); at += length) {
                pieces.add(text.part(at, Math.min(text.size(), at + length)));
            }
            return pieces;
        }
    }

    private static List<int[]> matches(Chars text, IntPredicate kind) {
        var found = new ArrayList<int[]>();
        for (int i = 0; i < text.size(); i++) {
            if (kind.test(text.at(i))) {
                found.add(new int[] {i, i + 1});
            }
        }
        return found;
    }

    private static List<Chars> split(Chars text, List<int[]> matches, Behavior behavior) {
        return split(text, matches, behavior, false);
    }

    /// @param invert whether what lies between the matches counts as matching instead
    private static List<Chars> split(Chars text, List<int[]> matches, Behavior behavior, boolean invert) {
        var cuts = new ArrayList<int[]>();
        boolean afterMatch = false;
        int at = 0;
        for (int i = 0; i <= matches.size(); i++) {
            int stop = i < matches.size() ? matches.get(i)[0] : text.size();
            if (stop > at) {
                add(cuts, at, stop, invert, afterMatch, behavior);
                afterMatch = invert;
            }
            if (i < matches.size()) {
                at = matches.get(i)[1];
                add(cuts, stop, at, !invert, afterMatch, behavior);
                afterMatch = !invert;
            }
        }
        var pieces = new ArrayList<Chars>(cuts.size());
        for (int[] cut : cuts) {
            pieces.add(text.part(cut[0], cut[1]));
        }
        return pieces;
    }

    /// The next stretch; the last of `cuts` ends where it starts, unless that was removed.
    private static void add(
            List<int[]> cuts, int start, int end, boolean match, boolean afterMatch, Behavior behavior) {
        boolean join = switch (behavior) {
            case REMOVED, ISOLATED -> false;
            case MERGED_WITH_PREVIOUS -> match && !afterMatch;
            case MERGED_WITH_NEXT -> !match && afterMatch;
            case CONTIGUOUS -> match == afterMatch;
        };
        if (join && !cuts.isEmpty()) {
            cuts.get(cuts.size() - 1)[1] = end;
        } else if (behavior != Behavior.REMOVED || !match) {
            cuts.add(new int[] {start, end});
        }
    }
}
