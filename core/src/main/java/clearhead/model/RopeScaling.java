package clearhead.model;

import clearhead.io.Json;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// How rotary wavelengths are stretched for contexts longer than those of the first training.
public sealed interface RopeScaling {

    /// Not at all.
    record None() implements RopeScaling {}

    /// Llama 3.1: long wavelengths are stretched by `factor`, short ones stay, those between are
    /// mixed. Grattafiori et al. 2024, arXiv:2407.21783; as transformers computes `llama3`.
    ///
    /// @param low wavelengths above `original / low` are stretched
    /// @param high wavelengths below `original / high` stay
    /// @param original context of the first training
    record Llama3(double factor, double low, double high, int original) implements RopeScaling {}

    /// A divisor for every frequency, as GGUF's `rope_freqs.weight` has them.
    ///
    /// @param divisors [pairs]
    record Divided(List<Double> divisors) implements RopeScaling {

        /// The rule of Llama 3.1 that gives these divisors to float32's precision, if one with its
        /// usual bounds of 1 and 4 does. A wavelength between the bounds tells the first context.
        Optional<RopeScaling> asLlama3(int rotaryDim, double theta) {
            double factor = divisors.stream().mapToDouble(d -> d).max().orElse(1);
            for (int j = 0; j < divisors.size(); j++) {
                double divisor = divisors.get(j);
                if (divisor > 1 && divisor < factor) {
                    double smooth = (1 / divisor - 1 / factor) / (1 - 1 / factor);
                    double wavelength = 2 * Math.PI * Math.pow(theta, 2.0 * j / rotaryDim);
                    long original = Math.round(wavelength * (1 + 3 * smooth));
                    var rule = new Llama3(factor, 1, 4, Math.toIntExact(original));
                    return agrees(rule, rotaryDim, theta) ? Optional.of(rule) : Optional.empty();
                }
            }
            return Optional.empty();
        }

        private boolean agrees(RopeScaling rule, int rotaryDim, double theta) {
            double[] wanted = frequencies(rotaryDim, theta);
            double[] found = rule.frequencies(rotaryDim, theta);
            for (int j = 0; j < wanted.length; j++) {
                if (Math.abs(found[j] - wanted[j]) > 1e-6 * wanted[j]) {
                    return false;
                }
            }
            return true;
        }
    }

    /// @param rotaryDim elements of a head that turn
    /// @param theta base of the wavelengths
    /// @return [pairs], radians a position
    default double[] frequencies(int rotaryDim, double theta) {
        var frequencies = new double[rotaryDim / 2];
        for (int j = 0; j < frequencies.length; j++) {
            frequencies[j] = scaled(j, Math.pow(theta, -2.0 * j / rotaryDim));
        }
        return frequencies;
    }

    private double scaled(int pair, double frequency) {
        return switch (this) {
            case None() -> frequency;
            case Divided(var divisors) -> frequency / divisors.get(pair);
            case Llama3(double factor, double low, double high, int original) -> {
                double wavelength = 2 * Math.PI / frequency;
                if (wavelength < original / high) {
                    yield frequency;
                }
                if (wavelength > original / low) {
                    yield frequency / factor;
                }
                double smooth = (original / wavelength - low) / (high - low);
                yield (1 - smooth) * frequency / factor + smooth * frequency;
            }
        };
    }

    /// Reads `rope_parameters` (transformers 5) or `rope_scaling` (before).
    ///
    /// @param pairs rotary pairs of a head
    /// @throws clearhead.io.ModelFileException if the kind is not one of these
    static RopeScaling of(Config config, int pairs) {
        String field = config.json().has("rope_parameters") ? "rope_parameters" : "rope_scaling";
        if (!config.json().has(field)) {
            return new None();
        }
        Json.Obj scaling = config.json().object(field);
        String type = scaling.text("rope_type", scaling.text("type", "default"));
        return switch (type) {
            case "default" -> new None();
            case "llama3" -> {
                var llama3 = new Llama3(
                        scaling.real("factor"),
                        scaling.real("low_freq_factor"),
                        scaling.real("high_freq_factor"),
                        scaling.integer("original_max_position_embeddings"));
                if (!(llama3.factor > 0 && llama3.high > llama3.low) || llama3.original < 1) {
                    throw scaling.wrong("factor", "out of range: " + llama3);
                }
                yield llama3;
            }
            case "divided" -> {
                double[] divisors = scaling.array("divisors").reals();
                if (divisors.length != pairs) {
                    throw scaling.wrong("divisors", "wanted " + pairs + " values, found " + divisors.length);
                }
                yield new Divided(Arrays.stream(divisors).boxed().toList());
            }
            default ->
                throw scaling.wrong(
                        "rope_type", "rotary scaling \"" + type + "\" is not supported; there are default, llama3");
        };
    }

    /// Base of the wavelengths, which transformers 5 keeps inside `rope_parameters`.
    static double theta(Config config) {
        if (config.json().has("rope_parameters")) {
            Json.Obj inside = config.json().object("rope_parameters");
            if (inside.has("rope_theta")) {
                return new Config(inside).positive("rope_theta", 10000);
            }
        }
        return config.positive("rope_theta", 10000);
    }

    /// The fields of `rope_parameters`.
    default Map<String, Object> parameters(double theta) {
        var fields = new LinkedHashMap<String, Object>();
        switch (this) {
            case None() -> fields.put("rope_type", "default");
            case Llama3(double factor, double low, double high, int original) -> {
                fields.put("rope_type", "llama3");
                fields.put("factor", factor);
                fields.put("low_freq_factor", low);
                fields.put("high_freq_factor", high);
                fields.put("original_max_position_embeddings", original);
            }
            case Divided(var divisors) -> {
                fields.put("rope_type", "divided");
                fields.put("divisors", divisors);
            }
        }
        fields.put("rope_theta", theta);
        return fields;
    }
}
