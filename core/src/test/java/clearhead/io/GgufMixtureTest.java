package clearhead.io;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import clearhead.tensor.DType;
import clearhead.tensor.Shape;
import clearhead.tensor.Tensor;
import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.Arena;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// The choice of types against llama.cpp's own (`tools/golden/mixtures.py`).
final class GgufMixtureTest {
    @TempDir
    private Path folder;

    private static List<String> golden() throws IOException {
        try (InputStream in = GgufMixtureTest.class.getResourceAsStream("mixtures.txt")) {
            if (in == null) {
                throw new IOException("no resource mixtures.txt");
            }
            return new String(in.readAllBytes(), StandardCharsets.UTF_8).lines().toList();
        }
    }

    @Test
    void everyTensorHasTheTypeThatLlamaCppGivesIt() throws IOException {
        Map<String, String> model = new LinkedHashMap<>();
        int compared = 0;
        for (String line : golden()) {
            String[] words = line.split(" ");
            if (words[0].equals("model")) {
                model.clear();
                Arrays.stream(words).skip(1).map(w -> w.split("=")).forEach(w -> model.put(w[0], w[1]));
                continue;
            }
            String label = words[0].substring(0, words[0].length() - 1);
            GgufMixture mixture = GgufMixture.named(label).orElseThrow();
            assertEquals(label, mixture.label());
            Map<String, DType> wanted = new LinkedHashMap<>();
            Map<String, Shape> shapes = new LinkedHashMap<>();
            Arrays.stream(words).skip(1).map(w -> w.split("=")).forEach(w -> types(model, w[0], w[1], wanted, shapes));
            Map<String, DType> found = mixture.types(facts(model), shapes);
            wanted.forEach((name, type) ->
                    assertEquals(type, found.getOrDefault(name, DType.F32), model + ", " + label + ", " + name));
            compared += wanted.size();
        }
        assertTrue(compared > 20_000, compared + " types compared");
    }

    private static int number(Map<String, String> model, String key) {
        return Integer.parseInt(model.getOrDefault(key, "0"));
    }

    private static GgufMixture.Facts facts(Map<String, String> model) {
        return new GgufMixture.Facts(
                model.getOrDefault("architecture", ""),
                number(model, "layers"),
                number(model, "heads") / number(model, "keys"),
                number(model, "experts"));
    }

    /// Runs such as `Q6_K*2,Q4_K*2` of a kind of tensor, over the layers.
    private static void types(
            Map<String, String> model, String kind, String runs, Map<String, DType> types, Map<String, Shape> shapes) {
        int layer = 0;
        for (String run : runs.split(",")) {
            String[] parts = run.split("\\*");
            for (int i = 0; i < Integer.parseInt(parts[1]); i++) {
                boolean inLayer = kind.startsWith("attn") || kind.startsWith("ffn");
                String name = (inLayer ? "blk." + layer++ + "." : "") + kind + ".weight";
                types.put(name, DType.valueOf(parts[0]));
                shapes.put(name, shape(model, kind));
            }
        }
    }

    private static Shape shape(Map<String, String> model, String kind) {
        int dim = number(model, "dim");
        int experts = number(model, "experts");
        if (kind.endsWith("_norm")) {
            return new Shape(dim);
        }
        if (kind.endsWith("_exps")) {
            return kind.contains("down") ? new Shape(experts, dim, 256) : new Shape(experts, 256, dim);
        }
        return kind.equals("ffn_down") ? new Shape(dim, 256) : new Shape(256, dim);
    }

    @Test
    void namesAreTakenAsPeopleWriteThem() {
        assertEquals(Optional.of(GgufMixture.Q4_K_M), GgufMixture.named("Q4_K"));
        assertEquals(Optional.of(GgufMixture.Q5_K_S), GgufMixture.named("q5-k-s"));
        assertEquals(Optional.of(GgufMixture.IQ4_XS), GgufMixture.named("iq4_xs"));
        assertEquals(Optional.empty(), GgufMixture.named("q9_k"));
    }

    @Test
    void quantizesAFileAndKeepsItsMetadata() {
        Path source = folder.resolve("source.gguf");
        var random = new Random(1);
        try (Arena arena = Arena.ofConfined();
                GgufWriter writer = GgufWriter.create(source)) {
            writer.put("general.architecture", GgufValue.text("any"));
            writer.put("tokens", GgufValue.texts(List.of("a", "b")));
            Tensor matrix = Tensor.zeros(arena, DType.F32, 8, 256);
            for (long i = 0; i < matrix.size(); i++) {
                matrix.set(i, random.nextGaussian());
            }
            writer.declare("blk.0.x.weight", DType.F32, matrix.shape());
            writer.declare("blk.0.x.bias", DType.F32, new Shape(8));
            writer.write("blk.0.x.weight", matrix);
            writer.write("blk.0.x.bias", Tensor.of(arena, new float[8], 8));
            writer.commit();
        }
        Path target = folder.resolve("target.gguf");
        try (Gguf gguf = Gguf.open(source)) {
            GgufQuantizer.Result result = GgufQuantizer.quantize(gguf, GgufMixture.Q5_K_M, target);
            assertEquals(Map.of(DType.Q5_K, 1, DType.F32, 1), result.types());
            assertEquals(8 * 256 * 4 + 32, result.sourceBytes());
        }
        try (Gguf before = Gguf.open(source);
                Gguf after = Gguf.open(target)) {
            assertEquals(17L, after.metadata().get("general.file_type"));
            assertEquals(before.metadata().get("tokens"), after.metadata().get("tokens"));
            assertEquals(List.of("blk.0.x.weight", "blk.0.x.bias"), after.names());
            float[] wanted = before.tensor("blk.0.x.weight").toFloats();
            float[] found = after.tensor("blk.0.x.weight").toFloats();
            for (int i = 0; i < wanted.length; i++) {
                assertEquals(wanted[i], found[i], 0.2);
            }
        }
    }
}
