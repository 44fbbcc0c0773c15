package clearhead.app;

/// The command was used wrongly: exit code 2. The message is for the user and names the remedy.
final class UsageException extends RuntimeException {
    UsageException(String message) {
        super(message);
    }
}
