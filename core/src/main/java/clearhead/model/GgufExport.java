package clearhead.model;

import clearhead.io.Gguf;
import clearhead.io.GgufValue;
import clearhead.io.GgufVocabulary;
import clearhead.io.GgufWriter;
import clearhead.io.ModelFileException;
import clearhead.io.SentencePieceFile;
import clearhead.ops.Activation;
import clearhead.tensor.DType;
import clearhead.tensor.Shape;
import clearhead.tensor.Tensor;
import clearhead.tokenizer.TokenizerException;
import clearhead.tokenizer.TokenizerJson;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// A model as a GGUF that llama.cpp runs: its names, its metadata, queries and keys in its order.
/// Vectors and learned positions are float32, as llama.cpp wants them.
final class GgufExport {
    private final ModelSource source;
    private final Architecture architecture;
    private final CheckpointWeights weights;
    private final GgufNames names;
    private final List<String> notes = new ArrayList<>();

    GgufExport(ModelSource source, Architecture architecture, CheckpointWeights weights) {
        this.source = source;
        this.architecture = architecture;
        this.weights = weights;
        names = new GgufNames(architecture);
    }

    Conversion.Result write(Path target, Optional<DType> wanted) {
        Map<String, List<Parameter>> parts = Exported.byStoredName(architecture);
        var types = new LinkedHashMap<String, DType>();
        parts.forEach((name, list) -> types.put(name, type(list.getFirst(), wanted)));
        try (var writer = GgufWriter.create(target);
                Arena arena = Arena.ofShared()) {
            metadata(parts, types).forEach(writer::put);
            Map<String, Tensor> divisors = divisors(arena);
            divisors.forEach((name, d) -> writer.declare(name, DType.F32, d.shape()));
            parts.forEach((name, list) -> writer.declare(ggufName(name), typeOf(types, name), shape(list)));
            long bytes = writer.bytes();
            divisors.forEach(writer::write);
            parts.forEach((name, list) -> write(writer, ggufName(name), list));
            writer.commit();
            int tensors = parts.size() + divisors.size();
            return new Conversion.Result(target, bytes, tensors, notes);
        }
    }

    private String ggufName(String stored) {
        return names.name(stored).orElseThrow(() -> wrong("GGUF has no name for \"" + stored + "\""));
    }

    private static DType typeOf(Map<String, DType> types, String name) {
        return types.getOrDefault(name, DType.F32);
    }

    /// [out, in] of all parameters that share a tensor.
    private static Shape shape(List<Parameter> parts) {
        Parameter first = parts.getFirst();
        return first.shape().rank() == 1
                ? new Shape(first.stored().rows().all())
                : new Shape(first.stored().rows().all(), first.shape().dim(1));
    }

    private DType type(Parameter p, Optional<DType> wanted) {
        if (p.shape().rank() == 1 || ggufName(p.stored().name()).startsWith("position_embd")) {
            return DType.F32;
        }
        DType type = wanted.orElse(weights.storedType(p));
        boolean held = switch (type) {
            case F32, F16, BF16 -> true;
            default -> type.isQuantized() && p.shape().dim(-1) % type.blockSize() == 0;
        };
        return held ? type : DType.F32;
    }

    private void write(GgufWriter writer, String name, List<Parameter> parts) {
        try (Arena passing = Arena.ofShared()) {
            for (Parameter p : parts) {
                Tensor rows = weights.parameter(p.name(), passing);
                int heads = p.stored().rotaryHeads();
                writer.append(name, heads > 0 ? Elements.neighbours(rows, heads, passing) : rows);
            }
        }
    }

    private Map<String, GgufValue> metadata(Map<String, List<Parameter>> parts, Map<String, DType> types) {
        Map<String, GgufValue> values = new LinkedHashMap<>();
        values.put("general.architecture", GgufValue.text(architecture.name()));
        values.put("general.name", GgufValue.text(source.name()));
        if (source.checkpoint() instanceof Gguf gguf) {
            gguf.values().forEach((key, value) -> {
                if (key.startsWith("general.")) {
                    values.put(key, value);
                }
            });
        }
        values.put("general.file_type", GgufValue.u32(fileType(parts, types)));
        values.put("general.quantization_version", GgufValue.u32(2));
        sizes(values);
        vocabulary(values);
        return values;
    }

    /// llama.cpp's number for the type of most weights.
    private static int fileType(Map<String, List<Parameter>> parts, Map<String, DType> types) {
        var elements = new LinkedHashMap<DType, Long>();
        parts.forEach(
                (name, list) -> elements.merge(typeOf(types, name), shape(list).size(), Long::sum));
        DType most = elements.entrySet().stream()
                .max(Map.Entry.comparingByValue())
                .orElseThrow()
                .getKey();
        return switch (most) {
            case F16 -> 1;
            case Q4_0 -> 2;
            case Q4_1 -> 3;
            case Q8_0 -> 7;
            case BF16 -> 32;
            case Q5_0 -> 8;
            case Q5_1 -> 9;
            case Q2_K -> 10;
            case Q3_K -> 12;
            case Q4_K -> 15;
            case Q5_K -> 17;
            case Q6_K -> 18;
            case IQ4_NL -> 25;
            case IQ4_XS -> 30;
            case MXFP4 -> 38;
            default -> 0;
        };
    }

    private void sizes(Map<String, GgufValue> values) {
        switch (architecture.name()) {
            case "llama" -> llama(architecture.source(), values);
            case "gpt2" -> gpt2(architecture.source(), values);
            default -> throw wrong("a " + architecture.name() + " cannot be written as a GGUF yet");
        }
    }

    private static int headDim(Config c) {
        int dim = c.size("hidden_size");
        return c.size("head_dim", Math.max(1, dim / c.size("num_attention_heads")));
    }

    private void llama(Config c, Map<String, GgufValue> values) {
        requireActivation(c.activation("hidden_act", "silu"), Activation.SILU);
        int heads = c.size("num_attention_heads");
        int headDim = headDim(c);
        values.put("llama.context_length", GgufValue.u32(c.size("max_position_embeddings", 2048)));
        values.put("llama.embedding_length", GgufValue.u32(c.size("hidden_size")));
        values.put("llama.block_count", GgufValue.u32(architecture.layers()));
        values.put("llama.feed_forward_length", GgufValue.u32(c.size("intermediate_size")));
        values.put("llama.attention.head_count", GgufValue.u32(heads));
        values.put("llama.attention.head_count_kv", GgufValue.u32(c.size("num_key_value_heads", heads)));
        values.put("llama.attention.key_length", GgufValue.u32(headDim));
        values.put("llama.attention.value_length", GgufValue.u32(headDim));
        values.put("llama.attention.layer_norm_rms_epsilon", GgufValue.f32((float) c.positive("rms_norm_eps", 1e-6)));
        values.put("llama.rope.dimension_count", GgufValue.u32(headDim));
        values.put("llama.rope.freq_base", GgufValue.f32((float) RopeScaling.theta(c)));
        values.put("llama.vocab_size", GgufValue.u32(architecture.vocab()));
        scaling(RopeScaling.of(c, headDim), values);
    }

    /// In the words of llama.cpp, which multiplies YaRN's magnitude by `attn_factor`. Llama 3's rule has
    /// none: its divisors are a tensor.
    private void scaling(RopeScaling scaling, Map<String, GgufValue> values) {
        String key = "llama.rope.scaling.";
        switch (scaling) {
            case RopeScaling.None _, RopeScaling.Llama3 _, RopeScaling.Divided _ -> {}
            case RopeScaling.Linear(double factor) -> {
                values.put(key + "type", GgufValue.text("linear"));
                values.put(key + "factor", GgufValue.f32((float) factor));
            }
            case RopeScaling.Yarn yarn -> {
                if (!yarn.truncate()) {
                    notes.add("GGUF cannot say that YaRN's bounds are not rounded (truncate)");
                }
                values.put(key + "type", GgufValue.text("yarn"));
                values.put(key + "factor", GgufValue.f32((float) yarn.factor()));
                values.put(key + "original_context_length", GgufValue.u32(yarn.original()));
                values.put(key + "yarn_beta_fast", GgufValue.f32((float) yarn.fast()));
                values.put(key + "yarn_beta_slow", GgufValue.f32((float) yarn.slow()));
                double own = RopeScaling.Yarn.magnitude(yarn.factor(), 1);
                if (yarn.magnitude() != own) {
                    values.put(key + "attn_factor", GgufValue.f32((float) (yarn.magnitude() / own)));
                }
            }
            case RopeScaling.LongRope rule -> {
                values.put(key + "type", GgufValue.text("longrope"));
                values.put(key + "original_context_length", GgufValue.u32(rule.original()));
                values.put(key + "attn_factor", GgufValue.f32((float) rule.magnitude()));
            }
            case RopeScaling.Dynamic _ -> throw wrong("GGUF knows no dynamic NTK scaling of rotary positions");
            case RopeScaling.Proportional _ ->
                throw wrong("GGUF knows no proportional rotary positions of a " + architecture.name());
        }
    }

    private void gpt2(Config c, Map<String, GgufValue> values) {
        requireActivation(c.activation("activation_function", "gelu_new"), Activation.GELU_TANH);
        if (!c.flag("scale_attn_weights", true) || c.flag("scale_attn_by_inverse_layer_idx", false)) {
            throw wrong("GGUF knows no GPT-2 with other scales of scores");
        }
        int dim = c.size("n_embd");
        values.put("gpt2.context_length", GgufValue.u32(architecture.context()));
        values.put("gpt2.embedding_length", GgufValue.u32(dim));
        values.put("gpt2.block_count", GgufValue.u32(architecture.layers()));
        values.put("gpt2.feed_forward_length", GgufValue.u32(c.size("n_inner", 4 * dim)));
        values.put("gpt2.attention.head_count", GgufValue.u32(c.size("n_head")));
        values.put("gpt2.attention.layer_norm_epsilon", GgufValue.f32((float) c.positive("layer_norm_epsilon", 1e-5)));
        values.put("gpt2.vocab_size", GgufValue.u32(architecture.vocab()));
    }

    private void requireActivation(Activation found, Activation wanted) {
        if (found != wanted) {
            throw wrong("GGUF knows no " + architecture.name() + " with the activation " + Config.name(found)
                    + ", only " + Config.name(wanted));
        }
    }

    private ModelFileException wrong(String problem) {
        return new ModelFileException(source.path(), problem);
    }

    /// What rotary frequencies are divided by, each [pairs], if they are.
    private Map<String, Tensor> divisors(Arena arena) {
        if (!architecture.name().equals("llama")) {
            return Map.of();
        }
        int headDim = headDim(architecture.source());
        double theta = RopeScaling.theta(architecture.source());
        RopeScaling scaling = RopeScaling.of(architecture.source(), headDim);
        return switch (scaling) {
            case RopeScaling.Llama3 _, RopeScaling.Divided _ -> {
                double[] divisors = new RopeScaling.None().frequencies(headDim, theta);
                double[] scaled = scaling.frequencies(headDim, theta);
                for (int j = 0; j < divisors.length; j++) {
                    divisors[j] /= scaled[j];
                }
                yield Map.of("rope_freqs.weight", Tensor.of(arena, DType.F32, divisors, divisors.length));
            }
            case RopeScaling.LongRope rule -> {
                var both = new LinkedHashMap<String, Tensor>();
                both.put("rope_factors_long.weight", factors(arena, rule.longer()));
                both.put("rope_factors_short.weight", factors(arena, rule.shorter()));
                yield both;
            }
            case RopeScaling.None _,
                    RopeScaling.Linear _,
                    RopeScaling.Dynamic _,
                    RopeScaling.Yarn _,
                    RopeScaling.Proportional _ -> Map.of();
        };
    }

    private static Tensor factors(Arena arena, List<Double> factors) {
        double[] values = factors.stream().mapToDouble(Double::doubleValue).toArray();
        return Tensor.of(arena, DType.F32, values, values.length);
    }

    private void vocabulary(Map<String, GgufValue> values) {
        if (source.checkpoint() instanceof Gguf gguf) {
            gguf.values().forEach((key, value) -> {
                if (key.startsWith("tokenizer.")) {
                    values.put(key, value);
                }
            });
            return;
        }
        try {
            values.putAll(tokenizer());
        } catch (ModelFileException | TokenizerException e) {
            notes.add("no vocabulary written: " + e.getMessage());
            return;
        }
        source.config().bos().ifPresent(id -> values.put("tokenizer.ggml.bos_token_id", GgufValue.u32(id)));
        source.config().eos().stream()
                .findFirst()
                .ifPresent(id -> values.put("tokenizer.ggml.eos_token_id", GgufValue.u32(id)));
        source.chatTemplate().ifPresent(t -> values.put("tokenizer.chat_template", GgufValue.text(t)));
    }

    private Map<String, GgufValue> tokenizer() {
        Path beside = source.folder().resolve("tokenizer.json");
        if (source.isFolder() && Files.isRegularFile(beside)) {
            return GgufVocabulary.of(beside, architecture.vocab());
        }
        Optional<SentencePieceFile> pieces = Conversion.sentencePiece(source);
        if (pieces.isPresent()) {
            return pieces.get().toGguf();
        }
        if (source.tokenizer().isEmpty()) {
            throw wrong(source.tokenizerProblem());
        }
        try {
            Path passing = Files.createTempFile("tokenizer", ".json");
            try {
                TokenizerJson.write(source.tokenizer().get(), passing);
                return GgufVocabulary.of(passing, architecture.vocab());
            } finally {
                Files.deleteIfExists(passing);
            }
        } catch (IOException e) {
            throw wrong("its vocabulary cannot be written for a moment: " + e.getMessage());
        }
    }
}
