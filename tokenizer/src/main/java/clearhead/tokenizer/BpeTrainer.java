package clearhead.tokenizer;

import java.io.Reader;
import java.nio.file.Path;
import java.util.List;

/// Learns a byte-level BPE vocabulary from text. Same texts and settings, same vocabulary: merges go
/// by count, and of equals the pair with the lower ids first.
///
/// ```java
/// var trainer = new BpeTrainer(4096, List.of("<|endoftext|>"));
/// for (Path book : books) trainer.add(book);
/// Tokenizer tokenizer = trainer.train();
/// ```
public final class BpeTrainer {

    /// @param size of the vocabulary, special tokens and the 256 bytes included
    /// @param specialTokens get the first ids
    public BpeTrainer(int size, List<String> specialTokens) {}

    /// Counts the words of a UTF-8 text file, line by line.
    public void add(Path file) {}

    /// Counts the words of a text, line by line; bounded memory.
    public void add(Reader text) {}

    /// Counts the words of one text as a whole.
    public void add(String text) {}

    /// The vocabulary; writable with {@link TokenizerJson#write}.
    public Tokenizer train() {
        throw new TokenizerException("training: not written yet");
    }
}
