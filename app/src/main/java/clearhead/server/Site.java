package clearhead.server;

import java.util.List;

/// What the server shows: its models and runs, and its limits.
///
/// @param models the first is the default
/// @param readyText what the page shows first
record Site(List<Hosted> models, Runs runs, String readyText) {
    /// Longest body of a request.
    static final int BODY_BYTES = 8 << 20;

    /// Longest text, in characters.
    static final int TEXT_CHARACTERS = 2_000_000;

    /// Most interventions of a run.
    static final int CHANGES = 256;

    Hosted model(String name) {
        for (Hosted hosted : models) {
            if (hosted.name().equals(name)) {
                return hosted;
            }
        }
        throw Refusal.of(
                404,
                "unknown_model",
                "The server does not show a model of that name.",
                "Take one of: "
                        + String.join(", ", models.stream().map(Hosted::name).toList()) + ".");
    }
}
