package clearhead.tokenizer;

import clearhead.tokenizer.AddedTokens.Added;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/// Learns a byte-level BPE vocabulary from text. Same texts and settings, same vocabulary: merges go
/// by count, and of equals the pair with the lower ids first. With the same settings it learns the
/// merges that Hugging Face's `BpeTrainer` learns.
///
/// ```java
/// var trainer = new BpeTrainer(4096, List.of("<|endoftext|>"));
/// for (Path book : books) trainer.add(book);
/// Tokenizer tokenizer = trainer.train();
/// TokenizerJson.write(tokenizer, Path.of("tokenizer.json"));
/// ```
///
/// Memory grows with the number of different words, not with the text. For one thread.
public final class BpeTrainer {

    private static final int LONGEST_LINE = 1 << 26;

    private final int size;
    private final List<String> specialTokens;
    private final SplitRule rule;
    private final WordCounts words = new WordCounts();
    private int minFrequency;

    /// Splits text by GPT-2's rule.
    ///
    /// @param size of the vocabulary, special tokens and the 256 bytes included
    /// @param specialTokens get the first ids
    public BpeTrainer(int size, List<String> specialTokens) {
        this(size, specialTokens, "gpt2");
    }

    /// @param rule how text is split: `gpt2`, `smollm` (the same, every digit alone), `llama3`,
    ///     `qwen2`, `o200k`
    public BpeTrainer(int size, List<String> specialTokens, String rule) {
        int least = 256 + specialTokens.size();
        if (size < least) {
            throw new TokenizerException("a vocabulary of "
                    + size
                    + " cannot hold the 256 bytes and "
                    + specialTokens.size()
                    + " special tokens; wanted at least "
                    + least);
        }
        if (specialTokens.stream().distinct().count() < specialTokens.size() || specialTokens.contains("")) {
            throw new TokenizerException("special tokens must differ and not be empty, found " + specialTokens);
        }
        this.size = size;
        this.specialTokens = List.copyOf(specialTokens);
        this.rule = switch (rule) {
            case "gpt2" -> SplitRule.GPT2;
            case "smollm" -> SplitRule.GPT2_DIGITS;
            case "llama3" -> SplitRule.LLAMA3;
            case "qwen2" -> SplitRule.QWEN2;
            case "o200k" -> SplitRule.O200K;
            default ->
                throw new TokenizerException(
                        "no split rule is called " + rule + "; known: gpt2, smollm, llama3, qwen2, o200k");
        };
    }

    /// Pairs that occur less often are not merged.
    public BpeTrainer minFrequency(int least) {
        minFrequency = least;
        return this;
    }

    /// Counts the words of a UTF-8 text file, line by line.
    public void add(Path file) {
        try (InputStream in = Files.newInputStream(file)) {
            add(in);
        } catch (IOException e) {
            throw new TokenizerException(file + ": cannot be read: " + e.getMessage(), e);
        }
    }

    /// Counts the words of a UTF-8 text, line by line: a piece never goes beyond a line break. So do
    /// Hugging Face's libraries when they train on files.
    public void add(InputStream text) throws IOException {
        var buffer = new byte[1 << 16];
        int held = 0;
        while (true) {
            int read = text.read(buffer, held, buffer.length - held - CharClass.PADDING);
            int filled = Math.max(held, held + read);
            int from = 0;
            for (int at = held; at < filled; at++) {
                if (buffer[at] == '\n') {
                    words(buffer, from, at + 1);
                    from = at + 1;
                }
            }
            if (read < 0 || from == 0 && filled >= LONGEST_LINE) {
                Arrays.fill(buffer, filled, filled + CharClass.PADDING, (byte) 0);
                words(buffer, from, filled);
                from = filled;
            }
            if (read < 0) {
                return;
            }
            held = filled - from;
            System.arraycopy(buffer, from, buffer, 0, held);
            if (buffer.length - held - CharClass.PADDING < buffer.length / 2) {
                buffer = Arrays.copyOf(buffer, buffer.length * 2);
            }
        }
    }

    /// Counts the words of one text as a whole, over line breaks.
    public void add(String text) {
        byte[] utf8 = Utf8.bytes(text);
        words(Arrays.copyOf(utf8, utf8.length + CharClass.PADDING), 0, utf8.length);
    }

    private void words(byte[] text, int from, int limit) {
        int at = from;
        while (at < limit) {
            int end = rule.end(text, at, limit);
            words.add(text, at, end);
            at = end;
        }
    }

    /// The vocabulary: special tokens, the 256 bytes in the order of their characters in GPT-2's
    /// alphabet, then the merges. Smaller than asked for where the text has no more pairs.
    public Tokenizer train() {
        var builder = new Vocabulary.Builder(size);
        var added = new ArrayList<Added>();
        for (String token : specialTokens) {
            added.add(new Added(builder.size(), token, true, false, false));
            builder.add(token.getBytes(StandardCharsets.UTF_8), false);
        }
        var idOfByte = new int[256];
        for (char c = 0; c < 0x144; c++) {
            byte[] one = ByteLevel.bytes(String.valueOf(c));
            if (one != null) {
                idOfByte[one[0] & 0xFF] = builder.size();
                builder.add(one, true);
            }
        }
        var pairs = new PairMerger(words, idOfByte, builder.size(), minFrequency);
        List<int[]> merges = pairs.learn(size);
        int first = builder.size();
        var spelled = new ArrayList<byte[]>();
        for (int[] merge : merges) {
            if (merge[2] == first + spelled.size()) {
                byte[] left = spelling(merge[0], first, spelled, idOfByte);
                byte[] right = spelling(merge[1], first, spelled, idOfByte);
                byte[] both = Arrays.copyOf(left, left.length + right.length);
                System.arraycopy(right, 0, both, left.length, right.length);
                spelled.add(both);
                builder.add(both, true);
            }
        }
        Vocabulary vocabulary = builder.build();
        int[] left = merges.stream().mapToInt(merge -> merge[0]).toArray();
        int[] right = merges.stream().mapToInt(merge -> merge[1]).toArray();
        int[] merged = merges.stream().mapToInt(merge -> merge[2]).toArray();
        int end = specialTokens.isEmpty() ? -1 : 0;
        return new BpeTokenizer(
                "trained",
                vocabulary,
                Merges.ofPairs(vocabulary, left, right, merged),
                new BpeTokenizer.Style(rule, false, false),
                new AddedTokens(added),
                new BpeTokenizer.Ends(end, end, false, false));
    }

    private static byte[] spelling(int id, int first, List<byte[]> spelled, int[] idOfByte) {
        if (id >= first) {
            return spelled.get(id - first);
        }
        for (int b = 0; b < 256; b++) {
            if (idOfByte[b] == id) {
                return new byte[] {(byte) b};
            }
        }
        throw new IllegalStateException("no byte has the id " + id);
    }
}
