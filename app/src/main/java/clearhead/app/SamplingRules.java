package clearhead.app;

import clearhead.sampling.Sampling;
import java.util.Optional;
import picocli.CommandLine.Option;

/// How one token is chosen from its logits.
final class SamplingRules {
    @Option(
            names = "--temperature",
            paramLabel = "T",
            description = "0 takes the most likely token; 1 draws by the model's own probabilities,"
                    + " less is bolder, more is wilder. Default: 0; for predict 1.")
    Optional<Double> temperature = Optional.empty();

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

    /// @param standard the temperature where none is given
    Sampling sampling(double standard) {
        try {
            return new Sampling(temperature.orElse(standard), topK, topP, minP, repeatPenalty, seed);
        } catch (IllegalArgumentException e) {
            throw new UsageException(String.valueOf(e.getMessage()));
        }
    }
}
