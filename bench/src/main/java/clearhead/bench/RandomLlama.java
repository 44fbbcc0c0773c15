package clearhead.bench;

import clearhead.io.Gguf;
import clearhead.io.GgufValue;
import clearhead.io.GgufWriter;
import clearhead.tensor.DType;
import clearhead.tensor.Shape;
import clearhead.tensor.Tensor;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;

/// A GGUF in the shape of Llama 3.2 1B (1.24 billion weights, head and embedding tied) with random
/// weights and a made-up but valid BPE vocabulary of 128,256 tokens. The same file every time.
final class RandomLlama {
    static final int VOCAB = 128_256;

    /// The first of the 256 control tokens.
    static final int CONTROL = 128_000;

    private static final int DIM = 2048;
    private static final int LAYERS = 16;
    private static final int HEADS = 32;
    private static final int KV_HEADS = 8;
    private static final int HEAD_DIM = 64;
    private static final int HIDDEN = 8192;
    private static final int CONTEXT = 131_072;

    private static final int CHUNK = 1 << 19;
    private static final int CHUNKS = 8;
    private static final float DEVIATION = 0.02f;

    private static final ValueLayout.OfFloat F32 = ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    private RandomLlama() {}

    /// Writes the file; matrices have the type, vectors are F32.
    static void write(Path path, DType type) throws IOException {
        Map<String, Shape> matrices = matrices();
        try (var arena = Arena.ofShared();
                var writer = GgufWriter.create(path)) {
            metadata(writer);
            matrices.forEach((name, shape) -> writer.declare(name, type, shape));
            Map<String, Tensor> vectors = vectors(arena);
            vectors.forEach((name, values) -> writer.declare(name, DType.F32, values.shape()));
            Path stored = path.resolveSibling(path.getFileName() + ".chunks");
            writeChunks(stored, type);
            try (var chunks = Gguf.open(stored)) {
                fill(writer, matrices, chunks);
            } finally {
                Files.delete(stored);
            }
            vectors.forEach(writer::write);
            writer.commit();
        }
    }

    /// The same few pieces again and again: quantizing all anew takes minutes for some types.
    private static void fill(GgufWriter writer, Map<String, Shape> matrices, Gguf chunks) {
        int next = 0;
        for (var matrix : matrices.entrySet()) {
            long left = matrix.getValue().size();
            while (left > 0) {
                // every size here is a whole number of chunks
                writer.append(matrix.getKey(), chunks.tensor("chunk." + next));
                next = (next + 1) % CHUNKS;
                left -= CHUNK;
            }
        }
    }

    private static Map<String, Shape> matrices() {
        var all = new LinkedHashMap<String, Shape>();
        all.put("token_embd.weight", new Shape(VOCAB, DIM));
        for (int i = 0; i < LAYERS; i++) {
            String p = "blk." + i + ".";
            all.put(p + "attn_q.weight", new Shape(HEADS * HEAD_DIM, DIM));
            all.put(p + "attn_k.weight", new Shape(KV_HEADS * HEAD_DIM, DIM));
            all.put(p + "attn_v.weight", new Shape(KV_HEADS * HEAD_DIM, DIM));
            all.put(p + "attn_output.weight", new Shape(DIM, HEADS * HEAD_DIM));
            all.put(p + "ffn_gate.weight", new Shape(HIDDEN, DIM));
            all.put(p + "ffn_up.weight", new Shape(HIDDEN, DIM));
            all.put(p + "ffn_down.weight", new Shape(DIM, HIDDEN));
        }
        return all;
    }

    private static Map<String, Tensor> vectors(Arena arena) {
        var all = new LinkedHashMap<String, Tensor>();
        var ones = new float[DIM];
        Arrays.fill(ones, 1);
        for (int i = 0; i < LAYERS; i++) {
            all.put("blk." + i + ".attn_norm.weight", Tensor.of(arena, ones, DIM));
            all.put("blk." + i + ".ffn_norm.weight", Tensor.of(arena, ones, DIM));
        }
        all.put("output_norm.weight", Tensor.of(arena, ones, DIM));
        all.put("rope_freqs.weight", Tensor.of(arena, frequencyDivisors(), HEAD_DIM / 2));
        return all;
    }

    /// Llama 3's: factor 32, between wavelengths of 8192/4 and 8192/1.
    private static float[] frequencyDivisors() {
        var divisors = new float[HEAD_DIM / 2];
        for (int i = 0; i < divisors.length; i++) {
            double wavelength = 2 * Math.PI * Math.pow(500_000, 2.0 * i / HEAD_DIM);
            double smooth = Math.clamp((8192 / wavelength - 1) / 3, 0, 1);
            divisors[i] = (float) (1 / ((1 - smooth) / 32 + smooth));
        }
        return divisors;
    }

    private static void writeChunks(Path path, DType type) {
        try (var arena = Arena.ofShared();
                var writer = GgufWriter.create(path)) {
            for (int c = 0; c < CHUNKS; c++) {
                writer.declare("chunk." + c, type, new Shape(CHUNK / DIM, DIM));
            }
            Tensor floats = Tensor.zeros(arena, DType.F32, CHUNK / DIM, DIM);
            for (int c = 0; c < CHUNKS; c++) {
                var random = new SplittableRandom(c);
                for (long i = 0; i < CHUNK; i++) {
                    floats.data().set(F32, i * 4, (float) (random.nextGaussian() * DEVIATION));
                }
                writer.write("chunk." + c, floats);
            }
            writer.commit();
        }
    }

    private static void metadata(GgufWriter w) {
        w.put("general.architecture", GgufValue.text("llama"));
        w.put("general.name", GgufValue.text("Random Llama 1.24B"));
        w.put("llama.block_count", GgufValue.u32(LAYERS));
        w.put("llama.context_length", GgufValue.u32(CONTEXT));
        w.put("llama.embedding_length", GgufValue.u32(DIM));
        w.put("llama.feed_forward_length", GgufValue.u32(HIDDEN));
        w.put("llama.attention.head_count", GgufValue.u32(HEADS));
        w.put("llama.attention.head_count_kv", GgufValue.u32(KV_HEADS));
        w.put("llama.attention.key_length", GgufValue.u32(HEAD_DIM));
        w.put("llama.attention.value_length", GgufValue.u32(HEAD_DIM));
        w.put("llama.attention.layer_norm_rms_epsilon", GgufValue.f32(1e-5f));
        w.put("llama.rope.freq_base", GgufValue.f32(500_000));
        w.put("llama.rope.dimension_count", GgufValue.u32(HEAD_DIM));
        w.put("llama.vocab_size", GgufValue.u32(VOCAB));
        vocabulary(w);
    }

    /// The 256 bytes, then strings of 2 to 4 letters, each merged from two that came before.
    private static void vocabulary(GgufWriter w) {
        var tokens = new ArrayList<String>();
        var merges = new ArrayList<String>();
        for (int b = 0; b < 256; b++) {
            tokens.add(byteText(b));
        }
        var pairs = new ArrayList<String>();
        for (char a = 'a'; a <= 'z'; a++) {
            for (char b = 'a'; b <= 'z'; b++) {
                pairs.add("" + a + b);
                merges.add(a + " " + b);
            }
        }
        tokens.addAll(pairs);
        for (String pair : pairs) {
            for (char c = 'a'; c <= 'z'; c++) {
                tokens.add(pair + c);
                merges.add(pair + " " + c);
            }
        }
        for (int i = 0; tokens.size() < CONTROL; i++) {
            String left = pairs.get(i / pairs.size());
            String right = pairs.get(i % pairs.size());
            tokens.add(left + right);
            merges.add(left + " " + right);
        }
        var types = new int[VOCAB];
        Arrays.fill(types, 0, CONTROL, 1);
        Arrays.fill(types, CONTROL, VOCAB, 3);
        var named = Map.of(
                0,
                "begin_of_text",
                1,
                "end_of_text",
                6,
                "start_header_id",
                7,
                "end_header_id",
                8,
                "eom_id",
                9,
                "eot_id");
        for (int i = 0; tokens.size() < VOCAB; i++) {
            tokens.add("<|" + named.getOrDefault(i, "reserved_special_token_" + i) + "|>");
        }
        w.put("tokenizer.ggml.model", GgufValue.text("gpt2"));
        w.put("tokenizer.ggml.pre", GgufValue.text("llama-bpe"));
        w.put("tokenizer.ggml.tokens", GgufValue.texts(tokens));
        w.put("tokenizer.ggml.token_type", GgufValue.integers(types));
        w.put("tokenizer.ggml.merges", GgufValue.texts(merges));
        w.put("tokenizer.ggml.bos_token_id", GgufValue.u32(CONTROL));
        w.put("tokenizer.ggml.eos_token_id", GgufValue.u32(CONTROL + 9));
    }

    /// GPT-2's letter for a byte.
    private static String byteText(int b) {
        List<Integer> odd = new ArrayList<>();
        for (int i = 0; i < 256; i++) {
            boolean printable = i >= '!' && i <= '~' || i >= 0xa1 && i <= 0xac || i >= 0xae;
            if (!printable) {
                odd.add(i);
            }
        }
        int at = odd.indexOf(b);
        return Character.toString(at < 0 ? b : 256 + at);
    }

    /// Bytes of the header, about: what a file is larger than its tensors.
    static long bytes(DType type) {
        long tensors = matrices().values().stream()
                .mapToLong(shape -> type.bytes(shape.size()))
                .sum();
        return tensors + (8L << 20);
    }

    /// A text of about so many tokens.
    static String text(int tokens) {
        return "abcd ".repeat(Math.ceilDiv(tokens, 2)).strip();
    }
}
