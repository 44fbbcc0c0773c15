package clearhead.fuzz;

import clearhead.io.GgufValue;
import clearhead.io.GgufWriter;
import clearhead.io.SafetensorsWriter;
import clearhead.tensor.DType;
import clearhead.tensor.Shape;
import clearhead.tensor.Tensor;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/// Small valid files to begin with.
final class Seeds {
    private Seeds() {}

    static void write(Reader reader, Path folder) throws IOException {
        Path seed = folder.resolve("seed");
        switch (reader) {
            case SAFETENSORS -> safetensors(seed);
            case SHARDS ->
                text(seed, "{\"metadata\":{\"total_size\":4},\"weight_map\":{\"a\":\"model-1.safetensors\"}}");
            case GGUF, GGUF_VOCABULARY -> gguf(folder);
            case LLAMA2C -> {
                int floats = 20 + 4 + 16 + 8 + 8 + 16 + 4 + 12 + 12 + 12 + 4 + 12;
                var bytes = ByteBuffer.allocate(28 + 4 * floats).order(ByteOrder.LITTLE_ENDIAN);
                bytes.putInt(4)
                        .putInt(3)
                        .putInt(1)
                        .putInt(2)
                        .putInt(1)
                        .putInt(5)
                        .putInt(6);
                Files.write(seed, bytes.array());
            }
            case LLAMA2C_VOCABULARY -> llama2cVocabulary(seed);
            case SENTENCE_PIECE -> sentencePiece(seed);
            case TIKTOKEN -> text(seed, "IQ== 0\nIg== 1\nYQ== 2\nIGE= 3\n");
            case WORD_PIECE -> text(seed, "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nthe\ncat\n##s\n");
            case TOKENIZER_JSON -> text(seed, """
                {"version":"1.0","truncation":null,"padding":null,"added_tokens":[{"id":3,"content":"<s>",\
                "single_word":false,"lstrip":false,"rstrip":false,"normalized":false,"special":true}],\
                "normalizer":{"type":"NFC"},"pre_tokenizer":{"type":"ByteLevel","add_prefix_space":false,\
                "trim_offsets":true,"use_regex":true},"post_processor":null,"decoder":{"type":"ByteLevel"},\
                "model":{"type":"BPE","dropout":null,"unk_token":null,"continuing_subword_prefix":null,\
                "end_of_word_suffix":null,"fuse_unk":false,"byte_fallback":false,"ignore_merges":false,\
                "vocab":{"a":0,"b":1,"ab":2,"<s>":3},"merges":[["a","b"]]}}\
                """);
            case JSON ->
                text(seed, "{\"n\": [1, 2.5e-3, -7], \"t\": true, \"o\": {\"x\": null, \"s\": \"\\u00e9\\n\"}}");
            case CONFIG -> configs(folder);
            case TEMPLATE -> text(seed, """
                {% for m in messages %}{{ m.role | upper }}: {{ m['content'] | trim }}{% endfor %}\
                {% set x = namespace(n=1) %}{% if x.n is defined and 2 > 1 %}{{ [1, 2] | join(',') }}{% endif %}\
                {% macro f(a, b=2) %}{{ a ~ b }}{% endmacro %}{{ f(range(3) | list) }}\
                """);
        }
    }

    private static void text(Path file, String text) throws IOException {
        Files.write(file, text.getBytes(StandardCharsets.UTF_8));
    }

    private static void safetensors(Path file) {
        try (Arena arena = Arena.ofConfined()) {
            Map<String, Tensor> tensors = new LinkedHashMap<>();
            tensors.put("a", Tensor.of(arena, new float[] {1, 2, 3, 4}, 2, 2));
            tensors.put("b.weight", Tensor.zeros(arena, DType.F8_E4M3, 2, 2));
            tensors.put("b.weight_scale_inv", Tensor.of(arena, DType.BF16, new double[] {1}, 1, 1));
            tensors.put("c_blocks", Tensor.zeros(arena, DType.U8, 1, 16));
            tensors.put("c_scales", Tensor.zeros(arena, DType.U8, 1));
            SafetensorsWriter.write(file, tensors, Map.of("format", "pt"));
        }
    }

    private static void gguf(Path folder) {
        for (String model : List.of("llama", "gpt2", "bert", "t5")) {
            try (var arena = Arena.ofConfined();
                    var writer = GgufWriter.create(folder.resolve("seed-" + model))) {
                writer.put("general.architecture", GgufValue.text("llama"));
                writer.put("split.count", GgufValue.u32(1));
                writer.put("tokenizer.ggml.model", GgufValue.text(model));
                writer.put("tokenizer.ggml.pre", GgufValue.text("llama-bpe"));
                writer.put("tokenizer.ggml.tokens", GgufValue.texts(List.of("<unk>", "<s>", "</s>", "a", "b", "ab")));
                writer.put("tokenizer.ggml.scores", GgufValue.floats(0, 0, 0, -1, -2, -3));
                writer.put("tokenizer.ggml.token_type", GgufValue.integers(2, 3, 3, 1, 1, 1));
                writer.put("tokenizer.ggml.merges", GgufValue.texts(List.of("a b")));
                writer.put("tokenizer.ggml.bos_token_id", GgufValue.u32(1));
                writer.declare("a", DType.F32, new Shape(2, 2));
                writer.declare("b", DType.Q4_K, new Shape(1, 256));
                writer.write("a", Tensor.of(arena, new float[] {1, 2, 3, 4}, 2, 2));
                writer.write("b", Tensor.zeros(arena, DType.Q4_K, 1, 256));
                writer.commit();
            }
        }
    }

    private static void llama2cVocabulary(Path file) throws IOException {
        ByteBuffer bytes =
                ByteBuffer.allocate(1024).order(ByteOrder.LITTLE_ENDIAN).putInt(4);
        for (String piece : List.of("<unk>", "\n<s>\n", "\n</s>\n", "a", "b", "ab")) {
            byte[] utf8 = piece.getBytes(StandardCharsets.UTF_8);
            bytes.putFloat(-1).putInt(utf8.length).put(utf8);
        }
        Files.write(file, Arrays.copyOf(bytes.array(), bytes.position()));
    }

    private static void sentencePiece(Path file) throws IOException {
        ByteBuffer bytes = ByteBuffer.allocate(1024).order(ByteOrder.LITTLE_ENDIAN);
        int kind = 2;
        for (String piece : List.of("<unk>", "<s>", "</s>", "\u2581a", "b", "ab")) {
            byte[] utf8 = piece.getBytes(StandardCharsets.UTF_8);
            bytes.put((byte) 0x0a)
                    .put((byte) (utf8.length + 9))
                    .put((byte) 0x0a)
                    .put((byte) utf8.length);
            bytes.put(utf8).put((byte) 0x15).putFloat(-1).put((byte) 0x18).put((byte) kind);
            kind = piece.equals("</s>") ? 1 : piece.startsWith("<") ? 3 : 1;
        }
        Files.write(file, Arrays.copyOf(bytes.array(), bytes.position()));
    }

    private static void configs(Path folder) throws IOException {
        text(folder.resolve("llama"), """
            {"model_type":"llama","hidden_size":8,"intermediate_size":16,"num_hidden_layers":2,\
            "num_attention_heads":2,"num_key_value_heads":1,"vocab_size":10,"max_position_embeddings":32,\
            "rms_norm_eps":1e-5,"rope_theta":10000.0,"tie_word_embeddings":true,"hidden_act":"silu",\
            "rope_scaling":{"rope_type":"llama3","factor":8.0,"low_freq_factor":1.0,"high_freq_factor":4.0,\
            "original_max_position_embeddings":16}}\
            """);
        text(folder.resolve("gpt2"), """
            {"model_type":"gpt2","n_embd":8,"n_layer":2,"n_head":2,"vocab_size":10,"n_positions":32,\
            "layer_norm_epsilon":1e-5,"activation_function":"gelu_new"}\
            """);
    }
}
