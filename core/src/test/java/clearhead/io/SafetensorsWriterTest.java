package clearhead.io;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import clearhead.tensor.DType;
import clearhead.tensor.Shape;
import clearhead.tensor.Tensor;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class SafetensorsWriterTest {
    @TempDir
    private Path folder;

    @Test
    void everyTypeComesBackAsItWasWritten() {
        Path target = folder.resolve("all.safetensors");
        Map<String, Tensor> tensors = new LinkedHashMap<>();
        try (var arena = Arena.ofConfined()) {
            for (DType type : DType.values()) {
                if (!type.isQuantized()) {
                    double[] values = {0, 1, type == DType.BOOL ? 0 : 7};
                    tensors.put(type.name(), Tensor.of(arena, type, values, 3, 1));
                }
            }
            tensors.put("empty", Tensor.zeros(arena, DType.F32, 2, 0));
            tensors.put("scalar \"é\"", Tensor.of(arena, DType.F32, new double[] {2.5}));
            SafetensorsWriter.write(target, tensors, Map.of("made by", "a test"));
            try (Checkpoint read = Safetensors.open(target)) {
                assertEquals(Map.of("made by", "a test"), read.metadata());
                assertEquals(tensors.keySet(), Set.copyOf(read.names()));
                tensors.forEach((name, tensor) -> {
                    Tensor back = read.tensor(name);
                    assertEquals(tensor.type(), back.type());
                    assertEquals(tensor.shape(), back.shape());
                    assertEquals(-1, tensor.data().mismatch(back.data()));
                    assertEquals(0, (back.data().address()) % back.type().blockBytes(), name);
                });
            }
        }
    }

    @Test
    void valuesMayArriveInPiecesAndInAnyOrder() throws IOException {
        Path target = folder.resolve("run.safetensors");
        try (var arena = Arena.ofConfined();
                var writer = SafetensorsWriter.create(target)) {
            writer.declare("a", DType.F32, 2, 2).declare("b", DType.BF16, 3);
            long bytes = writer.bytes();
            writer.append("a", Tensor.of(arena, new float[] {1, 2}, 2));
            writer.write("b", Tensor.of(arena, new float[] {5, 6, 7}, 3));
            assertThrows(IllegalStateException.class, writer::commit);
            assertTrue(Files.notExists(target));
            writer.append("a", Tensor.of(arena, new float[] {3, 4}, 1, 2));
            assertThrows(
                    IllegalArgumentException.class, () -> writer.append("a", Tensor.of(arena, new float[] {3}, 1)));
            writer.commit();
            assertEquals(bytes, Files.size(target));
        }
        try (Checkpoint read = Safetensors.open(target)) {
            assertArrayEquals(new float[] {1, 2, 3, 4}, read.tensor("a").toFloats());
            assertEquals(new Shape(2, 2), read.tensor("a").shape());
            assertArrayEquals(new float[] {5, 6, 7}, read.tensor("b").toFloats());
        }
    }

    @Test
    void narrowingRoundsToNearestEvenAndRefusesOverflow() {
        Path target = folder.resolve("narrow.safetensors");
        float tie = 1 + 1f / 256; // half way between 1 and 1 + 1/128
        try (var arena = Arena.ofConfined();
                var writer = SafetensorsWriter.create(target)) {
            writer.declare("bf16", DType.BF16, 2).declare("f16", DType.F16, 1);
            writer.write("bf16", Tensor.of(arena, new float[] {tie, tie + 1f / 128}, 2));
            var e = assertThrows(
                    ModelFileException.class, () -> writer.write("f16", Tensor.of(arena, new float[] {7e4f}, 1)));
            assertTrue(e.getMessage().contains("choose BF16"), e.getMessage());
            writer.write("f16", Tensor.of(arena, new float[] {Float.NEGATIVE_INFINITY}, 1));
            writer.commit();
        }
        try (Checkpoint read = Safetensors.open(target)) {
            float[] expected = {1, 1 + 2f / 128};
            assertArrayEquals(expected, read.tensor("bf16").toFloats());
            assertEquals(Double.NEGATIVE_INFINITY, read.tensor("f16").at(0));
        }
    }

    @Test
    void aFullDiskLeavesNoFile() throws IOException {
        Assumptions.assumeTrue(Files.exists(AtomicFileTest.FULL), "no /dev/full here");
        Path target = folder.resolve("full.safetensors");
        try (var arena = Arena.ofConfined();
                var writer = SafetensorsWriter.create(target, AtomicFile.create(target, AtomicFileTest::full))) {
            writer.declare("a", DType.F32, 1);
            Tensor one = Tensor.of(arena, new float[] {1}, 1);
            assertThrows(ModelFileException.class, () -> writer.write("a", one));
        }
        try (var files = Files.list(folder)) {
            assertEquals(List.of(), files.toList());
        }
    }

    @Test
    void whatCannotFitIsRefusedAtOnce() {
        Path target = folder.resolve("huge.safetensors");
        try (var arena = Arena.ofConfined();
                var writer = SafetensorsWriter.create(target)) {
            writer.declare("a", DType.F32, 1 << 30, 1 << 20);
            Tensor one = Tensor.of(arena, new float[] {1}, 1);
            var e = assertThrows(ModelFileException.class, () -> writer.append("a", one));
            assertTrue(e.getMessage().contains("free space"), e.getMessage());
        }
    }

    @Test
    void quantizedTypesAreRefused() {
        try (var writer = SafetensorsWriter.create(folder.resolve("q.safetensors"))) {
            assertThrows(ModelFileException.class, () -> writer.declare("a", DType.Q8_0, 32));
        }
    }
}
