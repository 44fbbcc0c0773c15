package clearhead.tokenizer;

import clearhead.tokenizer.AddedTokens.Added;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/// tiktoken's rank files: one token a line, its bytes in Base64, a space, its id. The id is also the
/// rank, and two neighbours merge when their bytes together are a token.
///
/// The files of OpenAI's encodings come with JTokkit, whose jar carries them as resources.
final class RankFile {

    private static final byte[] DIGITS = new byte[128];

    static {
        String digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        Arrays.fill(DIGITS, (byte) -1);
        for (int i = 0; i < digits.length(); i++) {
            DIGITS[digits.charAt(i)] = (byte) i;
        }
    }

    private RankFile() {}

    /// A known encoding. The numbers are those of tiktoken's `openai_public.py`.
    enum Encoding {
        CL100K_BASE(SplitRule.CL100K, 100277, "cl100k_base"),
        O200K_BASE(SplitRule.O200K, 200019, "o200k_base"),
        P50K_BASE(SplitRule.GPT2, 50281, "p50k_base"),
        R50K_BASE(SplitRule.GPT2, 50257, "r50k_base"),
        GPT2(SplitRule.GPT2, 50257, "r50k_base");

        private final SplitRule rule;
        private final int size;
        private final String file;

        Encoding(SplitRule rule, int size, String file) {
            this.rule = rule;
            this.size = size;
            this.file = file;
        }

        String label() {
            return name().toLowerCase(Locale.ROOT);
        }

        private List<Added> special() {
            return switch (this) {
                case CL100K_BASE ->
                    List.of(
                            special("<|endoftext|>", 100257),
                            special("<|fim_prefix|>", 100258),
                            special("<|fim_middle|>", 100259),
                            special("<|fim_suffix|>", 100260),
                            special("<|endofprompt|>", 100276));
                case O200K_BASE -> List.of(special("<|endoftext|>", 199999), special("<|endofprompt|>", 200018));
                case P50K_BASE, R50K_BASE, GPT2 -> List.of(special("<|endoftext|>", 50256));
            };
        }

        private static Added special(String text, int id) {
            return new Added(id, text, true, false, false);
        }

        Tokenizer load() {
            String resource = "com/knuddels/jtokkit/" + file + ".tiktoken";
            try (InputStream in = resource(resource)) {
                if (in == null) {
                    throw new TokenizerException("tokenizer "
                            + label()
                            + ": its rank file comes with the library"
                            + " com.knuddels:jtokkit:1.1.0, which is not on the class path;"
                            + " add that dependency");
                }
                return read(label(), in.readAllBytes(), rule, size, special());
            } catch (IOException e) {
                throw new TokenizerException("tokenizer " + label() + ": " + e.getMessage(), e);
            }
        }
    }

    private static @Nullable InputStream resource(String path) {
        ClassLoader loader = RankFile.class.getClassLoader();
        return loader == null ? ClassLoader.getSystemResourceAsStream(path) : loader.getResourceAsStream(path);
    }

    /// A rank file whose name is that of a known encoding, e.g. `cl100k_base.tiktoken`.
    static Tokenizer file(Path path, byte[] content) {
        String stem = String.valueOf(path.getFileName()).replaceFirst("\\.tiktoken$", "");
        for (Encoding encoding : Encoding.values()) {
            if (encoding.label().equals(stem)) {
                return read(stem, content, encoding.rule, encoding.size, encoding.special());
            }
        }
        throw new TokenizerException(path
                + ": a rank file does not say how text is split; its name must be one of "
                + Tokenizers.names()
                + " with .tiktoken, found "
                + stem);
    }

    /// @param size the number of ids, or more than the file has where special ones follow
    static Tokenizer read(String name, byte[] content, SplitRule rule, int size, List<Added> special) {
        var builder = new Vocabulary.Builder(size);
        var token = new byte[256];
        int at = 0;
        int line = 0;
        while (at < content.length) {
            line++;
            int space = at;
            while (space < content.length && content[space] != ' ' && content[space] != '\n') {
                space++;
            }
            int length = decode(content, at, space, token);
            int end = space + 1;
            long id = end < content.length && content[space] == ' ' ? 0 : -1;
            while (end < content.length && content[end] >= '0' && content[end] <= '9') {
                id = id < 0 || id > content.length ? -1 : id * 10 + content[end] - '0';
                end++;
            }
            boolean lineEnd = end >= content.length || content[end] == '\n' || content[end] == '\r';
            if (length <= 0 || id < builder.size() || id > content.length || !lineEnd) {
                throw new TokenizerException(name
                        + ": line "
                        + line
                        + " of the rank file: wanted Base64, a space and an id above "
                        + (builder.size() - 1));
            }
            fill(builder, (int) id, special);
            builder.add(token, 0, length, true);
            while (end < content.length && (content[end] == '\n' || content[end] == '\r')) {
                end++;
            }
            at = end;
        }
        fill(builder, size, special);
        Vocabulary vocabulary = builder.build();
        int eos = special.isEmpty() ? -1 : special.get(0).id();
        return new BpeTokenizer(
                name,
                vocabulary,
                Merges.byBytes(vocabulary),
                new BpeTokenizer.Style(rule, true, false),
                new AddedTokens(special),
                new BpeTokenizer.Ends(-1, eos, false, false));
    }

    /// Ids below `size` that have no line are special tokens or unused.
    private static void fill(Vocabulary.Builder builder, int size, List<Added> special) {
        while (builder.size() < size) {
            byte[] bytes = {};
            for (Added token : special) {
                bytes = token.id() == builder.size() ? token.bytes() : bytes;
            }
            builder.add(bytes, false);
        }
    }

    /// Decodes Base64 into `token`.
    ///
    /// @return the number of bytes, or −1 if that is none
    private static int decode(byte[] from, int start, int end, byte[] token) {
        int length = 0;
        int bits = 0;
        int held = 0;
        if ((end - start) % 4 != 0 || (end - start) / 4 * 3 > token.length) {
            return -1;
        }
        int stop = end;
        while (stop > start && from[stop - 1] == '=') {
            stop--;
        }
        for (int at = start; at < stop; at++) {
            int digit = from[at] < 0 ? -1 : DIGITS[from[at]];
            if (digit < 0) {
                return -1;
            }
            held = held << 6 | digit;
            bits += 6;
            if (bits >= 8) {
                bits -= 8;
                token[length++] = (byte) (held >> bits);
            }
        }
        return length;
    }
}
