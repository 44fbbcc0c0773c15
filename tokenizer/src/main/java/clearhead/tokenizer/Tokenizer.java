package clearhead.tokenizer;

import java.util.Map;
import java.util.OptionalInt;

/// Text to token ids and back. Immutable, and safe to use from any number of threads.
///
/// A vocabulary file, a model's folder or a known name gives one: see {@link Tokenizers}.
///
/// Text is plain text unless [Special] says otherwise: `<|endoftext|>` typed by a user is thirteen
/// characters, not a control token. Text given as bytes is UTF-8.
public interface Tokenizer {

    /// What this vocabulary is called, e.g. `cl100k_base`, or the file it came from.
    String name();

    /// How many ids there are; every id is in `[0, size)`. Some of them may be unused.
    int size();

    /// The ids of a text that is read as plain text.
    default int[] encode(String text) {
        return encode(text, Special.TEXT);
    }

    /// The ids of a text. Unpaired surrogates count as U+FFFD.
    int[] encode(String text, Special special);

    /// The ids of a text in UTF-8. Byte-level vocabularies also take bytes that are not UTF-8 (each
    /// such byte counts as one symbol) and give them back exactly; others read them as U+FFFD.
    int[] encode(byte[] utf8, Special special);

    /// How many tokens `encode(text)` gives.
    int count(String text);

    /// The bytes of a whole sequence of ids, with special tokens as their names.
    ///
    /// @throws TokenizerException if an id is outside the vocabulary
    byte[] decodeBytes(int... ids);

    /// The text of a whole sequence of ids, with special tokens as their names. Bytes that are not
    /// UTF-8 become U+FFFD.
    String decode(int... ids);

    /// Gives text piece by piece while ids arrive, never a part of a character.
    ///
    /// @param showSpecial whether special tokens appear as their names, or not at all
    /// @param before ids that came before and are not written again (the prompt); some vocabularies
    ///     need them to know whether a first space belongs to the text
    StreamingDecoder decoder(boolean showSpecial, int... before);

    /// The bytes that one token stands for, without regard to its neighbours. For a special token
    /// its name.
    byte[] tokenBytes(int id);

    /// The token as its vocabulary writes it, e.g. `Ġstudent`, `▁student`, `<0x0A>`.
    String tokenName(int id);

    /// The id of a token as its vocabulary writes it, special tokens included.
    OptionalInt id(String tokenName);

    /// Whether the id is a control token, which plain text never gives.
    boolean isSpecial(int id);

    /// All special tokens by name, in the order of their ids.
    Map<String, Integer> specialTokens();

    /// The beginning-of-sequence token, whether or not it is added to texts.
    OptionalInt bos();

    /// The end-of-sequence token.
    OptionalInt eos();

    /// Everything that happened on the way from the text to its ids.
    default Explained explain(String text) {
        return explain(text, Special.TEXT);
    }

    /// Everything that happened on the way from the text to its ids; its ids equal `encode`'s.
    Explained explain(String text, Special special);
}
