package clearhead.tokenizer;

import java.nio.file.Path;

/// Hugging Face's `tokenizer.json` for byte-level BPE.
public final class TokenizerJson {

    private TokenizerJson() {}

    /// @throws TokenizerException if the file is malformed or asks for something this library does
    ///     not do; the message names it
    public static Tokenizer read(Path file) {
        throw new TokenizerException(file + ": not written yet");
    }

    /// Writes a byte-level BPE tokenizer so that Hugging Face's libraries load it and give the same
    /// ids.
    ///
    /// @throws TokenizerException if the tokenizer is of another kind
    public static void write(Tokenizer tokenizer, Path file) {
        throw new TokenizerException(file + ": not written yet");
    }
}
