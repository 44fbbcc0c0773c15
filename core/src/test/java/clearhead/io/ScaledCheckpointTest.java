package clearhead.io;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import clearhead.tensor.DType;
import clearhead.tensor.Shape;
import clearhead.tensor.Tensor;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class ScaledCheckpointTest {
    @TempDir
    private Path folder;

    private final Arena arena = Arena.ofAuto();

    private Checkpoint written(Map<String, Tensor> tensors) {
        Path file = folder.resolve("model.safetensors");
        SafetensorsWriter.write(file, tensors, Map.of());
        return Safetensors.open(file);
    }

    private Tensor bytes(double value, int... dims) {
        Tensor t = Tensor.zeros(arena, DType.F8_E4M3, dims);
        for (long i = 0; i < t.size(); i++) {
            t.set(i, value);
        }
        return t;
    }

    /// 130 × 260 elements have 2 × 3 scales.
    @Test
    void blocksOf128By128() {
        Map<String, Tensor> tensors = new LinkedHashMap<>();
        tensors.put("x.weight", bytes(1.5, 130, 260));
        tensors.put("x.weight_scale_inv", Tensor.of(arena, new float[] {1, 2, 4, 8, 16, 32}, 2, 3));
        tensors.put("y", Tensor.of(arena, new float[] {7}, 1));
        try (Checkpoint checkpoint = written(tensors)) {
            assertFalse(checkpoint.has("x.weight_scale_inv"));
            assertEquals(
                    List.of("x.weight", "y"),
                    checkpoint.names().stream().sorted().toList());
            Tensor x = checkpoint.tensor("x.weight");
            assertEquals(DType.F32, x.type());
            assertEquals(1.5, x.at(0));
            assertEquals(1.5, x.at(127 * 260 + 127));
            assertEquals(3, x.at(128));
            assertEquals(6, x.at(259));
            assertEquals(12, x.at(128 * 260));
            assertEquals(48, x.at(130 * 260 - 1));
            assertEquals(7, checkpoint.tensor("y").at(0));
        }
    }

    @Test
    void oneScaleAndOneForEachRow() {
        Map<String, Tensor> tensors = new LinkedHashMap<>();
        tensors.put("a", bytes(3, 2, 5));
        tensors.put("a_scale", Tensor.of(arena, DType.BF16, new double[] {0.5}));
        tensors.put("b", bytes(-2, 3, 5));
        tensors.put("b_scale", Tensor.of(arena, new float[] {1, 2, 3}, 3, 1));
        try (Checkpoint checkpoint = written(tensors)) {
            Tensor a = checkpoint.tensor("a");
            assertEquals(DType.BF16, a.type());
            assertArrayEquals(new float[] {1.5f, 1.5f, 1.5f, 1.5f, 1.5f, 1.5f, 1.5f, 1.5f, 1.5f, 1.5f}, a.toFloats());
            Tensor b = checkpoint.tensor("b");
            assertArrayEquals(new float[] {-2, -2, -2, -2, -2}, b.rows(0, 1).toFloats());
            assertArrayEquals(new float[] {-6, -6, -6, -6, -6}, b.rows(2, 3).toFloats());
        }
    }

    @Test
    void floatsWithoutScalesAreWhatTheyAre() {
        try (Checkpoint checkpoint = written(Map.of("a", bytes(3, 2, 2)))) {
            assertEquals(DType.F8_E4M3, checkpoint.tensor("a").type());
            assertArrayEquals(new float[] {3, 3, 3, 3}, checkpoint.tensor("a").toFloats());
        }
    }

    @Test
    void scalesOfAnotherShapeAreRefused() {
        Map<String, Tensor> tensors = new LinkedHashMap<>();
        tensors.put("a", bytes(3, 4, 64));
        tensors.put("a_scale", Tensor.of(arena, new float[8], 4, 2));
        try (Checkpoint checkpoint = written(tensors)) {
            var e = assertThrows(ModelFileException.class, () -> checkpoint.tensor("a"));
            assertTrue(String.valueOf(e.getMessage()).contains("found scales [4, 2]"), e.getMessage());
        }
    }

    /// gpt-oss keeps number 2i in the low and 2i + 1 in the high half of byte i.
    @Test
    void blocksAndScalesAreMxfp4() {
        Tensor blocks = Tensor.zeros(arena, DType.U8, 2, 3, 1, 16);
        Tensor scales = Tensor.zeros(arena, DType.U8, 2, 3, 1);
        for (int i = 0; i < scales.size(); i++) {
            scales.set(i, 127 + i);
            for (int j = 0; j < 16; j++) {
                blocks.set(i * 16L + j, (j + 1) % 16 << 4 | j);
            }
        }
        Map<String, Tensor> tensors = new LinkedHashMap<>();
        tensors.put("experts.up_blocks", blocks);
        tensors.put("experts.up_scales", scales);
        float[] numbers = {0, 0.5f, 1, 1.5f, 2, 3, 4, 6, 0, -0.5f, -1, -1.5f, -2, -3, -4, -6};
        try (Checkpoint checkpoint = written(tensors)) {
            assertEquals(List.of("experts.up"), checkpoint.names());
            assertEquals(
                    new Checkpoint.Entry("experts.up", "MXFP4", new Shape(2, 3, 32), 6 * 17),
                    checkpoint.entries().getFirst());
            float[] found = checkpoint.tensor("experts.up").toFloats();
            for (int i = 0; i < 6; i++) {
                for (int j = 0; j < 16; j++) {
                    assertEquals(numbers[j] * (1 << i), found[i * 32 + 2 * j]);
                    assertEquals(numbers[(j + 1) % 16] * (1 << i), found[i * 32 + 2 * j + 1]);
                }
            }
        }
    }
}
