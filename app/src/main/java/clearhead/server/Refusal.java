package clearhead.server;

import org.jspecify.annotations.Nullable;

/// An answer other than 200: what happened and what to do.
final class Refusal extends RuntimeException {
    private static final long serialVersionUID = 1;

    final int status;
    final String code;
    final String remedy;
    /// Seconds after which to try again; 0 where that makes no difference.
    final int retryAfter;

    private Refusal(int status, String code, String message, String remedy, int retryAfter) {
        super(message, null, false, false);
        this.status = status;
        this.code = code;
        this.remedy = remedy;
        this.retryAfter = retryAfter;
    }

    static Refusal of(int status, String code, String message, String remedy) {
        return new Refusal(status, code, message, remedy, 0);
    }

    static Refusal bad(String message, String remedy) {
        return of(400, "bad_request", message, remedy);
    }

    static Refusal busy(String message, int retryAfter) {
        return new Refusal(429, "busy", message, "Try again in " + retryAfter + " s.", retryAfter);
    }

    @Override
    public String getMessage() {
        return String.valueOf(message());
    }

    private @Nullable String message() {
        return super.getMessage();
    }
}
