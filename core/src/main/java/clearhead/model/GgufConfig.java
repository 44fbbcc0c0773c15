package clearhead.model;

import clearhead.io.Checkpoint;
import clearhead.io.ModelFileException;
import clearhead.tensor.Tensor;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

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
        Map<String, Object> fields = switch (gguf.architecture) {
            case "llama" -> gguf.llama();
            case "gpt2" -> gguf.gpt2();
            default ->
                throw gguf.wrong(
                        "general.architecture",
                        "architecture \"" + gguf.architecture
                                + "\" is not supported; there are "
                                + Config.joined(Family.NAMES));
        };
        gguf.tokens(fields);
        return Config.of(checkpoint.source().toString(), fields);
    }

    private Map<String, Object> llama() {
        int dim = integer("embedding_length");
        int heads = integer("attention.head_count");
        int headDim = integer("attention.key_length", heads > 0 ? dim / heads : 0);
        same("attention.value_length", headDim);
        same("rope.dimension_count", headDim);
        same("expert_count", 0);
        double theta = real("rope.freq_base", 10000);
        var fields = new LinkedHashMap<String, Object>();
        fields.put("model_type", "llama");
        fields.put("vocab_size", vocab());
        fields.put("max_position_embeddings", integer("context_length"));
        fields.put("hidden_size", dim);
        fields.put("num_hidden_layers", integer("block_count"));
        fields.put("num_attention_heads", heads);
        fields.put("num_key_value_heads", integer("attention.head_count_kv", heads));
        fields.put("head_dim", headDim);
        fields.put("intermediate_size", integer("feed_forward_length"));
        fields.put("rms_norm_eps", real("attention.layer_norm_rms_epsilon", 1e-5));
        fields.put("rope_parameters", ropeScaling().parameters(theta));
        fields.put("hidden_act", "silu");
        fields.put("attention_bias", checkpoint.has("blk.0.attn_q.bias"));
        fields.put("mlp_bias", checkpoint.has("blk.0.ffn_gate.bias"));
        fields.put("tie_word_embeddings", !checkpoint.has("output.weight"));
        return fields;
    }

    private RopeScaling ropeScaling() {
        String type = text(architecture + ".rope.scaling.type", "none");
        if (!type.equals("none")) {
            throw wrong(
                    architecture + ".rope.scaling.type",
                    "rotary scaling \"" + type + "\" is not supported in a GGUF; there is none");
        }
        if (!checkpoint.has("rope_freqs.weight")) {
            return new RopeScaling.None();
        }
        Tensor divisors = checkpoint.tensor("rope_freqs.weight"); // [pairs]
        var values = new ArrayList<Double>();
        for (long i = 0; i < divisors.size(); i++) {
            values.add(divisors.at(i));
        }
        return new RopeScaling.Divided(List.copyOf(values));
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
    private int vocab() {
        return checkpoint.entries().stream()
                .filter(entry -> entry.name().equals("token_embd.weight"))
                .filter(entry -> entry.shape().rank() == 2)
                .mapToInt(entry -> entry.shape().dim(0))
                .findFirst()
                .orElseThrow(
                        () -> new ModelFileException(checkpoint.source(), "there is no matrix \"token_embd.weight\""));
    }

    private void same(String key, int wanted) {
        int found = integer(key, wanted);
        if (found != wanted) {
            throw wrong(architecture + "." + key, "only " + wanted + " is supported, found " + found);
        }
    }

    private int integer(String key) {
        if (!metadata.containsKey(architecture + "." + key)) {
            throw wrong(architecture + "." + key, "wanted an integer, found none");
        }
        return integer(key, 0);
    }

    private int integer(String key, int otherwise) {
        Object value = metadata.get(architecture + "." + key);
        if (value == null) {
            return otherwise;
        }
        if (value instanceof Number number && number.longValue() == number.intValue()) {
            return number.intValue();
        }
        throw wrong(architecture + "." + key, "wanted one integer of 32 bits");
    }

    private double real(String key, double otherwise) {
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

    private String text(String key, String otherwise) {
        return metadata.getOrDefault(key, otherwise) instanceof String text ? text : otherwise;
    }

    private ModelFileException wrong(String key, String problem) {
        return new ModelFileException(checkpoint.source() + ": " + key, problem);
    }
}
