package clearhead.io;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.channels.FileChannel;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/// A whole file as read-only memory. Shared, as kernels run on many threads.
final class MappedFile implements AutoCloseable {
    private final Path path;
    private final Arena arena = Arena.ofShared();
    private final MemorySegment memory;

    private MappedFile(Path path) {
        this.path = path;
        try (var channel = FileChannel.open(path, StandardOpenOption.READ)) {
            memory = channel.map(FileChannel.MapMode.READ_ONLY, 0, channel.size(), arena);
        } catch (IOException e) {
            arena.close();
            throw new ModelFileException(path, "cannot be read: " + reason(e), e);
        }
    }

    static MappedFile open(Path path) {
        if (Files.isDirectory(path)) {
            throw new ModelFileException(path, "wanted a file, found a folder");
        }
        return new MappedFile(path);
    }

    /// The system's own words without the path, which the message has already.
    static String reason(IOException e) {
        return switch (e) {
            case AccessDeniedException _ -> "permission denied";
            case NoSuchFileException _ -> "there is no such file or folder";
            case FileSystemException f when f.getReason() != null -> f.getReason();
            default -> e.getMessage() == null ? e.getClass().getSimpleName() : e.getMessage();
        };
    }

    Path path() {
        return path;
    }

    long size() {
        return memory.byteSize();
    }

    MemorySegment memory() {
        return memory;
    }

    @Override
    public void close() {
        arena.close();
    }
}
