package clearhead.io;

import java.nio.file.Path;

/// A model file, or a file beside it, that cannot be read or written: missing, cut short, malformed,
/// or of a kind that is not supported. The message is one line: the file, what is wrong with it, what
/// was wanted and found, and the remedy where there is one.
public final class ModelFileException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    /// @param source the file, or another name of the source, that the message begins with
    /// @param problem what is wrong, wanted and found, and the remedy
    public ModelFileException(String source, String problem) {
        super(oneLine(source + ": " + problem));
    }

    public ModelFileException(Path file, String problem) {
        this(file.toString(), problem);
    }

    /// @param cause the failure underneath, such as an `IOException`
    public ModelFileException(Path file, String problem, Throwable cause) {
        super(oneLine(file + ": " + problem), cause);
    }

    /// @param cause the failure underneath
    public ModelFileException(String source, String problem, Throwable cause) {
        super(oneLine(source + ": " + problem), cause);
    }

    /// Never null.
    @Override
    public String getMessage() {
        return String.valueOf(super.getMessage());
    }

    /// Names come out of hostile files: control characters must not reach a terminal, nor a megabyte
    /// of text a log.
    private static String oneLine(String message) {
        var clean = new StringBuilder(Math.min(message.length(), 1024));
        for (int i = 0; i < message.length(); i++) {
            char c = message.charAt(i);
            clean.append(Character.isISOControl(c) ? ' ' : c);
            if (clean.length() >= 1000) {
                return clean.append('…').toString();
            }
        }
        return clean.toString();
    }
}
