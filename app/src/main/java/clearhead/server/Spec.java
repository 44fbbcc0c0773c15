package clearhead.server;

import clearhead.inspect.Interventions;
import clearhead.view.Prompt;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Arrays;
import java.util.HexFormat;

/// What a run is made of. Equal specs share one run.
///
/// @param text the text as given; empty where ids were
/// @param other the text that patches take values from; no ids where there is none
record Spec(Hosted hosted, String text, Prompt prompt, Interventions changes, String otherText, int[] other) {
    /// Name of the run: a hash of all that decides what it computes.
    String id() {
        String all = hosted.name() + "\n" + Arrays.toString(prompt.ids()) + "\n" + String.join("\n", changes.texts())
                + "\n" + Arrays.toString(other);
        try {
            byte[] hash = MessageDigest.getInstance("SHA-256").digest(all.getBytes(StandardCharsets.UTF_8));
            return HexFormat.of().formatHex(hash, 0, 8);
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException(e);
        }
    }
}
