package clearhead.app;

import clearhead.io.Json;
import clearhead.io.SafetensorsWriter;
import clearhead.tensor.DType;
import clearhead.tensor.Tensor;
import clearhead.tokenizer.BpeTrainer;
import clearhead.tokenizer.TokenizerJson;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;

/// A Llama of two layers and random weights in a folder, with a vocabulary learnt from one sentence.
public final class TinyModel {
    public static final String TEXT = "the cat sat on the mat, and the cat sat on the hat";
    static final int VOCAB = 272;
    private static final int DIM = 16;

    private TinyModel() {}

    public static Path write(Path folder) throws IOException {
        Files.createDirectories(folder);
        var trainer = new BpeTrainer(VOCAB, List.of("<|endoftext|>"));
        trainer.add(TEXT);
        TokenizerJson.write(trainer.train(), folder.resolve("tokenizer.json"));
        Map<String, Object> config = new LinkedHashMap<>();
        config.put("architectures", List.of("LlamaForCausalLM"));
        config.put("model_type", "llama");
        config.put("vocab_size", VOCAB);
        config.put("hidden_size", DIM);
        config.put("intermediate_size", 24);
        config.put("num_hidden_layers", 2);
        config.put("num_attention_heads", 4);
        config.put("num_key_value_heads", 2);
        config.put("head_dim", 4);
        config.put("max_position_embeddings", 64);
        config.put("rms_norm_eps", 1e-5);
        config.put("rope_theta", 10000.0);
        config.put("hidden_act", "silu");
        config.put("tie_word_embeddings", true);
        Files.writeString(folder.resolve("config.json"), Json.object(config).toText(true));
        weights(folder.resolve("model.safetensors"));
        return folder;
    }

    private static void weights(Path file) {
        Map<String, Tensor> tensors = new LinkedHashMap<>();
        var random = new Random(3);
        try (Arena arena = Arena.ofConfined()) {
            tensors.put("model.embed_tokens.weight", around(arena, random, 0, VOCAB, DIM));
            for (int layer = 0; layer < 2; layer++) {
                String p = "model.layers." + layer + ".";
                tensors.put(p + "input_layernorm.weight", around(arena, random, 1, DIM));
                tensors.put(p + "self_attn.q_proj.weight", around(arena, random, 0, 16, DIM));
                tensors.put(p + "self_attn.k_proj.weight", around(arena, random, 0, 8, DIM));
                tensors.put(p + "self_attn.v_proj.weight", around(arena, random, 0, 8, DIM));
                tensors.put(p + "self_attn.o_proj.weight", around(arena, random, 0, DIM, 16));
                tensors.put(p + "post_attention_layernorm.weight", around(arena, random, 1, DIM));
                tensors.put(p + "mlp.gate_proj.weight", around(arena, random, 0, 24, DIM));
                tensors.put(p + "mlp.up_proj.weight", around(arena, random, 0, 24, DIM));
                tensors.put(p + "mlp.down_proj.weight", around(arena, random, 0, DIM, 24));
            }
            tensors.put("model.norm.weight", around(arena, random, 1, DIM));
            SafetensorsWriter.write(file, tensors, Map.of());
        }
    }

    private static Tensor around(Arena arena, Random random, double mean, int... dims) {
        Tensor t = Tensor.zeros(arena, DType.F32, dims);
        for (long i = 0; i < t.size(); i++) {
            t.set(i, mean + 0.4 * random.nextGaussian());
        }
        return t;
    }
}
