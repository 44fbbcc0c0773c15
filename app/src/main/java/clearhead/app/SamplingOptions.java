package clearhead.app;

import clearhead.generate.Request;
import clearhead.io.JsonWriter;
import clearhead.sampling.Sampling;
import java.util.ArrayList;
import java.util.List;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/// How tokens are chosen, and when to stop.
final class SamplingOptions {
    @Option(
            names = {"-n", "--max-tokens"},
            paramLabel = "N",
            defaultValue = "128",
            description = "Most tokens to make. Default: ${DEFAULT-VALUE}.")
    int maxTokens = 128;

    @Mixin
    private SamplingRules rules = new SamplingRules();

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
        return rules.sampling(0);
    }

    void write(JsonWriter json) {
        Sampling s = sampling();
        json.name("sampling").beginObject();
        json.field("temperature", s.temperature()).field("top_k", s.topK()).field("top_p", s.topP());
        json.field("min_p", s.minP()).field("repeat_penalty", s.repeatPenalty()).field("seed", s.seed());
        json.name("stop").value(stop);
        json.field("max_tokens", maxTokens).endObject();
    }
}
