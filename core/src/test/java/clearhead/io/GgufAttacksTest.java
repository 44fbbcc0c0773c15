package clearhead.io;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.management.ThreadMXBean;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.function.Consumer;
import org.junit.jupiter.api.Named;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/// The attacks on readers of GGUF that became public, byte by byte: CVE-2025-53630 (the sum of the
/// tensors' sizes wraps round), CVE-2026-27940 (it wraps round when the headers are added, past the mend
/// of the first), CVE-2026-33298 (one tensor's size wraps round), CVE-2026-7482 (offsets and sizes beyond
/// the file), and their relatives: counts, lengths, numbers of axes, alignments and nesting.
final class GgufAttacksTest {
    private static final int F32 = 0;
    private static final int U8 = 0;
    private static final int U32 = 4;
    private static final int STRING = 8;
    private static final int ARRAY = 9;
    private static final int U64 = 10;
    private static final long MOST = 0xffff_ffff_ffff_ffffL;

    @TempDir
    private Path folder;

    /// A GGUF file under construction.
    private static final class Raw {
        private final ByteBuffer bytes = ByteBuffer.allocate(8192).order(ByteOrder.LITTLE_ENDIAN);

        static Raw header(int version, long tensors, long values) {
            var raw = new Raw();
            raw.bytes.putInt(Gguf.MAGIC).putInt(version).putLong(tensors).putLong(values);
            return raw;
        }

        Raw u32(long number) {
            bytes.putInt((int) number);
            return this;
        }

        Raw u64(long number) {
            bytes.putLong(number);
            return this;
        }

        Raw text(String text) {
            byte[] utf8 = text.getBytes(StandardCharsets.UTF_8);
            bytes.putLong(utf8.length).put(utf8);
            return this;
        }

        Raw tensor(String name, int type, long offset, long... sizes) {
            text(name).u32(sizes.length);
            for (long size : sizes) {
                u64(size);
            }
            return u32(type).u64(offset);
        }

        /// Zeros up to the alignment, and so many bytes more.
        Raw data(int count) {
            while (bytes.position() % 32 != 0) {
                bytes.put((byte) 0);
            }
            bytes.put(new byte[count]);
            return this;
        }

        byte[] all() {
            byte[] all = new byte[bytes.position()];
            bytes.get(0, all);
            return all;
        }
    }

    private static Named<byte[]> file(String name, Consumer<Raw> rest, long tensors, long values) {
        Raw raw = Raw.header(3, tensors, values);
        rest.accept(raw);
        return Named.of(name, raw.all());
    }

    static List<Named<byte[]>> attacks() {
        long half = 1L << 30;
        return List.of(
                file(
                        "CVE-2025-53630: four sizes of 2^62 bytes wrap round to nothing",
                        raw -> {
                            for (int i = 0; i < 4; i++) {
                                raw.tensor("t" + i, F32, i * (1L << 62), half, half);
                            }
                            raw.tensor("last", F32, 0, 8).data(32);
                        },
                        5,
                        0),
                file(
                        "CVE-2026-27940: a size that wraps round with its padding",
                        raw -> raw.tensor("a", F32, 0, half, half, 2).data(64),
                        1,
                        0),
                file(
                        "CVE-2026-27940: an end that wraps round when the header is added",
                        raw -> {
                            raw.tensor("a", 24, 0, 0x7fff_ffe0L, 0x4000_0000L, 4);
                            raw.tensor("b", F32, 0x7fff_ffe0L * 0x1_0000_0000L, 8)
                                    .data(64);
                        },
                        2,
                        0),
                file(
                        "CVE-2026-33298: axes whose product wraps round",
                        raw -> raw.tensor("a", F32, 0, 4, (1L << 42) + 1, 1L << 20)
                                .data(64),
                        1,
                        0),
                file(
                        "CVE-2026-33298: a product of 2^64",
                        raw -> raw.tensor("a", F32, 0, 1 << 16, 1 << 16, 1 << 16, 1 << 16)
                                .data(64),
                        1,
                        0),
                file(
                        "CVE-2026-33298: blocks whose bytes wrap round",
                        raw -> raw.tensor("a", 14, 0, 1 << 30, 1 << 30, 8).data(64),
                        1,
                        0),
                file(
                        "CVE-2026-7482: a tensor larger than the file",
                        raw -> raw.tensor("a", F32, 0, 1000, 1000).data(64),
                        1,
                        0),
                file(
                        "CVE-2026-7482: an offset beyond the file",
                        raw -> raw.tensor("a", F32, 1 << 20, 4).data(64),
                        1,
                        0),
                file(
                        "CVE-2026-7482: a negative offset",
                        raw -> raw.tensor("a", F32, -32, 4).data(64),
                        1,
                        0),
                file(
                        "an offset into the tensor before",
                        raw -> raw.tensor("a", F32, 0, 32)
                                .tensor("b", F32, 32, 4)
                                .data(160),
                        2,
                        0),
                file("2^64 − 1 tensors", raw -> raw.data(64), MOST, 0),
                file("2^62 tensors", raw -> raw.data(64), 1L << 62, 0),
                file("2^63 values", raw -> raw.data(64), 0, Long.MIN_VALUE),
                file("2^59 values", raw -> raw.data(64), 0, 1L << 59),
                file("a key of 2^64 − 1 bytes", raw -> raw.u64(MOST).data(64), 0, 1),
                file("a key of 2^31 bytes", raw -> raw.u64(1L << 31).data(64), 0, 1),
                file(
                        "a string of 2^64 − 1 bytes",
                        raw -> raw.text("k").u32(STRING).u64(MOST).data(64),
                        0,
                        1),
                file(
                        "an array of 2^61 numbers of 8 bytes",
                        raw -> raw.text("k").u32(ARRAY).u32(U64).u64(1L << 61).data(64),
                        0,
                        1),
                file(
                        "an array of 2^64 − 1 bytes",
                        raw -> raw.text("k").u32(ARRAY).u32(U8).u64(MOST).data(64),
                        0,
                        1),
                file(
                        "an array of 2^40 strings",
                        raw -> raw.text("k")
                                .u32(ARRAY)
                                .u32(STRING)
                                .u64(1L << 40)
                                .data(64),
                        0,
                        1),
                file(
                        "arrays in arrays in arrays",
                        raw -> {
                            raw.text("k").u32(ARRAY);
                            for (int i = 0; i < 300; i++) {
                                raw.u32(ARRAY).u64(1);
                            }
                            raw.data(64);
                        },
                        0,
                        1),
                file("an unknown type of values", raw -> raw.text("k").u32(77).data(64), 0, 1),
                file("five axes", raw -> raw.tensor("a", F32, 0, 1, 1, 1, 1, 1).data(64), 1, 0),
                file("2^32 − 1 axes", raw -> raw.text("a").u32(MOST).data(64), 1, 0),
                file("2^31 axes", raw -> raw.text("a").u32(1L << 31).data(64), 1, 0),
                file("a negative size", raw -> raw.tensor("a", F32, 0, -4).data(64), 1, 0),
                file(
                        "an unknown type of elements",
                        raw -> raw.tensor("a", 1000, 0, 4).data(64),
                        1,
                        0),
                file(
                        "a type that was taken back",
                        raw -> raw.tensor("a", 4, 0, 32).data(64),
                        1,
                        0),
                file(
                        "a row that ends in a block",
                        raw -> raw.tensor("a", 12, 0, 128).data(144),
                        1,
                        0),
                alignment("alignment 0", U32, 0),
                alignment("alignment 3", U32, 3),
                alignment("alignment 2^31", U32, 1L << 31),
                alignment("alignment of 8 bits", U8, 32));
    }

    private static Named<byte[]> alignment(String name, int type, long value) {
        return file(
                name,
                raw -> {
                    raw.text("general.alignment").u32(type);
                    if (type == U8) {
                        raw.bytes.put((byte) value);
                    } else {
                        raw.u32(value);
                    }
                    raw.tensor("a", F32, 0, 4).data(64);
                },
                1,
                1);
    }

    @ParameterizedTest
    @MethodSource("attacks")
    void isRefusedAtOnce(byte[] bytes) throws IOException {
        Path path = Files.write(folder.resolve("hostile.gguf"), bytes);
        var threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
        open(path); // classes are loaded
        long before = threads.getCurrentThreadAllocatedBytes();
        ModelFileException e = open(path);
        long cost = threads.getCurrentThreadAllocatedBytes() - before;
        assertTrue(String.valueOf(e.getMessage()).contains("hostile.gguf"), e.getMessage());
        assertTrue(cost < 400_000, cost + " bytes for " + bytes.length);
    }

    private static ModelFileException open(Path path) {
        return assertThrows(ModelFileException.class, () -> Gguf.open(path).close());
    }

    /// Version 2 has the layout of version 3.
    @Test
    void readsVersion2() throws IOException {
        byte[] bytes = Raw.header(2, 1, 1)
                .text("general.architecture")
                .u32(STRING)
                .text("llama")
                .tensor("a", F32, 0, 4)
                .data(32)
                .all();
        try (Gguf gguf = Gguf.open(Files.write(folder.resolve("v2.gguf"), bytes))) {
            assertEquals("llama", gguf.metadata().get("general.architecture"));
            assertEquals(4, gguf.tensor("a").size());
        }
    }

    @Test
    void saysThatAFileIsBigEndian() throws IOException {
        ByteBuffer bytes =
                ByteBuffer.allocate(32).order(ByteOrder.LITTLE_ENDIAN).putInt(Gguf.MAGIC);
        bytes.order(ByteOrder.BIG_ENDIAN).putInt(3);
        Path path = Files.write(folder.resolve("big.gguf"), bytes.array());
        assertTrue(String.valueOf(open(path).getMessage()).contains("big-endian"));
    }

    /// A type that ggml has and this library has not: the file can be listed, the tensor not read.
    @Test
    void namesATypeThatItCannotRead() throws IOException {
        byte[] bytes = Raw.header(3, 1, 0).tensor("a", 16, 0, 256).data(96).all();
        try (Gguf gguf = Gguf.open(Files.write(folder.resolve("iq2.gguf"), bytes))) {
            assertEquals("IQ2_XXS", gguf.entries().getFirst().type());
            var e = assertThrows(ModelFileException.class, () -> gguf.tensor("a"));
            String message = String.valueOf(e.getMessage());
            assertTrue(message.contains("\"a\"") && message.contains("IQ2_XXS"), message);
            assertTrue(message.contains("IQ4_XS") && message.contains("MXFP4"), message);
        }
    }

    private Path part(int number, int count, int of, String tensor) throws IOException {
        byte[] bytes = Raw.header(3, 1, 3)
                .text("split.no")
                .u32(U32)
                .u32(number)
                .text("split.count")
                .u32(U32)
                .u32(count)
                .text("split.tensors.count")
                .u32(U32)
                .u32(2)
                .tensor(tensor, F32, 0, number + 2)
                .data(32)
                .all();
        return Files.write(folder.resolve("m-%05d-of-%05d.gguf".formatted(number + 1, of)), bytes);
    }

    @Test
    void readsAModelInTwoFiles() throws IOException {
        Path first = part(0, 2, 2, "a");
        Path second = part(1, 2, 2, "b");
        try (Gguf gguf = Gguf.open(first)) {
            assertEquals(List.of("a", "b"), gguf.names());
            assertEquals(2, gguf.tensor("a").size());
            assertEquals(3, gguf.tensor("b").size());
            assertTrue(gguf.has("b"));
            assertFalse(gguf.has("c"));
            assertThrows(ModelFileException.class, () -> gguf.tensor("c"));
        }
        assertEquals(
                first,
                ModelFiles.resolve(folder.toString(), List.of()).weights(),
                "the folder's model is its first file");
        assertTrue(String.valueOf(open(second).getMessage()).contains("open m-00001-of-00002.gguf"));
    }

    @Test
    void refusesFilesThatDoNotBelongTogether() throws IOException {
        Path first = part(0, 2, 2, "a");
        assertTrue(String.valueOf(open(first).getMessage()).contains("m-00002-of-00002.gguf is not beside it"));
        part(1, 2, 2, "a");
        assertTrue(String.valueOf(open(first).getMessage()).contains("\"a\" is in two"));
        part(1, 3, 2, "b");
        assertTrue(String.valueOf(open(first).getMessage()).contains("split.count: wanted 2, found 3"));
        assertTrue(String.valueOf(open(part(0, 2, 3, "a")).getMessage()).contains("one of 2 files"));
    }
}
