package clearhead.io;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assertions.fail;

import clearhead.io.GgufValue.Type;
import clearhead.tensor.DType;
import clearhead.tensor.Shape;
import clearhead.tensor.Tensor;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.function.Function;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Damages small valid files in thousands of ways. Nothing but a [ModelFileException] may come out,
/// and opening allocates no more than the file justifies.
final class HostileFilesTest {
    /// More of them: `-Dclearhead.fuzz=100000`.
    private static final int ROUNDS = Integer.getInteger("clearhead.fuzz", 1000);

    /// What opening any file may cost, and what each of its bytes may.
    private static final long ALLOWED_BYTES = 400_000;

    private static final long ALLOWED_PER_BYTE = 400;

    @TempDir
    private Path folder;

    @Test
    void safetensors() throws IOException {
        Path valid = folder.resolve("valid.safetensors");
        try (var arena = Arena.ofConfined()) {
            Map<String, Tensor> tensors = new LinkedHashMap<>();
            tensors.put("a", Tensor.of(arena, new float[] {1, 2, 3, 4}, 2, 2));
            tensors.put("b.weight", Tensor.of(arena, DType.BF16, new double[] {1, 2}, 2, 1));
            tensors.put("c", Tensor.of(arena, DType.U8, new double[] {7}));
            SafetensorsWriter.write(valid, tensors, Map.of("format", "pt"));
        }
        damage(valid, Safetensors::open, 1);
    }

    @Test
    void gguf() throws IOException {
        Path valid = folder.resolve("valid.gguf");
        try (var arena = Arena.ofConfined();
                var writer = GgufWriter.create(valid)) {
            writer.put("general.architecture", GgufValue.text("llama"));
            writer.put("n", GgufValue.u32(4));
            writer.put("tokens", GgufValue.texts(List.of("a", "bc", "")));
            writer.put("scores", GgufValue.floats(1, 2, 3));
            writer.put("nested", new GgufValue(Type.ARRAY, true, List.of(GgufValue.integers(1, 2))));
            writer.declare("a", DType.F32, new Shape(2, 2));
            writer.declare("b", DType.Q8_0, new Shape(1, 32));
            writer.write("a", Tensor.of(arena, new float[] {1, 2, 3, 4}, 2, 2));
            writer.write("b", Tensor.zeros(arena, DType.Q8_0, 1, 32));
            writer.commit();
        }
        damage(valid, Gguf::open, 2);
    }

    @Test
    void llama2c() throws IOException {
        int floats = 20 + 4 + 16 + 8 + 8 + 16 + 4 + 12 + 12 + 12 + 4 + 12;
        var bytes = ByteBuffer.allocate(28 + 4 * floats).order(ByteOrder.LITTLE_ENDIAN);
        bytes.putInt(4).putInt(3).putInt(1).putInt(2).putInt(1).putInt(5).putInt(6);
        Path valid = Files.write(folder.resolve("valid.bin"), bytes.array());
        damage(valid, Llama2c::open, 3);
    }

    @Test
    void json() throws IOException {
        Path valid = folder.resolve("valid.json");
        AtomicFile.writeText(
                valid,
                "{\"model_type\": \"llama\", \"n\": [1, 2.5e-3, -7], \"t\": true, \"o\": {\"x\": null,"
                        + " \"s\": \"\\u00e9\\n\"}}");
        byte[] bytes = Files.readAllBytes(valid);
        var random = new Random(4);
        for (int round = 0; round < ROUNDS; round++) {
            byte[] damaged = damaged(bytes, random);
            Path file = Files.write(folder.resolve("damaged.json"), damaged);
            try {
                Json.read(file).toText(true);
            } catch (ModelFileException _) {
                continue;
            }
        }
    }

    private void damage(Path valid, Function<Path, Checkpoint> open, long seed) throws IOException {
        byte[] bytes = Files.readAllBytes(valid);
        var random = new Random(seed);
        int refused = 0;
        assertTrue(reads(open, valid, "undamaged"));
        for (int round = 0; round < ROUNDS; round++) {
            byte[] damaged = damaged(bytes, random);
            Path file = Files.write(folder.resolve("damaged"), damaged);
            long before = allocated();
            if (!reads(open, file, "round " + round)) {
                refused++;
            }
            long cost = allocated() - before;
            assertTrue(
                    cost <= ALLOWED_BYTES + ALLOWED_PER_BYTE * damaged.length,
                    "round " + round + ": " + damaged.length + " bytes cost " + cost);
        }
        // flips in the data harm nobody; all else must be noticed
        assertTrue(refused > ROUNDS / 4, refused + " of " + ROUNDS + " refused");
    }

    private static boolean reads(Function<Path, Checkpoint> open, Path file, String round) {
        try (Checkpoint checkpoint = open.apply(file)) {
            assertFalse(checkpoint.metadata().toString().isEmpty());
            for (Checkpoint.Entry entry : checkpoint.entries()) {
                try {
                    Tensor tensor = checkpoint.tensor(entry.name());
                    for (long i = 0; i < tensor.size(); i++) {
                        tensor.at(i);
                    }
                } catch (ModelFileException _) {
                    continue;
                }
            }
            return true;
        } catch (ModelFileException _) {
            return false;
        } catch (RuntimeException | Error e) {
            return fail(round, e);
        }
    }

    private static long allocated() {
        return ManagementFactory.getThreadMXBean() instanceof com.sun.management.ThreadMXBean bean
                ? bean.getCurrentThreadAllocatedBytes()
                : 0;
    }

    /// Flips bits, overwrites numbers with extreme ones, cuts, doubles, removes or exchanges pieces.
    private static byte[] damaged(byte[] valid, Random random) {
        byte[] bytes = valid.clone();
        for (int times = 1 + random.nextInt(3); times > 0; times--) {
            int at = random.nextInt(Math.max(1, bytes.length));
            bytes = switch (bytes.length < 12 ? 0 : random.nextInt(7)) {
                case 0 -> Arrays.copyOf(bytes, at);
                case 1 -> Arrays.copyOf(bytes, bytes.length + random.nextInt(40));
                case 2 -> without(bytes, at, random.nextInt(9));
                case 3 -> extreme(bytes, at, random);
                case 4 -> swapped(bytes, at, random.nextInt(bytes.length));
                default -> flipped(bytes, at, random.nextInt(8));
            };
        }
        return bytes;
    }

    private static byte[] without(byte[] bytes, int at, int count) {
        int end = Math.min(bytes.length, at + count);
        byte[] shorter = new byte[bytes.length - (end - at)];
        System.arraycopy(bytes, 0, shorter, 0, at);
        System.arraycopy(bytes, end, shorter, at, bytes.length - end);
        return shorter;
    }

    private static byte[] extreme(byte[] bytes, int at, Random random) {
        long[] values = {0, -1, Long.MAX_VALUE, Long.MIN_VALUE, Integer.MAX_VALUE, 1L << 32, 1L << 61, 255};
        var number = ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN);
        number.putLong(values[random.nextInt(values.length)]);
        int size = random.nextBoolean() ? 8 : 4;
        // numbers stand mostly at multiples of four
        int place = Math.min(bytes.length - size, random.nextBoolean() ? at & -4 : at);
        System.arraycopy(number.array(), 0, bytes, place, size);
        return bytes;
    }

    private static byte[] swapped(byte[] bytes, int i, int j) {
        byte one = bytes[i];
        bytes[i] = bytes[j];
        bytes[j] = one;
        return bytes;
    }

    private static byte[] flipped(byte[] bytes, int at, int bit) {
        bytes[at] ^= (byte) (1 << bit);
        return bytes;
    }
}
