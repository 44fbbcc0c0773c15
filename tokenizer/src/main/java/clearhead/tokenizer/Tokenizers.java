package clearhead.tokenizer;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/// Finds tokenizers: by name, in a file, in a model's folder, in the metadata of a GGUF.
public final class Tokenizers {

    private static final long LARGEST_FILE = 1L << 28;

    private Tokenizers() {}

    /// The names that `named` knows.
    public static List<String> names() {
        return Arrays.stream(RankFile.Encoding.values())
                .map(RankFile.Encoding::label)
                .toList();
    }

    /// A known vocabulary.
    ///
    /// @throws TokenizerException if the name is unknown (with the nearest one), or if the file with
    ///     the vocabulary is not on the class path
    public static Tokenizer named(String name) {
        String wanted = name.toLowerCase(Locale.ROOT);
        for (RankFile.Encoding encoding : RankFile.Encoding.values()) {
            if (encoding.label().equals(wanted)) {
                return encoding.load();
            }
        }
        throw new TokenizerException("no tokenizer is called "
                + name
                + "; did you mean "
                + nearest(wanted)
                + "? Known: "
                + String.join(", ", names())
                + ", or a file: tokenizer.json, .model, .bin, .tiktoken, vocab.txt");
    }

    private static String nearest(String wanted) {
        String best = names().get(0);
        for (String name : names()) {
            best = distance(wanted, name) < distance(wanted, best) ? name : best;
        }
        return best;
    }

    /// Levenshtein's distance.
    private static int distance(String a, String b) {
        var row = new int[b.length() + 1];
        for (int j = 0; j <= b.length(); j++) {
            row[j] = j;
        }
        for (int i = 1; i <= a.length(); i++) {
            int diagonal = row[0];
            row[0] = i;
            for (int j = 1; j <= b.length(); j++) {
                int change = diagonal + (a.charAt(i - 1) == b.charAt(j - 1) ? 0 : 1);
                diagonal = row[j];
                row[j] = Math.min(change, 1 + Math.min(row[j], row[j - 1]));
            }
        }
        return row[b.length()];
    }

    /// The vocabulary in a file (`tokenizer.json`, SentencePiece `.model`, llama2.c `.bin`,
    /// `.tiktoken`) or in a folder that holds a `tokenizer.json`,
    /// `tokenizer.model` or `vocab.txt`.
    public static Tokenizer file(Path path) {
        if (Files.isDirectory(path)) {
            for (String name : List.of("tokenizer.json", "tokenizer.model", "vocab.txt")) {
                if (Files.isRegularFile(path.resolve(name))) {
                    return file(path.resolve(name));
                }
            }
            throw new TokenizerException(path + ": the folder has none of tokenizer.json, tokenizer.model, vocab.txt");
        }
        String name = String.valueOf(path.getFileName());
        if (name.endsWith(".json")) {
            return TokenizerJson.read(path);
        }
        if (name.endsWith(".tiktoken")) {
            return RankFile.file(path, content(path));
        }
        if (name.endsWith(".model") || name.endsWith(".model.v1") || name.endsWith(".spm")) {
            return SentencePieceModel.read(path.toString(), content(path));
        }
        if (name.endsWith(".bin")) {
            return SentencePieceModel.readLlama2c(path.toString(), content(path));
        }
        if (name.endsWith(".txt")) {
            return BertVocabulary.read(path.toString(), content(path), isLowercase(path));
        }
        throw new TokenizerException(path
                + ": not a tokenizer file; wanted a tokenizer.json, .model, .bin, .tiktoken, vocab.txt, or"
                + " a folder with one");
    }

    /// What the `tokenizer_config.json` beside a `vocab.txt` says; without one, BERT's lower case.
    private static boolean isLowercase(Path vocabulary) {
        Path config = vocabulary.resolveSibling("tokenizer_config.json");
        return !Files.isRegularFile(config)
                || Json.parse(config.toString(), content(config))
                        .get("do_lower_case")
                        .flag(true);
    }

    /// A whole file, of a size that a vocabulary can have.
    static byte[] content(Path path) {
        try {
            if (!Files.isRegularFile(path)) {
                throw new TokenizerException(path + ": there is no such file");
            }
            long size = Files.size(path);
            if (size > LARGEST_FILE) {
                throw new TokenizerException(path
                        + ": has "
                        + size
                        + " bytes, more than the "
                        + LARGEST_FILE
                        + " that a vocabulary may have");
            }
            return Files.readAllBytes(path);
        } catch (IOException e) {
            throw new TokenizerException(path + ": cannot be read: " + e.getMessage(), e);
        }
    }

    /// A file or folder if there is one of that name, else a known name.
    public static Tokenizer find(String nameOrPath) {
        boolean known = names().contains(nameOrPath.toLowerCase(Locale.ROOT));
        boolean pathLike = nameOrPath.indexOf('/') >= 0 || nameOrPath.indexOf('\\') >= 0;
        if (!known) {
            Path path = path(nameOrPath);
            if (pathLike || Files.exists(path)) {
                return file(path);
            }
        }
        return named(nameOrPath);
    }

    private static Path path(String text) {
        try {
            return Path.of(text);
        } catch (java.nio.file.InvalidPathException e) {
            throw new TokenizerException("not a file name: " + text, e);
        }
    }

    /// The vocabulary inside a GGUF.
    ///
    /// @param metadata all key-value pairs; text as String, numbers as Number, arrays as primitive
    ///     arrays, Object[] or List
    /// @throws TokenizerException if something is missing or of a kind that is not known
    public static Tokenizer gguf(Map<String, ?> metadata) {
        return new GgufVocabulary(metadata).tokenizer();
    }
}
