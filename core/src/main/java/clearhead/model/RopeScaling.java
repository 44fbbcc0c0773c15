package clearhead.model;

import clearhead.nn.Positions;
import clearhead.ops.Pairing;
import clearhead.tensor.DType;
import java.lang.foreign.Arena;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import java.util.function.IntToDoubleFunction;

/// How rotary wavelengths are stretched for contexts longer than those of the first training. The
/// rules and their names are those of transformers.
public sealed interface RopeScaling {

    /// Not at all.
    record None() implements RopeScaling {}

    /// Every wavelength is stretched by `factor`. Chen et al. 2023, arXiv:2306.15595, eq. 4.
    record Linear(double factor) implements RopeScaling {}

    /// Dynamic NTK: beyond `original` tokens the base of the wavelengths grows with the length, so that
    /// short ones hardly change and the longest is stretched as far as needed. Peng et al. 2023,
    /// arXiv:2309.00071, section 3.3.
    ///
    /// @param original longest sequence that is left alone
    record Dynamic(double factor, int original) implements RopeScaling {}

    /// YaRN: wavelengths that turn fewer than `slow` times in the original context are stretched by
    /// `factor`, those that turn more than `fast` times stay, those between are mixed; and queries and
    /// keys are multiplied by a magnitude. Peng et al. 2023, arXiv:2309.00071, section 3.4.
    ///
    /// @param original context of the first training
    /// @param truncate whether the bounds of the mixing are rounded to whole pairs
    /// @param attentionFactor the magnitude, where it is given
    /// @param mscale with `mscaleAllDim`: the magnitude where it is not given
    record Yarn(
            double factor,
            int original,
            double fast,
            double slow,
            boolean truncate,
            OptionalDouble attentionFactor,
            OptionalDouble mscale,
            OptionalDouble mscaleAllDim)
            implements RopeScaling {

        /// With the paper's bounds of 32 and 1 turns and its magnitude.
        public static Yarn of(double factor, int original) {
            var none = OptionalDouble.empty();
            return new Yarn(factor, original, 32, 1, true, none, none, none);
        }

        private double[] scaled(int rotaryDim, double theta) {
            double low = pairOf(fast, rotaryDim, theta);
            double high = pairOf(slow, rotaryDim, theta);
            low = Math.max(0, truncate ? Math.floor(low) : low);
            high = Math.min(rotaryDim - 1, truncate ? Math.ceil(high) : high);
            double width = high == low ? 0.001 : high - low;
            double[] frequencies = plain(rotaryDim, theta);
            for (int j = 0; j < frequencies.length; j++) {
                double stretched = Math.clamp((j - low) / width, 0, 1);
                frequencies[j] *= 1 - stretched + stretched / factor;
            }
            return frequencies;
        }

        /// The pair, between two as a rule, that turns so many times in the original context.
        private double pairOf(double turns, int rotaryDim, double theta) {
            return rotaryDim * Math.log(original / (turns * 2 * Math.PI)) / (2 * Math.log(theta));
        }

        private double ownMagnitude() {
            if (attentionFactor.isPresent()) {
                return attentionFactor.getAsDouble();
            }
            double over = mscale.orElse(0);
            double under = mscaleAllDim.orElse(0);
            return over != 0 && under != 0 ? magnitude(factor, over) / magnitude(factor, under) : magnitude(factor, 1);
        }

        /// Peng et al., eq. 22: 0.1·ln(factor) + 1.
        static double magnitude(double factor, double weight) {
            return factor <= 1 ? 1 : 0.1 * weight * Math.log(factor) + 1;
        }
    }

    /// LongRoPE: a divisor for every frequency, others beyond `original` tokens than up to there; and
    /// queries and keys are multiplied by a magnitude. Ding et al. 2024, arXiv:2402.13753.
    ///
    /// @param shorter [pairs]
    /// @param longer [pairs]
    /// @param factor longest context over the original one
    /// @param original context of the first training
    /// @param attentionFactor the magnitude, where it is given
    record LongRope(
            List<Double> shorter, List<Double> longer, double factor, int original, OptionalDouble attentionFactor)
            implements RopeScaling {
        public LongRope {
            shorter = List.copyOf(shorter);
            longer = List.copyOf(longer);
        }

        private double ownMagnitude() {
            return attentionFactor.orElse(factor <= 1 ? 1 : Math.sqrt(1 + Math.log(factor) / Math.log(original)));
        }
    }

    /// Llama 3.1: long wavelengths are stretched by `factor`, short ones stay, those between are
    /// mixed. Grattafiori et al. 2024, arXiv:2407.21783; as transformers computes `llama3`.
    ///
    /// @param low wavelengths above `original / low` are stretched
    /// @param high wavelengths below `original / high` stay
    /// @param original context of the first training
    record Llama3(double factor, double low, double high, int original) implements RopeScaling {

        private double scaled(double frequency) {
            double wavelength = 2 * Math.PI / frequency;
            if (wavelength < original / high) {
                return frequency;
            }
            if (wavelength > original / low) {
                return frequency / factor;
            }
            double smooth = (original / wavelength - low) / (high - low);
            return (1 - smooth) * frequency / factor + smooth * frequency;
        }
    }

    /// Only the first `proportion` of the pairs turn, each as if all did, by 1/`factor`; the others have
    /// frequency 0. Gemma 4; as transformers computes `proportional`.
    record Proportional(double proportion, double factor) implements RopeScaling {}

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

    /// Frequencies of a sequence that has not left the original context.
    ///
    /// @param rotaryDim elements of a head that turn
    /// @param theta base of the wavelengths
    /// @return [pairs], radians a position
    default double[] frequencies(int rotaryDim, double theta) {
        return frequencies(rotaryDim, theta, 0);
    }

    /// Frequencies of a sequence of `length` tokens.
    ///
    /// @return [pairs], radians a position
    default double[] frequencies(int rotaryDim, double theta, int length) {
        double[] plain = plain(rotaryDim, theta);
        return switch (this) {
            case None() -> plain;
            case Linear(double factor) -> divided(plain, j -> factor);
            case Dynamic(double factor, int original) -> {
                if (length <= original) {
                    yield plain;
                }
                double stretch = factor * length / original - (factor - 1);
                yield plain(rotaryDim, theta * Math.pow(stretch, rotaryDim / (rotaryDim - 2.0)));
            }
            case Yarn yarn -> yarn.scaled(rotaryDim, theta);
            case LongRope rule -> divided(plain, length > rule.original ? rule.longer::get : rule.shorter::get);
            case Llama3 rule -> {
                for (int j = 0; j < plain.length; j++) {
                    plain[j] = rule.scaled(plain[j]);
                }
                yield plain;
            }
            case Proportional(double proportion, double factor) -> {
                int turning = (int) Math.floor(proportion * rotaryDim / 2);
                yield divided(plain, j -> j < turning ? factor : Double.POSITIVE_INFINITY);
            }
            case Divided(var divisors) -> divided(plain, divisors::get);
        };
    }

    /// theta^(−2j/rotaryDim). Su et al. 2021, arXiv:2104.09864, eq. 15.
    private static double[] plain(int rotaryDim, double theta) {
        var frequencies = new double[rotaryDim / 2];
        for (int j = 0; j < frequencies.length; j++) {
            frequencies[j] = Math.pow(theta, -2.0 * j / rotaryDim);
        }
        return frequencies;
    }

    private static double[] divided(double[] frequencies, IntToDoubleFunction divisor) {
        for (int j = 0; j < frequencies.length; j++) {
            frequencies[j] /= divisor.applyAsDouble(j);
        }
        return frequencies;
    }

    /// Factor on cosines and sines: the score of a query and a key grows by its square.
    default double magnitude() {
        return switch (this) {
            case Yarn yarn -> yarn.ownMagnitude();
            case LongRope rule -> rule.ownMagnitude();
            case None _, Linear _, Dynamic _, Llama3 _, Proportional _, Divided _ -> 1;
        };
    }

    /// The longest sequence that has the frequencies of the original context, where longer ones have
    /// others.
    default OptionalInt sameUntil() {
        return switch (this) {
            case Dynamic rule -> OptionalInt.of(rule.original);
            case LongRope rule -> OptionalInt.of(rule.original);
            case None _, Linear _, Yarn _, Llama3 _, Proportional _, Divided _ -> OptionalInt.empty();
        };
    }

    /// The rotation of a model's layers.
    ///
    /// @param type F32, or F64 for a graph in double precision
    /// @param positions of the longest sequence
    default Positions rotation(Arena arena, DType type, int positions, int rotaryDim, double theta, Pairing pairing) {
        int most = Math.min(positions, sameUntil().orElse(positions));
        var near = Positions.Rope.of(arena, type, most, frequencies(rotaryDim, theta), magnitude(), pairing);
        return most == positions
                ? near
                : new Positions.RopeByLength(
                        near, most, length -> frequencies(rotaryDim, theta, length), magnitude(), keys());
    }

    private Positions.RopeByLength.Keys keys() {
        return this instanceof LongRope ? Positions.RopeByLength.Keys.ANEW : Positions.RopeByLength.Keys.STAY;
    }

    /// Positions that a model whose configuration says `context` can tell apart: with some rules that
    /// number is the original context, which they stretch.
    ///
    /// @param most that the caller has room for
    default int reach(int context, int most) {
        double reach = switch (this) {
            case Linear(double factor) -> context * factor;
            case Dynamic(double factor, int original) -> original * factor;
            case Yarn yarn -> yarn.original * yarn.factor;
            case None _, LongRope _, Llama3 _, Proportional _, Divided _ -> context;
        };
        return (int) Math.min(most, Math.max(context, Math.floor(reach)));
    }

    /// Reads `rope_parameters` (transformers 5) or `rope_scaling` (before).
    ///
    /// @param rotaryDim elements of a head that turn
    /// @throws clearhead.io.ModelFileException if the kind is not one of these
    static RopeScaling of(Config config, int rotaryDim) {
        return new RopeParameters(config).scaling(rotaryDim);
    }

    /// The configuration of the layers of one kind, such as `full_attention`, where `rope_parameters` says
    /// something for each kind (Gemma 3, ModernBERT); the same where it does not.
    static Config ofLayers(Config config, String kind) {
        return RopeParameters.ofLayers(config, kind);
    }

    /// Elements of a head that turn: all, or the part that `partial_rotary_factor` names.
    static int rotaryDim(Config config, int headDim) {
        return new RopeParameters(config).rotaryDim(headDim);
    }

    /// The axis that each pair follows in a model that reads pictures, [pairs]; empty where a token has
    /// one position only. See [Positions.Sections].
    static Optional<List<Integer>> axes(Config config, int pairs) {
        return new RopeParameters(config).axes(pairs);
    }

    /// Base of the wavelengths, which transformers 5 keeps inside `rope_parameters`.
    static double theta(Config config) {
        return new RopeParameters(config).theta();
    }

    /// The fields of `rope_parameters`.
    default Map<String, Object> parameters(double theta) {
        return RopeParameters.fields(this, theta);
    }
}
