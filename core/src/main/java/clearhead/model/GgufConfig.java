package clearhead.model;

import clearhead.io.Checkpoint;
import clearhead.io.ModelFileException;
import clearhead.tensor.Tensor;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalDouble;

/// The metadata of a GGUF in the words of `config.json`.
final class GgufConfig {
    private final Checkpoint checkpoint;
    private final Map<String, Object> metadata;
    private final String architecture;

    private GgufConfig(Checkpoint checkpoint) {
        this.checkpoint = checkpoint;
        this.metadata = checkpoint.metadata();
        this.architecture = text("general.architecture", "");
    }

    static Config of(Checkpoint checkpoint) {
        var gguf = new GgufConfig(checkpoint);
        Map<String, Object> fields = gguf.architecture.equals("gpt2") ? gguf.gpt2() : new GgufSettings(gguf).fields();
        gguf.tokens(fields);
        return Config.of(checkpoint.source().toString(), fields);
    }

    String architecture() {
        return architecture;
    }

    boolean hasTensor(String name) {
        return checkpoint.has(name);
    }

    boolean says(String key) {
        return metadata.containsKey(architecture + "." + key);
    }

    /// A number, or one for every layer.
    ///
    /// @return [layers]
    int[] perLayer(String key, int layers, int otherwise) {
        var values = new int[layers];
        if (metadata.get(architecture + "." + key) instanceof List<?> list) {
            if (list.size() < layers) {
                throw wrong(architecture + "." + key, "wanted " + layers + " numbers, found " + list.size());
            }
            for (int i = 0; i < layers; i++) {
                Object value = list.get(i);
                if (value instanceof Boolean flag) {
                    values[i] = flag ? 1 : 0;
                } else if (value instanceof Number number && number.longValue() == number.intValue()) {
                    values[i] = number.intValue();
                } else {
                    throw wrong(architecture + "." + key, "wanted integers of 32 bits, found " + value);
                }
            }
            return values;
        }
        if (metadata.get(architecture + "." + key) instanceof int[] numbers) {
            if (numbers.length < layers) {
                throw wrong(architecture + "." + key, "wanted " + layers + " numbers, found " + numbers.length);
            }
            return Arrays.copyOf(numbers, layers);
        }
        Arrays.fill(values, integer(key, otherwise));
        return values;
    }

    boolean flag(String key, boolean otherwise) {
        Object value = metadata.get(architecture + "." + key);
        return value instanceof Boolean flag ? flag : otherwise;
    }

    /// As llama.cpp reads it: frequencies are divided by `factor`, or mixed by YaRN; cosines and sines
    /// are multiplied by `attn_factor`, and by YaRN's own magnitude.
    ///
    /// @param pairs rotary pairs of a head
    RopeScaling ropeScaling(int pairs) {
        String key = "rope.scaling.";
        String type = text(architecture + "." + key + "type", "");
        double factor = real(key + "factor", real("rope.scale_linear", 0)); // 0 means that there is none
        double magnitude = real(key + "attn_factor", 1);
        int original = integer(key + "original_context_length", integer("context_length"));
        boolean finite = factor < Double.POSITIVE_INFINITY && magnitude < Double.POSITIVE_INFINITY;
        if (!(factor >= 0 && magnitude > 0 && finite) || original < 1) {
            throw wrong(
                    architecture + ".rope.scaling",
                    "wanted positive numbers, found factor " + factor + ", attn_factor " + magnitude
                            + ", original_context_length " + original);
        }
        double log = real(key + "yarn_log_multiplier", 0) * 10; // DeepSeek's mscale_all_dim, times 0.1
        return switch (checkpoint.has("rope_factors_long.weight") ? "longrope" : type) {
            case "none" -> divided(pairs);
            // llama.cpp's own default is linear
            case "", "linear" -> factor == 0 || factor == 1 ? divided(pairs) : new RopeScaling.Linear(factor);
            case "yarn" -> {
                double stretch = factor == 0 ? 1 : factor;
                yield new RopeScaling.Yarn(
                        stretch,
                        original,
                        real(key + "yarn_beta_fast", 32),
                        real(key + "yarn_beta_slow", 1),
                        !architecture.equals("gpt-oss"),
                        magnitude == 1
                                ? OptionalDouble.empty()
                                : OptionalDouble.of(magnitude * RopeScaling.Yarn.magnitude(stretch, 1)),
                        log == 0 ? OptionalDouble.empty() : OptionalDouble.of(log),
                        log == 0 ? OptionalDouble.empty() : OptionalDouble.of(log));
            }
            case "longrope" ->
                new RopeScaling.LongRope(
                        reals("rope_factors_short.weight", pairs),
                        reals("rope_factors_long.weight", pairs),
                        (double) integer("context_length") / original,
                        original,
                        OptionalDouble.of(magnitude));
            default ->
                throw wrong(
                        architecture + "." + key + "type",
                        "rotary scaling \"" + type
                                + "\" is not supported in a GGUF; there are none, linear, yarn, longrope");
        };
    }

    private RopeScaling divided(int pairs) {
        return checkpoint.has("rope_freqs.weight")
                ? new RopeScaling.Divided(reals("rope_freqs.weight", pairs))
                : new RopeScaling.None();
    }

    private List<Double> reals(String name, int count) {
        if (!checkpoint.has(name)) {
            throw new ModelFileException(checkpoint.source(), "there is no tensor \"" + name + "\"");
        }
        Tensor tensor = checkpoint.tensor(name);
        if (tensor.size() != count) {
            throw new ModelFileException(
                    checkpoint.source(), name + ": wanted " + count + " values, found " + tensor.shape());
        }
        var values = new ArrayList<Double>();
        for (long i = 0; i < tensor.size(); i++) {
            values.add(tensor.at(i));
        }
        return List.copyOf(values);
    }

    private Map<String, Object> gpt2() {
        var fields = new LinkedHashMap<String, Object>();
        fields.put("model_type", "gpt2");
        fields.put("vocab_size", vocab());
        fields.put("n_positions", integer("context_length"));
        fields.put("n_embd", integer("embedding_length"));
        fields.put("n_layer", integer("block_count"));
        fields.put("n_head", integer("attention.head_count"));
        fields.put("n_inner", integer("feed_forward_length"));
        fields.put("layer_norm_epsilon", real("attention.layer_norm_epsilon", 1e-5));
        fields.put("activation_function", "gelu_new");
        fields.put("tie_word_embeddings", !checkpoint.has("output.weight"));
        return fields;
    }

    /// Beginning and end of sequence; a chat model often ends a turn with a token of its own.
    private void tokens(Map<String, Object> fields) {
        if (metadata.get("tokenizer.ggml.bos_token_id") instanceof Number bos) {
            fields.put("bos_token_id", bos.intValue());
        }
        var ends = new ArrayList<Integer>();
        for (String key : List.of("eos_token_id", "eot_token_id")) {
            if (metadata.get("tokenizer.ggml." + key) instanceof Number end && !ends.contains(end.intValue())) {
                ends.add(end.intValue());
            }
        }
        if (!ends.isEmpty()) {
            fields.put("eos_token_id", ends);
        }
    }

    /// The rows of the embedding: what `vocab_size` says is at times something else.
    int vocab() {
        return checkpoint.entries().stream()
                .filter(entry -> entry.name().equals("token_embd.weight"))
                .filter(entry -> entry.shape().rank() == 2)
                .mapToInt(entry -> entry.shape().dim(0))
                .findFirst()
                .orElseThrow(
                        () -> new ModelFileException(checkpoint.source(), "there is no matrix \"token_embd.weight\""));
    }

    int integer(String key) {
        if (!metadata.containsKey(architecture + "." + key)) {
            throw wrong(architecture + "." + key, "wanted an integer, found none");
        }
        return integer(key, 0);
    }

    int integer(String key, int otherwise) {
        Object value = metadata.get(architecture + "." + key);
        if (value == null) {
            return otherwise;
        }
        if (value instanceof Number number && number.longValue() == number.intValue()) {
            return number.intValue();
        }
        throw wrong(architecture + "." + key, "wanted one integer of 32 bits");
    }

    double real(String key, double otherwise) {
        Object value = metadata.get(architecture + "." + key);
        if (value == null) {
            return otherwise;
        }
        if (value instanceof Float f) {
            // the decimal that was meant: 1e-5, not 9.999999747378752e-06
            return Double.parseDouble(Float.toString(f));
        }
        if (value instanceof Number number) {
            return number.doubleValue();
        }
        throw wrong(architecture + "." + key, "wanted a number");
    }

    String text(String key, String otherwise) {
        return metadata.getOrDefault(key, otherwise) instanceof String text ? text : otherwise;
    }

    ModelFileException wrong(String key, String problem) {
        return new ModelFileException(checkpoint.source() + ": " + key, problem);
    }
}
