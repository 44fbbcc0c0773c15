package clearhead.tokenizer;

/// A vocabulary that cannot be read, a name nobody knows, or an id outside the vocabulary. The
/// message names the file or thing, what was wanted and what was found.
public class TokenizerException extends RuntimeException {

    public TokenizerException(String message) {
        super(message);
    }

    public TokenizerException(String message, Throwable cause) {
        super(message, cause);
    }

    @Override
    public String getMessage() {
        return String.valueOf(super.getMessage());
    }
}
