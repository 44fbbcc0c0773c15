package clearhead.bench;

import clearhead.io.JsonWriter;
import clearhead.measure.Times;
import java.io.StringWriter;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;

/// What one case gave.
///
/// @param ours seconds of our fastest pass of each round
/// @param ratios of each peer by name: its seconds over ours, round by round
/// @param theirs of each peer by name: seconds of its fastest pass of each round
/// @param differences of each peer by name: the largest difference of its output from ours
/// @param left of each peer by name that took no part: why
/// @param ofPeak our median speed over the highest peak measured so far on as many threads
/// @param ofReading for decoding, bytes of the cache a second over the highest rate read so far
record Measured(
        AttentionCases.Case what,
        int threads,
        Times ours,
        Map<String, Times> ratios,
        Map<String, Times> theirs,
        Map<String, Double> differences,
        Map<String, String> left,
        double ofPeak,
        double ofReading) {

    double gflops() {
        return what.work().operations() / ours.median() * 1e-9;
    }

    /// One line for people.
    String line() {
        var line = new StringBuilder(String.format(
                Locale.ROOT,
                "%-8s %-26s %d thr %9.2f ms %6.1f GFLOP/s %.2f of peak",
                what.group(),
                what.name(),
                threads,
                ours.median() * 1e3,
                gflops(),
                ofPeak));
        if (what.group().equals("decode")) {
            line.append(String.format(
                    Locale.ROOT,
                    " %5.1f GB/s %.2f of reading",
                    what.work().cacheBytes() / ours.median() * 1e-9,
                    ofReading));
        }
        ratios.forEach((name, r) -> {
            line.append(
                    String.format(Locale.ROOT, "   %s %.2f (%.2f to %.2f", name, r.median(), r.fastest(), r.slowest()));
            if (differences.containsKey(name)) {
                line.append(String.format(Locale.ROOT, "; outputs within %.0e", differences.get(name)));
            }
            line.append(')');
        });
        left.forEach((name, why) -> line.append("   ").append(name).append(": ").append(why));
        return line.toString();
    }

    /// One line of JSON.
    String json() {
        var text = new StringWriter();
        try (var w = JsonWriter.to(text, false)) {
            var work = what.work();
            w.beginObject().field("group", what.group()).field("name", what.name());
            w.field("batch", work.batch()).field("heads", work.spec().heads());
            w.field("kv_heads", work.spec().kvHeads()).field("head_dim", what.headDim());
            w.field("queries", work.queries()).field("keys", work.keys());
            w.field("causal", what.causal()).field("backward", work.backward());
            w.field("threads", threads).field("operations", work.operations());
            w.field("gflops", gflops()).field("of_peak", ofPeak);
            w.name("seconds").value(ours.sorted());
            w.name("peers").beginObject();
            for (var peer : new LinkedHashMap<>(theirs).entrySet()) {
                Times ratio = ratios.getOrDefault(peer.getKey(), peer.getValue());
                w.name(peer.getKey()).beginObject();
                w.name("seconds").value(peer.getValue().sorted());
                w.name("ratios").value(ratio.sorted()).field("median_ratio", ratio.median());
                w.field("difference", differences.getOrDefault(peer.getKey(), Double.NaN));
                w.endObject();
            }
            w.endObject().endObject();
        }
        return text.toString();
    }
}
