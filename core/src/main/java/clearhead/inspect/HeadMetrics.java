package clearhead.inspect;

import java.util.Collections;
import java.util.EnumMap;
import java.util.Map;
import java.util.OptionalDouble;

/// What one head does on one text.
///
/// @param layer −1 for the uniform head, which is in no layer
/// @param values those that exist
/// @param evidence for each label
public record HeadMetrics(
        int layer, int head, Map<HeadMetric, Double> values, Map<HeadLabel, HeadLabel.Evidence> evidence) {
    public HeadMetrics {
        values = Collections.unmodifiableMap(new EnumMap<>(values));
        evidence = Collections.unmodifiableMap(new EnumMap<>(evidence));
    }

    /// One metric, if the text has what it measures.
    public OptionalDouble value(HeadMetric metric) {
        Double value = values.get(metric);
        return value == null ? OptionalDouble.empty() : OptionalDouble.of(value);
    }

    /// How much of a label there is.
    public HeadLabel.Evidence evidence(HeadLabel label) {
        return evidence.getOrDefault(label, new HeadLabel.Evidence(Double.NaN, Double.NaN, 0));
    }
}
