package clearhead.model;

import clearhead.io.Json;
import clearhead.nn.Positions;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;

/// What a `config.json` says about rotary positions: `rope_parameters` of transformers 5, `rope_scaling`
/// and fields beside it before.
final class RopeParameters {
    private static final String KINDS = "default, linear, dynamic, yarn, longrope, llama3, proportional";

    /// Beyond these nothing is meant any more, and sums of positions would overflow.
    private static final double LARGEST_FACTOR = 1e6;

    private static final int MOST_POSITIONS = 1 << 30;

    private final Config config;
    private final Optional<Json.Obj> inside;

    RopeParameters(Config config) {
        this.config = config;
        inside = List.of("rope_parameters", "rope_scaling").stream()
                .filter(config.json()::has)
                .map(config.json()::object)
                .findFirst();
    }

    /// The configuration of the layers of one kind, where `rope_parameters` says something for each kind
    /// (Gemma 3, ModernBERT); the same where it does not.
    static Config ofLayers(Config config, String kind) {
        if (!config.json().has("rope_parameters")) {
            return config;
        }
        Json.Obj kinds = config.json().object("rope_parameters");
        return kinds.has(kind) ? config.with(Map.of("rope_parameters", kinds.get(kind))) : config;
    }

    /// Base of the wavelengths.
    double theta() {
        if (inside.isPresent() && inside.get().has("rope_theta")) {
            return new Config(inside.get()).positive("rope_theta", 10000);
        }
        return config.positive("rope_theta", 10000);
    }

    /// Elements of a head that turn: all, or the part that `partial_rotary_factor` names.
    int rotaryDim(int headDim) {
        Json.Obj place = inside.filter(fields -> fields.has("partial_rotary_factor"))
                .or(() -> inside.filter(_ -> !config.json().has("partial_rotary_factor")))
                .orElse(config.json());
        double part = place.real("partial_rotary_factor", 1);
        if (!(part > 0 && part <= 1)) {
            throw place.wrong("partial_rotary_factor", "wanted more than 0 and at most 1, found " + part);
        }
        int rotaryDim = (int) (headDim * part);
        if (rotaryDim < 2 || rotaryDim % 2 != 0) {
            throw place.wrong(
                    "partial_rotary_factor",
                    "wanted an even part of head_dim " + headDim + ", at least 2, found " + part + " of it, "
                            + rotaryDim);
        }
        return rotaryDim;
    }

    /// The axis that each pair follows in a model that reads pictures (`mrope_section`); empty where
    /// there is one position only.
    ///
    /// @return [pairs]
    Optional<List<Integer>> axes(int pairs) {
        if (inside.isEmpty() || !inside.get().has("mrope_section")) {
            return Optional.empty();
        }
        Json.Obj fields = inside.get();
        int[] sizes = fields.array("mrope_section").integers();
        long sum = 0;
        for (int size : sizes) {
            if (size < 0) {
                throw fields.wrong("mrope_section", "wanted no negative sizes, found " + size);
            }
            sum += size;
        }
        if (sum != pairs) {
            throw fields.wrong("mrope_section", "wanted sections of " + pairs + " pairs together, found " + sum);
        }
        return Optional.of(
                fields.bool("mrope_interleaved", false)
                        ? Positions.Sections.alternating(sizes)
                        : Positions.Sections.inTurn(sizes));
    }

    RopeScaling scaling(int rotaryDim) {
        if (inside.isEmpty()) {
            return new RopeScaling.None();
        }
        Json.Obj fields = inside.get();
        if (!fields.has("rope_type") && fields.fields().values().stream().anyMatch(Json.Obj.class::isInstance)) {
            throw fields.wrong("rope_type", "wanted one kind for all layers, found some by the kind of layer");
        }
        String type = fields.text("rope_type", fields.text("type", "default"));
        return switch (type) {
            // `mrope` is what Qwen2-VL wrote where the frequencies are plain
            case "default", "mrope" -> new RopeScaling.None();
            case "linear" -> new RopeScaling.Linear(factor(fields));
            case "dynamic" -> new RopeScaling.Dynamic(factor(fields), context(fields));
            case "yarn" -> yarn(fields);
            case "longrope", "su" -> longRope(fields, rotaryDim / 2);
            case "llama3" -> llama3(fields);
            case "proportional" -> proportional(fields);
            case "divided" -> new RopeScaling.Divided(divisors(fields, "divisors", rotaryDim / 2));
            default ->
                throw fields.wrong("rope_type", "rotary scaling \"" + type + "\" is not supported; there are " + KINDS);
        };
    }

    private RopeScaling yarn(Json.Obj fields) {
        int original = original(fields);
        double fast = orDefault(fields, "beta_fast", 32);
        double slow = orDefault(fields, "beta_slow", 1);
        if (!(slow > 0 && fast >= slow)) {
            throw fields.wrong("beta_fast", "wanted at least beta_slow, found " + fast + " and " + slow);
        }
        if (theta() <= 1) {
            throw fields.wrong("rope_theta", "wanted more than 1 for yarn, found " + theta());
        }
        return new RopeScaling.Yarn(
                factorOrRatio(fields, original),
                original,
                fast,
                slow,
                fields.bool("truncate", true),
                positive(fields, "attention_factor"),
                some(fields, "mscale"),
                some(fields, "mscale_all_dim"));
    }

    private RopeScaling longRope(Json.Obj fields, int pairs) {
        int original = original(fields);
        if (original < 2) {
            throw fields.wrong("original_max_position_embeddings", "wanted at least 2, found " + original);
        }
        return new RopeScaling.LongRope(
                divisors(fields, "short_factor", pairs),
                divisors(fields, "long_factor", pairs),
                factorOrRatio(fields, original),
                original,
                positive(fields, "attention_factor"));
    }

    private RopeScaling llama3(Json.Obj fields) {
        var llama3 = new RopeScaling.Llama3(
                factor(fields), fields.real("low_freq_factor"), fields.real("high_freq_factor"), original(fields));
        if (!(llama3.low() > 0 && llama3.high() > llama3.low())) {
            throw fields.wrong("high_freq_factor", "out of range: " + llama3);
        }
        return llama3;
    }

    private static RopeScaling proportional(Json.Obj fields) {
        double proportion = fields.real("partial_rotary_factor", 1);
        if (!(proportion >= 0 && proportion <= 1)) {
            throw fields.wrong("partial_rotary_factor", "wanted 0 to 1, found " + proportion);
        }
        return new RopeScaling.Proportional(proportion, fields.has("factor") ? factor(fields) : 1);
    }

    private static double factor(Json.Obj fields) {
        double factor = fields.real("factor");
        if (!(factor > 0 && factor <= LARGEST_FACTOR)) {
            throw fields.wrong("factor", "wanted more than 0 and at most " + LARGEST_FACTOR + ", found " + factor);
        }
        return factor;
    }

    /// DeepSeek-V3 and Phi-3 say both contexts instead of their ratio.
    private double factorOrRatio(Json.Obj fields, int original) {
        return fields.has("factor") ? factor(fields) : (double) context(fields) / original;
    }

    /// The context of the first training. Phi-3 keeps it beside `rope_parameters`; such a value wins.
    private int original(Json.Obj fields) {
        String name = "original_max_position_embeddings";
        Json.Obj place = config.json().has(name) ? config.json() : fields;
        return place.has(name) ? positions(place, name) : context(fields);
    }

    private int context(Json.Obj fields) {
        if (!config.json().has("max_position_embeddings")) {
            throw fields.wrong("rope_type", "this scaling wants max_position_embeddings, found none");
        }
        return positions(config.json(), "max_position_embeddings");
    }

    private static int positions(Json.Obj place, String name) {
        int positions = place.integer(name);
        if (positions < 1 || positions > MOST_POSITIONS) {
            throw place.wrong(name, "wanted 1 to " + MOST_POSITIONS + ", found " + positions);
        }
        return positions;
    }

    private static List<Double> divisors(Json.Obj fields, String name, int pairs) {
        double[] divisors = fields.array(name).reals();
        if (divisors.length != pairs) {
            throw fields.wrong(name, "wanted " + pairs + " values, found " + divisors.length);
        }
        for (double divisor : divisors) {
            if (!(divisor > 0) || Double.isInfinite(divisor)) {
                throw fields.wrong(name, "wanted positive numbers, found " + divisor);
            }
        }
        return Arrays.stream(divisors).boxed().toList();
    }

    /// As transformers reads it: 0 means the default, too.
    private static double orDefault(Json.Obj fields, String name, double otherwise) {
        double value = fields.real(name, otherwise);
        return value == 0 ? otherwise : value;
    }

    private static OptionalDouble some(Json.Obj fields, String name) {
        return fields.has(name) ? OptionalDouble.of(fields.real(name)) : OptionalDouble.empty();
    }

    private static OptionalDouble positive(Json.Obj fields, String name) {
        OptionalDouble value = some(fields, name);
        if (value.isPresent() && !(value.getAsDouble() > 0)) {
            throw fields.wrong(name, "wanted a positive number, found " + value.getAsDouble());
        }
        return value;
    }

    /// The fields that say it again.
    static Map<String, Object> fields(RopeScaling scaling, double theta) {
        var fields = new LinkedHashMap<String, Object>();
        switch (scaling) {
            case RopeScaling.None() -> fields.put("rope_type", "default");
            case RopeScaling.Linear(double factor) -> {
                fields.put("rope_type", "linear");
                fields.put("factor", factor);
            }
            case RopeScaling.Dynamic(double factor, int _) -> {
                // its original context is max_position_embeddings
                fields.put("rope_type", "dynamic");
                fields.put("factor", factor);
            }
            case RopeScaling.Yarn yarn -> {
                fields.put("rope_type", "yarn");
                fields.put("factor", yarn.factor());
                fields.put("original_max_position_embeddings", yarn.original());
                fields.put("beta_fast", yarn.fast());
                fields.put("beta_slow", yarn.slow());
                fields.put("truncate", yarn.truncate());
                yarn.attentionFactor().ifPresent(value -> fields.put("attention_factor", value));
                yarn.mscale().ifPresent(value -> fields.put("mscale", value));
                yarn.mscaleAllDim().ifPresent(value -> fields.put("mscale_all_dim", value));
            }
            case RopeScaling.LongRope rule -> {
                fields.put("rope_type", "longrope");
                fields.put("factor", rule.factor());
                fields.put("original_max_position_embeddings", rule.original());
                fields.put("short_factor", rule.shorter());
                fields.put("long_factor", rule.longer());
                rule.attentionFactor().ifPresent(value -> fields.put("attention_factor", value));
            }
            case RopeScaling.Llama3(double factor, double low, double high, int original) -> {
                fields.put("rope_type", "llama3");
                fields.put("factor", factor);
                fields.put("low_freq_factor", low);
                fields.put("high_freq_factor", high);
                fields.put("original_max_position_embeddings", original);
            }
            case RopeScaling.Proportional(double proportion, double factor) -> {
                fields.put("rope_type", "proportional");
                fields.put("partial_rotary_factor", proportion);
                fields.put("factor", factor);
            }
            case RopeScaling.Divided(var divisors) -> {
                fields.put("rope_type", "divided");
                fields.put("divisors", divisors);
            }
        }
        fields.put("rope_theta", theta);
        return fields;
    }
}
