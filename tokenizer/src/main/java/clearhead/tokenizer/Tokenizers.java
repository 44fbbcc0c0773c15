package clearhead.tokenizer;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/// Finds tokenizers: by name, in a file, in a model's folder, in the metadata of a GGUF.
public final class Tokenizers {

    private Tokenizers() {}

    /// The names that `named` knows.
    public static List<String> names() {
        return List.of("cl100k_base", "o200k_base", "p50k_base", "r50k_base", "gpt2");
    }

    /// A known vocabulary.
    ///
    /// @throws TokenizerException if the name is unknown (with the nearest one), or if the file with
    ///     the vocabulary is not on the class path
    public static Tokenizer named(String name) {
        throw new TokenizerException("tokenizer " + name + ": not written yet");
    }

    /// The vocabulary in a file (`tokenizer.json`, SentencePiece `.model`, llama2.c `.bin`,
    /// `.tiktoken`) or in a folder that holds a `tokenizer.json` or `tokenizer.model`.
    public static Tokenizer file(Path path) {
        throw new TokenizerException(path + ": not written yet");
    }

    /// A file or folder if there is one of that name, else a known name.
    public static Tokenizer find(String nameOrPath) {
        throw new TokenizerException("tokenizer " + nameOrPath + ": not written yet");
    }

    /// The vocabulary inside a GGUF.
    ///
    /// @param metadata all key-value pairs; text as String, numbers as Number, arrays as primitive
    ///     arrays, Object[] or List
    public static Tokenizer gguf(Map<String, ?> metadata) {
        throw new TokenizerException("GGUF: not written yet");
    }
}
