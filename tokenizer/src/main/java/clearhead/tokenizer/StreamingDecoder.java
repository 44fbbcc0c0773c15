package clearhead.tokenizer;

import java.io.ByteArrayOutputStream;
import java.util.Arrays;

/// Ids in, text out, never a part of a character: bytes that may still grow to a whole one are held
/// back. Bytes that cannot become UTF-8 appear as U+FFFD. For one sequence and one thread.
public final class StreamingDecoder {

    /// Appends the bytes that a token adds to the text, given whether any token came before it.
    interface Spelling {
        void append(int id, boolean first, boolean showSpecial, ByteArrayOutputStream out);

        /// Whether the token is so far without text, so that the next one is still the first.
        boolean silent(int id);

        /// Whether each byte of a broken character is a U+FFFD of its own.
        default boolean everyByte() {
            return false;
        }
    }

    private final Spelling spelling;
    private final boolean showSpecial;
    private final ByteArrayOutputStream out = new ByteArrayOutputStream();
    private byte[] held = {};
    private boolean first = true;

    StreamingDecoder(Spelling spelling, boolean showSpecial, int... before) {
        this.spelling = spelling;
        this.showSpecial = showSpecial;
        for (int id : before) {
            first &= spelling.silent(id);
        }
    }

    /// Takes one token.
    ///
    /// @return the text that is certain now; often one token's, may be empty or more
    public String accept(int id) {
        out.reset();
        out.writeBytes(held);
        spelling.append(id, first, showSpecial, out);
        first &= spelling.silent(id);
        byte[] bytes = out.toByteArray();
        int whole = bytes.length - Utf8.incompleteTail(bytes, bytes.length);
        held = Arrays.copyOfRange(bytes, whole, bytes.length);
        return Utf8.text(bytes, 0, whole, spelling.everyByte());
    }

    /// Ends the sequence.
    ///
    /// @return what was held back, as U+FFFD; mostly empty
    public String finish() {
        String rest = Utf8.text(held, 0, held.length, spelling.everyByte());
        held = new byte[0];
        return rest;
    }
}
