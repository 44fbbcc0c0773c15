package clearhead.train;

import clearhead.io.Checkpoint;
import clearhead.io.Safetensors;
import clearhead.model.Architecture;
import clearhead.model.Config;
import clearhead.model.Parameter;
import clearhead.tensor.Tensor;
import java.nio.file.Path;
import java.util.Map;
import java.util.function.Function;

/// Tiny models for tests.
final class Models {
    private Models() {}

    /// Two layers in GPT-2's shape: LayerNorm, learned positions, biases, dense MLP, tied head.
    static Architecture gpt2(int vocab, int context, int dim, int layers, int heads) {
        return Architecture.of(Config.of(
                "test",
                Map.of(
                        "model_type", "gpt2",
                        "vocab_size", vocab,
                        "n_positions", context,
                        "n_embd", dim,
                        "n_layer", layers,
                        "n_head", heads)));
    }

    /// In Llama's shape: RMSNorm, rotary, grouped heads, gated MLP.
    static Architecture llama(int vocab, int context, int dim, int layers, int heads, int kvHeads, int hidden) {
        return Architecture.of(Config.of(
                "test",
                Map.of(
                        "model_type", "llama",
                        "vocab_size", vocab,
                        "max_position_embeddings", context,
                        "hidden_size", dim,
                        "num_hidden_layers", layers,
                        "num_attention_heads", heads,
                        "num_key_value_heads", kvHeads,
                        "intermediate_size", hidden,
                        "tie_word_embeddings", true)));
    }

    /// Copies a checkpoint of Hugging Face's into the parameters.
    static void load(Path file, Parameters parameters) {
        try (Checkpoint checkpoint = Safetensors.open(file)) {
            for (Parameter p : parameters.list()) {
                Tensor to = parameters.value(p.name());
                eachStored(checkpoint::tensor, "", p, to, (from, index, i) -> to.set(i, from.at(index)));
            }
        }
    }

    interface Pair {
        /// @param index in the stored tensor
        /// @param i in the parameter
        void see(Tensor stored, long index, long i);
    }

    /// Walks over a parameter's elements and their places in a stored tensor.
    static void eachStored(Function<String, Tensor> stored, String prefix, Parameter p, Tensor value, Pair pair) {
        Tensor from = stored.apply(prefix + p.stored().name());
        int out = value.dim(0);
        int in = value.rank() == 1 ? 1 : value.dim(1);
        for (int o = 0; o < out; o++) {
            for (int i = 0; i < in; i++) {
                int row = p.stored().rows().first() + o;
                long index = p.stored().transposed() && value.rank() == 2
                        ? (long) i * p.stored().rows().all() + row
                        : (long) row * in + i;
                pair.see(from, index, (long) o * in + i);
            }
        }
    }
}
