package clearhead.io;

import clearhead.tensor.DType;
import clearhead.tensor.Layout;
import clearhead.tensor.Shape;
import clearhead.tensor.Tensor;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/// A llama2.c `.bin` of version 0: seven numbers, then all weights in float32, those of one kind of
/// all layers together. Tensors have the names of a Hugging Face Llama, but rows of queries and keys
/// lie as llama2.c rotates them: neighbours are a pair (`Pairing.NEIGHBOURS` in words of the engine),
/// where Hugging Face pairs the halves of a head.
public final class Llama2c implements Checkpoint {
    private static final int HEADER_BYTES = 28;
    private static final int MAX_LAYERS = 4096;

    /// `ak42`, which later versions begin with.
    private static final int LATER_MAGIC = 0x616b3432;

    private static final ValueLayout.OfInt I32 = ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    private record Place(Shape shape, long offset) {}

    private final MappedFile file;
    private final int dim;
    private final int hidden;
    private final int layers;
    private final int heads;
    private final int kvHeads;
    private final int vocab;
    private final int context;
    private final boolean tied;
    private final Map<String, Place> places = new LinkedHashMap<>();

    private Llama2c(MappedFile file) {
        this.file = file;
        if (file.size() < HEADER_BYTES) {
            throw wrong("wanted a header of " + HEADER_BYTES + " bytes, found " + file.size());
        }
        if (file.memory().get(I32, 0) == LATER_MAGIC) {
            throw wrong("wanted llama2.c version 0, found version "
                    + file.memory().get(I32, 4) + "; export it with --version 0");
        }
        dim = size("dim", 0);
        hidden = size("hidden_dim", 1);
        layers = size("n_layers", 2);
        if (layers > MAX_LAYERS) {
            throw wrong("n_layers: wanted at most " + MAX_LAYERS + ", found " + layers);
        }
        heads = size("n_heads", 3);
        kvHeads = size("n_kv_heads", 4);
        int signed = file.memory().get(I32, 5 * 4);
        tied = signed > 0;
        vocab = checked("vocab_size", Math.abs(signed));
        context = size("seq_len", 6);
        if (dim % heads != 0 || heads % kvHeads != 0 || dim / heads % 2 != 0) {
            throw wrong("wanted n_heads to divide dim into even heads and n_kv_heads to divide n_heads,"
                    + " found dim " + dim + ", n_heads " + heads + ", n_kv_heads "
                    + kvHeads + "; this is no llama2.c file, or it is damaged");
        }
        long wanted = wantedBytes();
        if (wanted != file.size()) {
            throw wrong("wanted " + (wanted < 0 ? "more than 2^63" : wanted)
                    + " bytes for the sizes in its header, found " + file.size()
                    + (wanted < 0 || wanted > file.size()
                            ? "; the file is cut short, or it is no llama2.c file"
                            : "; it is no llama2.c file of version 0"));
        }
        placeAll();
    }

    /// Opens a `.bin` file.
    public static Llama2c open(Path path) {
        MappedFile file = MappedFile.open(path);
        try {
            return new Llama2c(file);
        } catch (RuntimeException | Error e) {
            file.close();
            throw e;
        }
    }

    private int size(String name, int index) {
        return checked(name, file.memory().get(I32, index * 4L));
    }

    private int checked(String name, int value) {
        if (value < 1) {
            throw wrong(name + ": wanted at least 1, found " + value + "; this is no llama2.c file, or it is damaged");
        }
        return value;
    }

    /// Bytes of the whole file; negative if no file is as long.
    private long wantedBytes() {
        long kvDim = (long) dim / heads * kvHeads;
        try {
            long layer = Math.multiplyExact(2L * dim + 2 * kvDim, (long) dim);
            layer = Math.addExact(layer, Math.multiplyExact(3L * hidden, (long) dim));
            layer = Math.addExact(layer, 2L * dim);
            long all = Math.multiplyExact(layer, (long) layers);
            all = Math.addExact(all, Math.multiplyExact((tied ? 1L : 2L) * vocab, (long) dim));
            all = Math.addExact(all, dim + (long) context * (dim / heads));
            return Math.addExact(HEADER_BYTES, Math.multiplyExact(all, 4L));
        } catch (ArithmeticException _) {
            return -1;
        }
    }

    private void placeAll() {
        int kvDim = dim / heads * kvHeads;
        long at = HEADER_BYTES;
        at = place("model.embed_tokens.weight", at, vocab, dim);
        at = placeLayers("input_layernorm", at, dim);
        at = placeLayers("self_attn.q_proj", at, dim, dim);
        at = placeLayers("self_attn.k_proj", at, kvDim, dim);
        at = placeLayers("self_attn.v_proj", at, kvDim, dim);
        at = placeLayers("self_attn.o_proj", at, dim, dim);
        at = placeLayers("post_attention_layernorm", at, dim);
        at = placeLayers("mlp.gate_proj", at, hidden, dim);
        at = placeLayers("mlp.down_proj", at, dim, hidden);
        at = placeLayers("mlp.up_proj", at, hidden, dim);
        at = place("model.norm.weight", at, dim);
        // tables of cosines and sines, which are computed anew
        at += 4L * context * (dim / heads);
        if (!tied) {
            place("lm_head.weight", at, vocab, dim);
        }
    }

    private long placeLayers(String name, long at, int... dims) {
        long next = at;
        for (int i = 0; i < layers; i++) {
            next = place("model.layers." + i + "." + name + ".weight", next, dims);
        }
        return next;
    }

    private long place(String name, long at, int... dims) {
        var shape = new Shape(dims);
        places.put(name, new Place(shape, at));
        return at + 4 * shape.size();
    }

    private ModelFileException wrong(String problem) {
        return new ModelFileException(file.path(), problem);
    }

    /// The header in the words of a Hugging Face `config.json`.
    public Map<String, Object> config() {
        Map<String, Object> fields = new LinkedHashMap<>();
        fields.put("architectures", List.of("LlamaForCausalLM"));
        fields.put("model_type", "llama");
        fields.put("vocab_size", vocab);
        fields.put("max_position_embeddings", context);
        fields.put("hidden_size", dim);
        fields.put("intermediate_size", hidden);
        fields.put("num_hidden_layers", layers);
        fields.put("num_attention_heads", heads);
        fields.put("num_key_value_heads", kvHeads);
        fields.put("head_dim", dim / heads);
        fields.put("hidden_act", "silu");
        fields.put("rms_norm_eps", 1e-5);
        fields.put("rope_theta", 10000.0);
        fields.put("tie_word_embeddings", tied);
        fields.put("attention_bias", false);
        fields.put("mlp_bias", false);
        fields.put("bos_token_id", 1);
        fields.put("eos_token_id", 2);
        return fields;
    }

    @Override
    public Path source() {
        return file.path();
    }

    @Override
    public List<Entry> entries() {
        List<Entry> entries = new ArrayList<>();
        places.forEach((name, place) -> entries.add(
                new Entry(name, "F32", place.shape(), 4 * place.shape().size())));
        return Collections.unmodifiableList(entries);
    }

    @Override
    public boolean has(String name) {
        return places.containsKey(name);
    }

    @Override
    public Tensor tensor(String name) {
        Place place = places.get(name);
        if (place == null) {
            throw Names.absent(file.path(), name, places.keySet());
        }
        var data = file.memory().asSlice(place.offset(), 4 * place.shape().size());
        return new Tensor(DType.F32, place.shape(), Layout.ROWS, data);
    }

    /// The numbers of the header, by llama2.c's names.
    @Override
    public Map<String, Object> metadata() {
        Map<String, Object> fields = new LinkedHashMap<>();
        fields.put("dim", (long) dim);
        fields.put("hidden_dim", (long) hidden);
        fields.put("n_layers", (long) layers);
        fields.put("n_heads", (long) heads);
        fields.put("n_kv_heads", (long) kvHeads);
        fields.put("vocab_size", (long) vocab);
        fields.put("seq_len", (long) context);
        fields.put("shared_classifier", tied);
        return fields;
    }

    @Override
    public void close() {
        file.close();
    }
}
