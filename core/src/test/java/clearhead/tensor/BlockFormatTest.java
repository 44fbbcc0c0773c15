package clearhead.tensor;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/// Every quantized type against ggml's own library (`tools/golden/quants.py`): the floats of blocks of
/// random bytes with extreme scales, and the bytes of rows of floats. `-Dquants=FOLDER` compares with
/// more of them.
final class BlockFormatTest {
    static Stream<DType> quantized() {
        return Arrays.stream(DType.values()).filter(DType::isQuantized);
    }

    @ParameterizedTest
    @MethodSource("quantized")
    void decodesToTheBit(DType type) throws IOException {
        byte[] bytes = golden(type + ".blocks");
        float[] wanted = floats(golden(type + ".floats"));
        try (Arena arena = Arena.ofConfined()) {
            Tensor t = tensor(arena, type, bytes);
            float[] found = t.toFloats();
            for (int i = 0; i < wanted.length; i++) {
                assertEquals(
                        Float.floatToIntBits(wanted[i]),
                        Float.floatToIntBits(found[i]),
                        type + ", element " + i + ": " + wanted[i] + ", found " + found[i]);
            }
        }
    }

    @ParameterizedTest
    @MethodSource("quantized")
    void encodesToTheByte(DType type) throws IOException {
        float[] values = floats(golden("rows.floats"));
        byte[] wanted = golden(type + ".bytes");
        try (Arena arena = Arena.ofConfined()) {
            Tensor t = Tensor.zeros(arena, type, values.length);
            int differing = 0;
            for (int block = 0; block < values.length / type.blockSize(); block++) {
                long at = (long) block * type.blockBytes();
                type.blocks().encode(values, block * type.blockSize(), t.data(), at);
                byte[] found = t.data().asSlice(at, type.blockBytes()).toArray(ValueLayout.JAVA_BYTE);
                if (type == DType.MXFP4 && largest(values, block) < 0x1p-124f) {
                    // ggml lets the exponent wrap round to that of huge numbers
                    assertEquals(0, found[0], "the least exponent");
                    continue;
                }
                byte[] other = Arrays.copyOfRange(wanted, (int) at, (int) at + found.length);
                differing += Arrays.equals(found, other) ? 0 : 1;
            }
            assertEquals(0, differing, "blocks of " + type + " that differ, of " + values.length / type.blockSize());
        }
    }

    @ParameterizedTest
    @MethodSource("quantized")
    void knowsWhichBlocksAreFinite(DType type) throws IOException {
        byte[] bytes = golden(type + ".blocks");
        float[] floats = floats(golden(type + ".floats"));
        try (Arena arena = Arena.ofConfined()) {
            Tensor t = tensor(arena, type, bytes);
            int finiteBlocks = 0;
            for (int block = 0; block < floats.length / type.blockSize(); block++) {
                boolean finite = type.blocks().isFinite(t.data(), (long) block * type.blockBytes());
                boolean all = true;
                for (int i = 0; i < type.blockSize(); i++) {
                    all &= Float.isFinite(floats[block * type.blockSize() + i]);
                }
                assertFalse(finite && !all, type + ", block " + block);
                finiteBlocks += finite ? 1 : 0;
            }
            assertTrue(finiteBlocks > 0);
        }
    }

    /// What lies inside a block is found as in the whole.
    @ParameterizedTest
    @MethodSource("quantized")
    void readsPartsOfBlocks(DType type) throws IOException {
        try (Arena arena = Arena.ofConfined()) {
            Tensor t = tensor(arena, type, golden(type + ".blocks"));
            float[] all = t.toFloats();
            for (int first : new int[] {0, 5, 255, 300, 512}) {
                var part = new float[700];
                t.floats(first, 690, part, 7);
                assertArrayEquals(
                        Arrays.copyOfRange(all, first, first + 690), Arrays.copyOfRange(part, 7, 697), type.toString());
                assertEquals((double) all[first], t.at(first));
            }
        }
    }

    @Test
    void mxfp4IsFp4TimesAPowerOfTwo() {
        var bytes = new byte[17];
        bytes[0] = (byte) (127 + 3);
        bytes[1] = (byte) 0xf7; // 6 and −6
        bytes[2] = 0x21; // 0.5 and 1
        try (Arena arena = Arena.ofConfined()) {
            float[] values = tensor(arena, DType.MXFP4, bytes).toFloats();
            assertEquals(48, values[0]);
            assertEquals(-48, values[16]);
            assertEquals(4, values[1]);
            assertEquals(8, values[17]);
        }
    }

    private static float largest(float[] values, int block) {
        float largest = 0;
        for (int i = block * 32; i < (block + 1) * 32; i++) {
            largest = Math.max(largest, Math.abs(values[i]));
        }
        return largest;
    }

    private static Tensor tensor(Arena arena, DType type, byte[] bytes) {
        Tensor t = Tensor.zeros(arena, type, bytes.length / type.blockBytes() * type.blockSize());
        MemorySegment.copy(bytes, 0, t.data(), ValueLayout.JAVA_BYTE, 0, bytes.length);
        return t;
    }

    private static float[] floats(byte[] bytes) {
        var floats = new float[bytes.length / 4];
        ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).asFloatBuffer().get(floats);
        return floats;
    }

    private static byte[] golden(String name) throws IOException {
        Optional<String> folder = Optional.ofNullable(System.getProperty("quants"));
        if (folder.isPresent()) {
            return Files.readAllBytes(Path.of(folder.get(), name));
        }
        try (InputStream in = BlockFormatTest.class.getResourceAsStream("quants/" + name)) {
            if (in == null) {
                throw new IOException("no resource quants/" + name);
            }
            return in.readAllBytes();
        }
    }
}
