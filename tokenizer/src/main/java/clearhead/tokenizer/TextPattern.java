package clearhead.tokenizer;

import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.regex.PatternSyntaxException;

/// What Split and Replace look for.
sealed interface TextPattern {

    /// Where it stands: first character and the one after the last. Empty places do not count.
    List<int[]> find(Chars text);

    /// Just these characters.
    record Literal(int[] points) implements TextPattern {
        @Override
        public List<int[]> find(Chars text) {
            var found = new ArrayList<int[]>();
            for (int at = 0; points.length > 0 && at < text.size(); ) {
                if (text.has(points, at)) {
                    found.add(new int[] {at, at + points.length});
                    at += points.length;
                } else {
                    at++;
                }
            }
            return found;
        }
    }

    /// One of the split rules that have scanners of their own.
    record Known(SplitRule rule) implements TextPattern {
        @Override
        public List<int[]> find(Chars text) {
            byte[] utf8 = Utf8.bytes(text.text());
            var padded = java.util.Arrays.copyOf(utf8, utf8.length + CharClass.PADDING);
            var found = new ArrayList<int[]>();
            int index = 0;
            for (int at = 0; at < utf8.length; ) {
                int end = rule.end(padded, at, utf8.length);
                int first = index;
                for (int i = at; i < end; i++) {
                    index += padded[i] >= -64 ? 1 : 0;
                }
                found.add(new int[] {first, index});
                at = end;
            }
            return found;
        }
    }

    /// A regular expression that Java's engine reads as Oniguruma does.
    record Regex(Pattern pattern) implements TextPattern {

        private static final Set<String> CLASSES = Set.of(
                "L", "Lu", "Ll", "Lt", "Lm", "Lo", "M", "Mn", "Mc", "Me", "N", "Nd", "Nl", "No", "P", "Pc", "Pd", "Ps",
                "Pe", "Pi", "Pf", "Po", "S", "Sm", "Sc", "Sk", "So", "Z", "Zs", "Zl", "Zp", "C", "Cc", "Cf", "Co");

        /// @throws TokenizerException where the two engines might differ
        static Regex of(Json json) {
            String regex = json.text();
            var java = new StringBuilder();
            boolean inClass = false;
            for (int i = 0; i < regex.length(); i++) {
                char c = regex.charAt(i);
                if (c == '\\' && i + 1 < regex.length()) {
                    char next = regex.charAt(i + 1);
                    if (next == 'p' || next == 'P') {
                        int end = regex.indexOf('}', i);
                        String name = end > i + 3 && regex.charAt(i + 2) == '{' ? regex.substring(i + 3, end) : "";
                        if (name.equals("Han") || name.equals("Hiragana") || name.equals("Katakana")) {
                            java.append('\\')
                                    .append(next)
                                    .append("{Is")
                                    .append(name)
                                    .append('}');
                        } else if (CLASSES.contains(name)) {
                            java.append(regex, i, end + 1);
                        } else {
                            throw json.wanted("a pattern without " + Json.quoted(regex.substring(i, i + 3) + name));
                        }
                        i = end;
                        continue;
                    }
                    if (Character.isLetterOrDigit(next) && "sSdDwWrntf".indexOf(next) < 0) {
                        throw json.wanted("a pattern without \\" + next);
                    }
                    java.append(c).append(next);
                    i++;
                    continue;
                }
                if (c == '[') {
                    if (inClass) {
                        throw json.wanted("a pattern without a class inside a class");
                    }
                    inClass = true;
                } else if (c == ']') {
                    inClass = false;
                } else if (!inClass && (c == '^' || c == '$' || c == '.')) {
                    throw json.wanted("a pattern without " + c);
                } else if (inClass && regex.startsWith("&&", i)) {
                    throw json.wanted("a pattern without && in a class");
                }
                java.append(c);
            }
            try {
                return new Regex(Pattern.compile(java.toString(), Pattern.UNICODE_CHARACTER_CLASS));
            } catch (PatternSyntaxException e) {
                throw json.wanted("a regular expression (" + e.getDescription() + ")");
            }
        }

        @Override
        public List<int[]> find(Chars text) {
            int[] indexes = text.indexes();
            var found = new ArrayList<int[]>();
            Matcher matcher = pattern.matcher(text.text());
            try {
                while (matcher.find()) {
                    if (matcher.end() > matcher.start()) {
                        found.add(new int[] {indexes[matcher.start()], indexes[matcher.end()]});
                    }
                }
            } catch (StackOverflowError e) {
                throw new TokenizerException("the pattern " + Json.quoted(pattern.pattern()) + " is too deep for a text"
                        + " of " + text.size() + " characters");
            }
            return found;
        }
    }
}
