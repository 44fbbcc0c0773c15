package clearhead.io;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;

import clearhead.io.GgufValue.Type;
import clearhead.tensor.DType;
import clearhead.tensor.Shape;
import clearhead.tensor.Tensor;
import clearhead.testing.SharedData;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class GgufWriterTest {
    @TempDir
    private Path folder;

    @Test
    void everyTypeOfValueComesBackAsItWasWritten() {
        Map<String, GgufValue> values = new LinkedHashMap<>();
        for (Type type : Type.values()) {
            Object one = switch (type) {
                case U8, I8, U16, I16, U32, I32, U64, I64 -> 100L;
                case F32 -> 0.5f;
                case F64 -> 0.1;
                case BOOL -> true;
                case STRING -> "é\n😀";
                case ARRAY -> GgufValue.integers(1, -2);
            };
            if (type != Type.ARRAY) {
                values.put("one." + type, new GgufValue(type, false, one));
            }
            Object many = switch (type) {
                case U8, I8, U16, I16, U32, I32 -> new int[] {1, 2, 100};
                case U64, I64 -> new long[] {-1, Long.MIN_VALUE};
                case F32 -> new float[] {1, Float.NaN};
                case F64 -> new double[] {};
                case BOOL -> List.of(true, false);
                case STRING -> List.of("", "a");
                case ARRAY -> List.of(one, GgufValue.texts(List.of("x")));
            };
            values.put("many." + type, new GgufValue(type, true, many));
        }
        Path target = folder.resolve("values.gguf");
        try (var writer = GgufWriter.create(target)) {
            values.forEach(writer::put);
            writer.commit();
        }
        try (Gguf read = Gguf.open(target)) {
            assertEquals(values.keySet(), read.values().keySet());
            values.forEach((key, value) -> {
                GgufValue back = read.values().getOrDefault(key, GgufValue.text(""));
                if (value.type() == Type.ARRAY) {
                    assertInstanceOf(List.class, back.value());
                } else {
                    assertArrayEquals(
                            new Object[] {value.type(), value.array(), value.value()},
                            new Object[] {back.type(), back.array(), back.value()});
                }
            });
            var nested = (List<?>) read.metadata().getOrDefault("many.ARRAY", List.of());
            assertArrayEquals(new Object[] {new int[] {1, -2}, List.of("x")}, nested.toArray());
        }
    }

    @Test
    void aCopyOfAModelIsTheSameFile() throws IOException {
        for (String name : List.of("F32", "F16", "Q8_0")) {
            Path path = SharedData.path("vectors/stories260K/stories260K-" + name + ".gguf");
            Path target = folder.resolve("copy.gguf");
            try (Gguf model = Gguf.open(path);
                    var writer = GgufWriter.create(target)) {
                model.values().forEach(writer::put);
                for (String tensor : model.names()) {
                    Tensor values = model.tensor(tensor);
                    writer.declare(tensor, values.type(), values.shape());
                }
                long bytes = writer.bytes();
                model.names().forEach(tensor -> writer.write(tensor, model.tensor(tensor)));
                writer.commit();
                assertEquals(bytes, Files.size(target));
            }
            assertEquals(-1, Files.mismatch(path, target), name);
        }
    }

    /// The published Q8_0 file was made from the F32 one by ggml's own quantizer.
    @Test
    void quantizingGivesThePublishedBytes() {
        Path stories = SharedData.path("vectors/stories260K");
        try (Gguf exact = Gguf.open(stories.resolve("stories260K-F32.gguf"));
                Gguf quantized = Gguf.open(stories.resolve("stories260K-Q8_0.gguf"));
                var arena = Arena.ofConfined()) {
            int compared = 0;
            for (String name : exact.names()) {
                Tensor wanted = quantized.tensor(name);
                if (wanted.type() == DType.Q8_0) {
                    Tensor found = Cast.to(exact.tensor(name), DType.Q8_0, arena);
                    assertEquals(-1, wanted.data().mismatch(found.data()), name);
                    compared++;
                }
            }
            assertEquals(32, compared);
        }
    }

    /// By hand: Q8_0 of 0…31: scale 31/127; Q4_0 of the same: scale 31/−8, so 31 becomes 0 and 0
    /// becomes 8; Q4_1: scale 31/15, minimum 0.
    @Test
    void blocksByHand() {
        try (var arena = Arena.ofConfined()) {
            var ramp = new float[32];
            for (int i = 0; i < 32; i++) {
                ramp[i] = i;
            }
            Tensor exact = Tensor.of(arena, ramp, 32);
            Tensor q8 = Cast.to(exact, DType.Q8_0, arena);
            assertEquals(127, q8.data().get(ValueLayout.JAVA_BYTE, 2 + 31));
            assertEquals(31, q8.at(31), 0.02);
            Tensor q4 = Cast.to(exact, DType.Q4_0, arena);
            assertEquals(31, q4.at(31), 0.02);
            assertEquals(0, q4.at(0), 1e-9);
            Tensor q41 = Cast.to(exact, DType.Q4_1, arena);
            assertEquals(31, q41.at(31), 0.02);
            assertEquals(0, q41.at(0), 1e-9);
            Tensor zeros = Tensor.zeros(arena, DType.F32, 32);
            for (DType type : List.of(DType.Q8_0, DType.Q4_0, DType.Q4_1)) {
                assertArrayEquals(new float[32], Cast.to(zeros, type, arena).toFloats(), 1e-9f);
                assertArrayEquals(
                        Cast.to(exact, type, arena).toFloats(),
                        Cast.to(Cast.to(exact, type, arena), DType.F32, arena).toFloats());
            }
            ramp[3] = Float.NaN;
            Tensor broken = Tensor.of(arena, ramp, 32);
            assertThrows(IllegalArgumentException.class, () -> Cast.to(broken, DType.Q8_0, arena));
        }
    }

    @Test
    void whatGgufCannotHoldIsRefused() {
        try (var writer = GgufWriter.create(folder.resolve("no.gguf"))) {
            String longName = "n".repeat(64);
            assertThrows(ModelFileException.class, () -> writer.declare(longName, DType.F32, new Shape(1)));
            assertThrows(ModelFileException.class, () -> writer.declare("a", DType.F32, new Shape(1, 1, 1, 1, 1)));
            assertThrows(ModelFileException.class, () -> writer.declare("a", DType.Q8_0, new Shape(32, 33)));
            assertThrows(ModelFileException.class, () -> writer.declare("a", DType.BOOL, new Shape(1)));
        }
    }
}
