package clearhead.io;

import clearhead.tensor.DType;
import clearhead.tensor.Shape;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// Which weight of a GGUF gets which type under a name such as `q4_k_m`: llama.cpp's choice for models
/// without an importance matrix. Vectors, norms, routers, positions and the small weights of recurrent
/// layers stay as they are; where rows do not fill the blocks of a type, a type with smaller blocks
/// takes its place, or the weight stays as it is.
public enum GgufMixture {
    F32(0, DType.F32),
    F16(1, DType.F16),
    BF16(32, DType.BF16),
    Q8_0(7, DType.Q8_0),
    Q4_0(2, DType.Q4_0),
    Q4_1(3, DType.Q4_1),
    Q5_0(8, DType.Q5_0),
    Q5_1(9, DType.Q5_1),
    Q2_K(10, DType.Q2_K),
    Q3_K_S(11, DType.Q3_K),
    Q3_K_M(12, DType.Q3_K),
    Q3_K_L(13, DType.Q3_K),
    Q4_K_S(14, DType.Q4_K),
    Q4_K_M(15, DType.Q4_K),
    Q5_K_S(16, DType.Q5_K),
    Q5_K_M(17, DType.Q5_K),
    Q6_K(18, DType.Q6_K),
    IQ4_NL(25, DType.IQ4_NL),
    IQ4_XS(30, DType.IQ4_XS),
    /// Experts in MXFP4, all else in Q8_0.
    MXFP4_MOE(38, DType.MXFP4);

    private static final Pattern LAYER = Pattern.compile("blk\\.(\\d+)\\.");

    /// Parts of the names of matrices that are not quantized.
    private static final List<String> KEPT = List.of(
            "_norm.weight",
            "ffn_gate_inp.weight",
            "altup",
            "laurel",
            "per_layer_model_proj",
            "position_embd",
            "token_types",
            "ssm_conv1d",
            "shortconv.conv.weight",
            "time_mix_first.weight",
            "time_mix_w0.weight",
            "time_mix_w1.weight",
            "time_mix_w2.weight",
            "time_mix_v0.weight",
            "time_mix_v1.weight",
            "time_mix_v2.weight",
            "time_mix_a0.weight",
            "time_mix_a1.weight",
            "time_mix_a2.weight",
            "time_mix_g1.weight",
            "time_mix_g2.weight",
            "time_mix_decay_w1.weight",
            "time_mix_decay_w2.weight",
            "time_mix_lerp_fused.weight",
            "attn_rel_b.weight");

    private final int fileType;
    private final DType type;

    GgufMixture(int fileType, DType type) {
        this.fileType = fileType;
        this.type = type;
    }

    /// What the choice looks at beside names and shapes.
    ///
    /// @param architecture `general.architecture`
    /// @param queriesPerKey query heads that share a key head
    /// @param experts experts of a layer, 0 if there are none
    public record Facts(String architecture, int layers, int queriesPerKey, int experts) {
        /// What a file's metadata say; 0 or 1 where they say nothing.
        public static Facts of(Map<String, GgufValue> values) {
            String architecture =
                    values.get("general.architecture") instanceof GgufValue v && v.value() instanceof String name
                            ? name
                            : "";
            long heads = first(values, architecture + ".attention.head_count").orElse(1L);
            long keys = first(values, architecture + ".attention.head_count_kv").orElse(heads);
            return new Facts(
                    architecture,
                    (int) (long) first(values, architecture + ".block_count").orElse(0L),
                    keys <= 0 ? 1 : (int) (heads / keys),
                    (int) (long) first(values, architecture + ".expert_count").orElse(0L));
        }

        /// A number, or the first of an array.
        private static Optional<Long> first(Map<String, GgufValue> values, String key) {
            GgufValue value = values.get(key);
            if (value == null) {
                return Optional.empty();
            }
            return switch (value.value()) {
                case Long number -> Optional.of(number);
                case int[] numbers when numbers.length > 0 -> Optional.of((long) numbers[0]);
                default -> Optional.empty();
            };
        }
    }

    /// llama.cpp's number of this choice, `general.file_type`.
    public int fileType() {
        return fileType;
    }

    /// The type of most weights.
    public DType type() {
        return type;
    }

    /// The name as llama.cpp and people write it, in small letters.
    public String label() {
        return name().toLowerCase(Locale.ROOT);
    }

    /// The choice of a name; `q3_k`, `q4_k` and `q5_k` are those with `_m`.
    public static Optional<GgufMixture> named(String name) {
        String upper = name.toUpperCase(Locale.ROOT).replace('-', '_');
        String full = List.of("Q3_K", "Q4_K", "Q5_K").contains(upper) ? upper + "_M" : upper;
        return Arrays.stream(values()).filter(m -> m.name().equals(full)).findFirst();
    }

    /// The choice whose weights are mostly of this type.
    public static Optional<GgufMixture> of(DType type) {
        Optional<GgufMixture> own = named(type.name());
        return own.isPresent()
                ? own
                : Arrays.stream(values()).filter(m -> m.type == type).findFirst();
    }

    /// The types of the tensors that change.
    ///
    /// @param tensors shapes by GGUF's names, axes outermost first
    public Map<String, DType> types(Facts facts, Map<String, Shape> tensors) {
        var choice = new Choice(this, facts, !tensors.containsKey("output.weight"));
        var types = new TreeMap<String, DType>();
        tensors.keySet().stream()
                .filter(name -> mayChange(name, tensors.getOrDefault(name, new Shape())))
                .sorted(Comparator.comparingInt(GgufMixture::layer).thenComparing(Comparator.naturalOrder()))
                .toList()
                .forEach(name -> choice.declare(name));
        for (String name : choice.names()) {
            Shape shape = tensors.getOrDefault(name, new Shape());
            DType wanted = type.isQuantized() ? choice.next(name, shape) : type;
            fitting(wanted, shape.dim(-1)).ifPresent(fits -> types.put(name, fits));
        }
        return types;
    }

    /// Whether a tensor is a matrix whose type may be chosen.
    private static boolean mayChange(String name, Shape shape) {
        int axes = 0;
        for (int axis = 0; axis < shape.rank(); axis++) {
            axes += axes > 0 || shape.dim(axis) > 1 ? 1 : 0;
        }
        return axes >= 2 && name.endsWith("weight") && KEPT.stream().noneMatch(name::contains);
    }

    /// The layer in a name, −1 outside.
    static int layer(String name) {
        Matcher matcher = LAYER.matcher(name);
        return matcher.lookingAt() && matcher.group(1).length() < 9 ? Integer.parseInt(matcher.group(1)) : -1;
    }

    /// The type, or what takes its place where rows do not fill its blocks.
    private static Optional<DType> fitting(DType type, int columns) {
        if (columns % type.blockSize() == 0) {
            return Optional.of(type);
        }
        DType other = switch (type) {
            case IQ4_XS -> DType.IQ4_NL;
            case Q2_K, Q3_K -> DType.Q4_0;
            case Q4_K -> DType.Q5_0;
            case Q5_K -> DType.Q5_1;
            case Q6_K -> DType.Q8_0;
            default -> type;
        };
        return columns % other.blockSize() == 0 ? Optional.of(other) : Optional.empty();
    }

    /// Goes through the tensors in the order of the layers and counts those of a kind.
    private static final class Choice {
        private final GgufMixture mixture;
        private final Facts facts;
        private final boolean tied;
        private final List<String> names = new ArrayList<>();
        private int values;
        private int valuesSeen;
        private int downsSeen;

        Choice(GgufMixture mixture, Facts facts, boolean tied) {
            this.mixture = mixture;
            this.facts = facts;
            this.tied = tied;
        }

        void declare(String name) {
            names.add(name);
            values += isValue(name) ? 1 : 0;
        }

        List<String> names() {
            return names;
        }

        private static boolean isValue(String name) {
            return name.contains("attn_v.weight")
                    || name.contains("attn_qkv.weight")
                    || name.contains("attn_kv_b.weight");
        }

        /// The first and the last eighth of the layers, and every third between.
        private static boolean moreBits(int layer, int layers) {
            return layer < layers / 8 || layer >= 7 * layers / 8 || (layer - layers / 8) % 3 == 2;
        }

        DType next(String name, Shape shape) {
            boolean embedding = name.equals("token_embd.weight") || name.equals("per_layer_token_embd.weight");
            if (name.equals("output.weight") || tied && embedding) {
                return output(shape);
            }
            if (mixture == MXFP4_MOE) {
                return shape.rank() > 2 && shape.dim(-3) > 1 ? DType.MXFP4 : DType.Q8_0;
            }
            if (embedding) {
                return mixture.type;
            }
            if (isValue(name)) {
                return value(valuesSeen++);
            }
            if (name.contains("attn_k.weight")) {
                return facts.experts == 8 ? DType.Q8_0 : mixture.type;
            }
            if (name.contains("ffn_down")) {
                int layer = facts.experts > 1 ? layer(name) : downsSeen;
                downsSeen++;
                return down(layer, facts.layers);
            }
            return name.contains("attn_output.weight") ? attentionOutput() : mixture.type;
        }

        private DType output(Shape shape) {
            boolean wide = mixture == MXFP4_MOE
                    || mixture == Q8_0
                    || facts.architecture.equals("falcon")
                    || shape.dim(-1) % mixture.type.blockSize() != 0;
            return wide ? DType.Q8_0 : DType.Q6_K;
        }

        private DType value(int index) {
            boolean shared = facts.queriesPerKey >= 4;
            DType chosen = switch (mixture) {
                case Q2_K -> shared ? DType.Q4_K : DType.Q3_K;
                case Q3_K_M -> index < 2 ? DType.Q5_K : DType.Q4_K;
                case Q3_K_L -> DType.Q5_K;
                case IQ4_NL, IQ4_XS -> shared ? DType.Q5_K : mixture.type;
                case Q4_K_M, Q5_K_M -> moreBits(index, values) ? DType.Q6_K : mixture.type;
                case Q4_K_S -> index < 4 ? DType.Q5_K : mixture.type;
                default -> mixture.type;
            };
            if (facts.layers == 80 && (chosen == DType.Q3_K || chosen == DType.Q4_K)) {
                chosen = DType.Q5_K;
            }
            return facts.experts == 8 ? DType.Q8_0 : chosen;
        }

        private DType down(int layer, int layers) {
            boolean falcon = facts.architecture.equals("falcon");
            boolean early = layer < layers / 8;
            return switch (mixture) {
                case Q2_K -> DType.Q3_K;
                case Q3_K_M -> {
                    boolean four = !falcon || moreBits(layer, layers);
                    yield layer < layers / 16 ? DType.Q5_K : four ? DType.Q4_K : DType.Q3_K;
                }
                case Q3_K_L -> falcon ? DType.Q4_K : DType.Q5_K;
                case Q4_K_M -> {
                    boolean more = moreBits(layer, layers);
                    if (falcon) {
                        yield layer < layers / 16 ? DType.Q6_K : more ? DType.Q5_K : DType.Q4_K;
                    }
                    yield more ? DType.Q6_K : DType.Q4_K;
                }
                case Q5_K_M -> moreBits(layer, layers) ? DType.Q6_K : DType.Q5_K;
                case IQ4_NL, IQ4_XS -> early ? DType.Q5_K : mixture.type;
                case Q4_K_S -> early && !falcon ? DType.Q5_K : DType.Q4_K;
                default -> mixture.type;
            };
        }

        private DType attentionOutput() {
            if (facts.architecture.equals("falcon")) {
                return mixture == Q3_K_L ? DType.Q4_K : mixture.type;
            }
            if (facts.experts == 8) {
                return switch (mixture) {
                    case Q2_K, Q3_K_S, Q3_K_M, IQ4_NL, Q4_K_S, Q4_K_M, IQ4_XS -> DType.Q5_K;
                    default -> mixture.type;
                };
            }
            return switch (mixture) {
                case Q2_K -> DType.Q3_K;
                case Q3_K_M -> DType.Q4_K;
                case Q3_K_L -> DType.Q5_K;
                default -> mixture.type;
            };
        }
    }
}
