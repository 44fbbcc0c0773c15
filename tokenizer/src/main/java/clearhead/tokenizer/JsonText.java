package clearhead.tokenizer;

import java.nio.charset.StandardCharsets;
import org.jspecify.annotations.Nullable;

/// JSON texts as plain Java values, with the limits of untrusted files.
public final class JsonText {
    private JsonText() {}

    /// @param name what to call the text in errors
    /// @return Map, List, String, Long, Double, Boolean or null
    /// @throws TokenizerException if it is not JSON
    public static @Nullable Object parse(String name, String text) {
        return Json.parse(name, text.getBytes(StandardCharsets.UTF_8)).value();
    }
}
