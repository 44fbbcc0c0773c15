package clearhead.train;

import clearhead.io.AtomicFile;
import clearhead.io.ModelFileException;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/// Token ids in a memory-mapped file: a header of 32 bytes (`CLRTOKEN`, version, bytes of an id, number
/// of ids, 8 unused), then the ids, 2 or 4 bytes each; all little-endian.
public final class TokenShard implements AutoCloseable {
    private static final long MAGIC = 0x4e454b4f54524c43L; // "CLRTOKEN"
    private static final int VERSION = 1;
    private static final int HEADER = 32;
    private static final int SMALL_IDS = 1 << 16;
    private static final ValueLayout.OfLong I64 = ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfInt I32 = ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfShort I16 = ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    private final Arena arena;
    private final MemorySegment data;
    private final int idBytes;
    private final long size;

    private TokenShard(Arena arena, MemorySegment data, int idBytes, long size) {
        this.arena = arena;
        this.data = data;
        this.idBytes = idBytes;
        this.size = size;
    }

    /// Writes a shard, all or nothing.
    ///
    /// @param vocab every id is below it
    public static void write(Path file, int[] ids, int vocab) {
        int idBytes = vocab <= SMALL_IDS ? 2 : 4;
        try (var arena = Arena.ofConfined();
                var out = AtomicFile.create(file)) {
            var memory = arena.allocate(HEADER + (long) ids.length * idBytes, 8);
            memory.set(I64, 0, MAGIC);
            memory.set(I32, 8, VERSION);
            memory.set(I32, 12, idBytes);
            memory.set(I64, 16, ids.length);
            for (int i = 0; i < ids.length; i++) {
                long at = HEADER + (long) i * idBytes;
                if (idBytes == 2) {
                    memory.set(I16, at, (short) ids[i]);
                } else {
                    memory.set(I32, at, ids[i]);
                }
            }
            out.append(memory);
            out.commit();
        }
    }

    /// Maps a shard.
    @SuppressWarnings("MustBeClosedChecker") // closed with the shard, or below
    public static TokenShard open(Path file) {
        var arena = Arena.ofShared();
        boolean opened = false;
        try (var channel = FileChannel.open(file, StandardOpenOption.READ)) {
            long bytes = channel.size();
            if (bytes < HEADER) {
                throw new ModelFileException(file, "wanted at least " + HEADER + " bytes, found " + bytes);
            }
            var data = channel.map(FileChannel.MapMode.READ_ONLY, 0, bytes, arena);
            int idBytes = data.get(I32, 12);
            long size = data.get(I64, 16);
            if (data.get(I64, 0) != MAGIC || data.get(I32, 8) != VERSION) {
                throw new ModelFileException(file, "is not a token shard of version " + VERSION);
            }
            if ((idBytes != 2 && idBytes != 4) || size != (bytes - HEADER) / idBytes) {
                throw new ModelFileException(
                        file,
                        "wanted " + size + " ids of " + idBytes + " bytes, found a file of " + bytes
                                + " bytes; delete it to have it made again");
            }
            opened = true;
            return new TokenShard(arena, data, idBytes, size);
        } catch (IOException e) {
            throw new ModelFileException(file, "cannot be read: " + e.getMessage(), e);
        } finally {
            if (!opened) {
                arena.close();
            }
        }
    }

    /// Number of ids.
    public long size() {
        return size;
    }

    public int id(long index) {
        return idBytes == 2 ? data.get(I16, HEADER + 2 * index) & 0xffff : data.get(I32, HEADER + 4 * index);
    }

    /// Copies ids `from` … `from + count − 1`.
    void copy(long from, int[] into, int at, int count) {
        for (int i = 0; i < count; i++) {
            into[at + i] = id(from + i);
        }
    }

    @Override
    public void close() {
        arena.close();
    }
}
