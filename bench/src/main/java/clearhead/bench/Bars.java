package clearhead.bench;

import clearhead.measure.Times;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/// The bars of attention's speed, and whether what was measured holds them. A ratio is the peer's time
/// over ours; of the grid of lengths the median counts, and no length may be below 0.9 of its bar.
final class Bars {
    private static final double LEAST = 0.9;
    private static final double OF_READING = 0.8;

    /// A cache of 128 MiB is not read faster than memory is: beyond this the rate of reading was measured wrongly.
    private static final double DISTURBED = 1.1;

    private static final double OF_BUILT_IN = 0.85;
    private static final double OF_PEAK = 0.85;

    private Bars() {}

    /// One line a bar.
    ///
    /// @param bits of our vectors: bars differ between 256 and 512
    static List<String> lines(List<Measured> all, int bits) {
        var grids = new LinkedHashMap<String, List<Measured>>();
        for (Measured m : all) {
            String group = m.what().group();
            if (group.equals("forward") || group.equals("both")) {
                String key = String.format(
                        Locale.ROOT,
                        "%-8s D%-3d %-6s %d thr",
                        group,
                        m.what().headDim(),
                        m.what().causal() ? "causal" : "full",
                        m.threads());
                grids.computeIfAbsent(key, k -> new ArrayList<>()).add(m);
            }
        }
        var lines = new ArrayList<String>();
        for (Map.Entry<String, List<Measured>> grid : grids.entrySet()) {
            var first = grid.getValue().getFirst();
            for (String peer : List.of("PyTorch", "ONNX Runtime")) {
                double bar = bar(first, peer, bits);
                double[] ratios = grid.getValue().stream()
                        .filter(m -> m.ratios().containsKey(peer))
                        .mapToDouble(m -> m.ratios().get(peer).median())
                        .toArray();
                if (ratios.length > 0) {
                    lines.add(line(grid.getKey(), peer, new Times(ratios), bar));
                }
            }
            var peak = new Times(
                    grid.getValue().stream().mapToDouble(Measured::ofPeak).toArray());
            lines.add(String.format(
                    Locale.ROOT,
                    "%s: %.2f of peak, median of lengths (aim %.2f: %s)",
                    grid.getKey(),
                    peak.median(),
                    OF_PEAK,
                    held(peak.median() >= OF_PEAK)));
        }
        for (Measured m : all) {
            if (m.what().group().equals("decode") && m.what().work().keys() == 32768) {
                lines.add(String.format(
                        Locale.ROOT,
                        "decode   %s %d thr: %.2f of the rate of reading (bar %.2f: %s)",
                        m.what().name(),
                        m.threads(),
                        m.ofReading(),
                        OF_READING,
                        m.ofReading() > DISTURBED
                                ? "not judged, reading was disturbed"
                                : held(m.ofReading() >= OF_READING)));
            }
        }
        for (Measured m : all) {
            if (m.what().group().equals("lambda")) {
                double share = m.ratios().values().iterator().next().median();
                lines.add(String.format(
                        Locale.ROOT,
                        "lambda   %s %d thr: %.2f of the built-in's speed (bar %.2f: %s)",
                        m.what().name(),
                        m.threads(),
                        share,
                        OF_BUILT_IN,
                        held(share >= OF_BUILT_IN)));
            }
        }
        return lines;
    }

    private static String line(String grid, String peer, Times ratios, double bar) {
        String what = String.format(
                Locale.ROOT,
                "%s: %.2f times %s, median of %d lengths, least %.2f",
                grid,
                ratios.median(),
                peer,
                ratios.sorted().length,
                ratios.fastest());
        if (bar == 0) {
            return what + " (no bar)";
        }
        boolean median = ratios.median() >= bar;
        boolean least = ratios.fastest() >= LEAST * bar;
        return what
                + String.format(
                        Locale.ROOT,
                        " (bar %.2f: %s; none below %.3f: %s)",
                        bar,
                        held(median),
                        LEAST * bar,
                        held(least));
    }

    /// 0 where there is no bar.
    private static double bar(Measured m, String peer, int bits) {
        boolean both = m.what().group().equals("both");
        boolean causal = m.what().causal();
        boolean long512 = bits >= 512;
        if (peer.equals("PyTorch")) {
            if (both) {
                return long512 ? causal ? 1.4 : 1.05 : causal ? 1.3 : 1.15;
            }
            if (causal) {
                return long512 && m.what().headDim() < 128 ? 1.4 : 1.25;
            }
            return 1.05;
        }
        // At 256 bits ONNX Runtime cannot be kept from longer vectors where the processor has them.
        return both || causal || !long512 ? 0 : 0.95;
    }

    private static String held(boolean yes) {
        return yes ? "held" : "MISSED";
    }
}
