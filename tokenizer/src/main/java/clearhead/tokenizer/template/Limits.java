package clearhead.tokenizer.template;

import java.time.Duration;

/// What rendering may use.
///
/// @param steps statements and expressions evaluated
/// @param characters of the text rendered, and of any text or list on the way
/// @param nesting of calls and blocks
/// @param time in all
public record Limits(long steps, int characters, int nesting, Duration time) {
    /// Generous for a chat of a million characters, and soon at its end for a loop without one.
    public static final Limits DEFAULT = new Limits(20_000_000, 64 << 20, 100, Duration.ofSeconds(10));
}
