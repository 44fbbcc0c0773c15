package clearhead.tokenizer;

import java.io.ByteArrayOutputStream;
import java.util.ArrayList;
import java.util.List;

/// Makes text of tokens, as `tokenizer.json` writes it. Each step takes the list that the one before
/// it gave; the text is the last list, end to end.
sealed interface TokenDecoder {

    List<String> apply(List<String> tokens);

    record Sequence(List<TokenDecoder> steps) implements TokenDecoder {
        @Override
        public List<String> apply(List<String> tokens) {
            List<String> result = tokens;
            for (TokenDecoder step : steps) {
                result = step.apply(result);
            }
            return result;
        }
    }

    /// Where the file has no decoder: a space between tokens.
    record Spaced() implements TokenDecoder {
        @Override
        public List<String> apply(List<String> tokens) {
            return List.of(String.join(" ", tokens));
        }
    }

    record Bytes() implements TokenDecoder {
        @Override
        public List<String> apply(List<String> tokens) {
            var out = new ByteArrayOutputStream();
            for (String token : tokens) {
                out.writeBytes(ByteLevel.bytesOrText(token));
            }
            return List.of(Utf8.text(out.toByteArray(), 0, out.size()));
        }
    }

    /// @param cleanup whether spaces before English punctuation and endings go
    record WordPiece(String prefix, boolean cleanup) implements TokenDecoder {
        @Override
        public List<String> apply(List<String> tokens) {
            var out = new ArrayList<String>(tokens.size());
            for (String token : tokens) {
                String text = token;
                if (!out.isEmpty()) {
                    text = token.startsWith(prefix) ? token.substring(prefix.length()) : " " + token;
                }
                out.add(cleanup ? cleaned(text) : text);
            }
            return out;
        }

        private static String cleaned(String text) {
            return text.replace(" .", ".")
                    .replace(" ?", "?")
                    .replace(" !", "!")
                    .replace(" ,", ",")
                    .replace(" ' ", "'")
                    .replace(" n't", "n't")
                    .replace(" 'm", "'m")
                    .replace(" do not", " don't")
                    .replace(" 's", "'s")
                    .replace(" 've", "'ve")
                    .replace(" 're", "'re");
        }
    }

    /// @param dropFirst whether the first token's signs are nothing, as one was put before the text
    record Metaspace(int sign, boolean dropFirst) implements TokenDecoder {
        @Override
        public List<String> apply(List<String> tokens) {
            var out = new ArrayList<String>(tokens.size());
            String from = Character.toString(sign);
            for (String token : tokens) {
                out.add(token.replace(from, out.isEmpty() && dropFirst ? "" : " "));
            }
            return out;
        }
    }

    /// The end-of-word sign of the first BPE files.
    record Suffix(String suffix) implements TokenDecoder {
        @Override
        public List<String> apply(List<String> tokens) {
            var out = new ArrayList<String>(tokens.size());
            for (String token : tokens) {
                out.add(token.replace(suffix, out.size() == tokens.size() - 1 ? "" : " "));
            }
            return out;
        }
    }

    record Replace(TextPattern pattern, String content) implements TokenDecoder {
        @Override
        public List<String> apply(List<String> tokens) {
            var replace = new TextNormalizer.Replace(pattern, content);
            return tokens.stream()
                    .map(token -> replace.apply(Chars.of(token)).text())
                    .toList();
        }
    }

    /// Takes so many of a character from the ends of each token.
    record Strip(int character, int start, int stop) implements TokenDecoder {
        @Override
        public List<String> apply(List<String> tokens) {
            return tokens.stream().map(this::stripped).toList();
        }

        private String stripped(String token) {
            int[] points = token.codePoints().toArray();
            int from = 0;
            int end = points.length;
            while (from < start && from < end && points[from] == character) {
                from++;
            }
            while (points.length - end < stop && end > from && points[end - 1] == character) {
                end--;
            }
            return new String(points, from, end - from);
        }
    }

    record Fuse() implements TokenDecoder {
        @Override
        public List<String> apply(List<String> tokens) {
            return List.of(String.join("", tokens));
        }
    }

    /// Tokens like `<0x0A>` in a row are bytes; if they are not UTF-8, each is a U+FFFD.
    record ByteFallback() implements TokenDecoder {
        @Override
        public List<String> apply(List<String> tokens) {
            var out = new ArrayList<String>(tokens.size());
            var bytes = new ByteArrayOutputStream();
            for (String token : tokens) {
                int b = SentencePieceSpec.byteOf(token);
                if (b >= 0) {
                    bytes.write(b);
                    continue;
                }
                flush(bytes, out);
                out.add(token);
            }
            flush(bytes, out);
            return out;
        }

        private static void flush(ByteArrayOutputStream bytes, List<String> out) {
            if (bytes.size() > 0) {
                byte[] all = bytes.toByteArray();
                boolean valid = Utf8.firstInvalid(all) < 0;
                out.add(valid ? Utf8.text(all, 0, all.length) : "\uFFFD".repeat(all.length));
                bytes.reset();
            }
        }
    }
}
