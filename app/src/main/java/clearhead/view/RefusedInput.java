package clearhead.view;

/// The input cannot be what was meant: the user can mend it, and the message says how.
public final class RefusedInput extends IllegalArgumentException {
    private static final long serialVersionUID = 1;

    public RefusedInput(String message) {
        super(message);
    }
}
