package clearhead.view;

import clearhead.inspect.HeadLabel;
import clearhead.inspect.HeadMap;
import clearhead.inspect.HeadMetric;
import clearhead.inspect.HeadMetrics;
import clearhead.inspect.HeadScan;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;

/// What all heads do, in words.
public final class HeadWords {
    private HeadWords() {}

    /// Heads by falling value of a metric, those without one last.
    public static List<HeadMetrics> sorted(HeadScan scan, HeadMetric metric) {
        return scan.heads().stream()
                .sorted(Comparator.comparingDouble((HeadMetrics h) -> {
                    double value = h.value(metric).orElse(Double.NaN);
                    return Double.isNaN(value) ? Double.POSITIVE_INFINITY : -value;
                }))
                .toList();
    }

    /// `Highest previous token on this text: layer 4, head 0 with 0.526; a head that gives …`.
    ///
    /// @param of the map's scan that is shown
    public static String sentence(HeadMap map, HeadScan of, HeadMetric metric) {
        String on = of == map.text() ? "on this text" : "on repeated random tokens";
        HeadMetrics best = sorted(of, metric).getFirst();
        String first = best.value(metric).isEmpty()
                ? metric.title() + " " + on + ": nothing to measure; " + missing(of, metric) + "."
                : "Highest " + metric.title().toLowerCase(Locale.ROOT) + " " + on + ": layer " + best.layer()
                        + ", head " + best.head() + " with "
                        + number(best.value(metric).getAsDouble())
                        + unit(metric)
                        + of.uniform().value(metric).stream()
                                .mapToObj(u -> "; a head that gives all keys the same would have " + number(u))
                                .collect(Collectors.joining())
                        + ".";
        return first + " " + labels(map, of);
    }

    private static String unit(HeadMetric metric) {
        return metric.unit().isEmpty() ? "" : " " + metric.unit();
    }

    /// Why a metric has no value.
    static String missing(HeadScan of, HeadMetric metric) {
        return switch (metric) {
            case DUPLICATE_TOKEN -> "no token stands here twice";
            case INDUCTION -> "no token stands here twice with another one between";
            case RANDOM_INDUCTION -> "the model's context is too short for random tokens said twice";
            default -> of.tokens() < 2 ? "a text of one token has no other to look at" : "it does not exist here";
        };
    }

    /// `3 of 24 heads have a label: previous token 4.0, 4.3. The others have none.`
    public static String labels(HeadMap map, HeadScan of) {
        var parts = new ArrayList<String>();
        for (HeadLabel label : HeadLabel.values()) {
            String heads = of.heads().stream()
                    .filter(h -> map.labels(of, h.layer(), h.head()).contains(label))
                    .map(h -> h.layer() + "." + h.head())
                    .collect(Collectors.joining(", "));
            if (!heads.isEmpty()) {
                parts.add(label.title() + " " + heads);
            }
        }
        long labelled = of.heads().stream()
                .filter(h -> !map.labels(of, h.layer(), h.head()).isEmpty())
                .count();
        return labelled == 0
                ? "No head has a label: for none is the evidence strong enough."
                : labelled + " of " + of.heads().size() + " heads " + (labelled == 1 ? "has" : "have") + " a label: "
                        + String.join("; ", parts) + ".";
    }

    private static String number(double value) {
        return Math.abs(value) >= 0.0005 || value == 0
                ? String.format(Locale.ROOT, "%.3f", value)
                : String.format(Locale.ROOT, "%.2e", value);
    }
}
