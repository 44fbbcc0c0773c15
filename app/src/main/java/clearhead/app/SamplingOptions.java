package clearhead.app;

import clearhead.generate.Request;
import clearhead.io.JsonWriter;
import clearhead.sampling.Sampling;
import java.util.ArrayList;
import java.util.List;
import picocli.CommandLine.Option;

/// How tokens are chosen, and when to stop.
final class SamplingOptions {
    @Option(
            names = {"-n", "--max-tokens"},
            paramLabel = "N",
            defaultValue = "128",
            description = "Most tokens to make. Default: ${DEFAULT-VALUE}.")
    int maxTokens = 128;

    @Option(
            names = "--temperature",
            paramLabel = "T",
            defaultValue = "0",
            description = "0 takes the most likely token; 1 draws by the model's own probabilities,"
                    + " less is bolder, more is wilder. Default: ${DEFAULT-VALUE}.")
    double temperature;

    @Option(
            names = "--top-k",
            paramLabel = "K",
            defaultValue = "0",
            description = "Draw among the K most likely tokens; 0 means all. Default: ${DEFAULT-VALUE}.")
    int topK;

    @Option(
            names = "--top-p",
            paramLabel = "P",
            defaultValue = "1",
            description = "Of these, among the fewest whose probabilities add up to P." + " Default: ${DEFAULT-VALUE}.")
    double topP = 1;

    @Option(
            names = "--min-p",
            paramLabel = "P",
            defaultValue = "0",
            description =
                    "Of these, among those at least P times as likely as the first." + " Default: ${DEFAULT-VALUE}.")
    double minP;

    @Option(
            names = "--repeat-penalty",
            paramLabel = "R",
            defaultValue = "1",
            description = "Makes tokens among the last 64 less likely; 1 is off. Default: ${DEFAULT-VALUE}.")
    double repeatPenalty = 1;

    @Option(
            names = "--seed",
            paramLabel = "S",
            defaultValue = "0",
            description = "Same seed, same text, on every machine. Default: ${DEFAULT-VALUE}.")
    long seed;

    @Option(names = "--stop", paramLabel = "TEXT", description = "Stop before this text; may be given more than once.")
    List<String> stop = new ArrayList<>();

    Request apply(Request request) {
        if (maxTokens < 0) {
            throw new UsageException("--max-tokens wants 0 or more, found " + maxTokens);
        }
        if (stop.contains("")) {
            throw new UsageException("--stop wants a text, found an empty one");
        }
        return request.with(sampling()).maxTokens(maxTokens).stopAt(stop);
    }

    Sampling sampling() {
        try {
            return new Sampling(temperature, topK, topP, minP, repeatPenalty, seed);
        } catch (IllegalArgumentException e) {
            throw new UsageException(String.valueOf(e.getMessage()));
        }
    }

    void write(JsonWriter json) {
        json.name("sampling").beginObject();
        json.field("temperature", temperature).field("top_k", topK).field("top_p", topP);
        json.field("min_p", minP).field("repeat_penalty", repeatPenalty).field("seed", seed);
        json.name("stop").value(stop);
        json.field("max_tokens", maxTokens).endObject();
    }
}
