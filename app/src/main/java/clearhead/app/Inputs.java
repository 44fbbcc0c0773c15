package clearhead.app;

import java.io.IOException;
import java.io.InputStream;
import java.util.Arrays;
import java.util.Optional;

/// A stream as one or more inputs. An input may come in several parts, cut where no tokenizer of the
/// GPT-2, cl100k and o200k kinds joins anything: after a newline that follows a letter or digit, where
/// a letter begins the next line. So a file of any size needs little memory. A delimiter at the very
/// end ends the last input and begins no empty one.
final class Inputs {
    private static final int PART = 1 << 20;

    private final InputStream in;
    private final Optional<byte[]> delimiter;
    private final boolean cut;

    /// @param delimiter what stands between two inputs
    /// @param cut whether an input may be cut into parts
    Inputs(InputStream in, Optional<byte[]> delimiter, boolean cut) {
        this.in = in;
        this.delimiter = delimiter;
        this.cut = cut;
    }

    /// Takes the parts.
    @FunctionalInterface
    interface Taker {
        /// @param offset of the part in the whole stream, in bytes
        /// @param last whether the input ends with this part
        void take(byte[] part, long offset, boolean last) throws IOException;
    }

    void forEach(Taker taker) throws IOException {
        byte[] held = new byte[0];
        long offset = 0;
        boolean end = false;
        boolean any = false;
        while (!end) {
            byte[] more = in.readNBytes(PART);
            end = more.length < PART;
            held = joined(held, more);
            int from = 0;
            if (delimiter.isPresent()) {
                for (int at = find(held, from); at >= 0; at = find(held, from)) {
                    taker.take(Arrays.copyOfRange(held, from, at), offset + from, true);
                    from = at + delimiter.get().length;
                    any = true;
                }
            }
            if (end && !(any && from == held.length)) {
                taker.take(Arrays.copyOfRange(held, from, held.length), offset + from, true);
            } else if (!end && cut && delimiter.isEmpty()) {
                int at = safeCut(held);
                if (at > 0) {
                    taker.take(Arrays.copyOf(held, at), offset, false);
                    from = at;
                }
            }
            held = Arrays.copyOfRange(held, from, held.length);
            offset += from;
        }
    }

    private static byte[] joined(byte[] a, byte[] b) {
        byte[] both = Arrays.copyOf(a, Math.addExact(a.length, b.length));
        System.arraycopy(b, 0, both, a.length, b.length);
        return both;
    }

    private int find(byte[] bytes, int from) {
        byte[] wanted = delimiter.orElseThrow();
        outer:
        for (int i = from; i <= bytes.length - wanted.length; i++) {
            for (int j = 0; j < wanted.length; j++) {
                if (bytes[i + j] != wanted[j]) {
                    continue outer;
                }
            }
            return i;
        }
        return -1;
    }

    /// The last place after which a part may begin, or 0. Only ASCII counts as letter here, so that
    /// the place is also one between characters.
    private static int safeCut(byte[] bytes) {
        for (int i = bytes.length - 1; i >= 2; i--) {
            if (bytes[i - 1] == '\n' && letter(bytes[i]) && letter(bytes[i - 2])) {
                return i;
            }
        }
        return 0;
    }

    private static boolean letter(byte b) {
        return (b >= 'a' && b <= 'z') || (b >= 'A' && b <= 'Z');
    }
}
