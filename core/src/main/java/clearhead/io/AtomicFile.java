package clearhead.io;

import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedByInterruptException;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.time.Instant;
import java.util.concurrent.atomic.AtomicLong;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/// Writes a file all or not at all: into a temporary file in the same folder, which takes the target's
/// name when it is complete and on the disk. A full disk, an exception or a kill leaves what was there
/// before. Where the target is a pipe or a device, bytes go straight to it.
///
/// ```java
/// try (var file = AtomicFile.create(target)) {
///     file.append(header);
///     file.append(data);
///     file.commit();
/// }
/// ```
public final class AtomicFile implements AutoCloseable {
    private static final AtomicLong COUNT = new AtomicLong();
    private static final Pattern LEFT_OVER = Pattern.compile("-(\\d+)-\\d+\\.part");
    private static final Duration STALE = Duration.ofMinutes(5);
    private static final int CHUNK = 1 << 24;

    /// What is to be written.
    @FunctionalInterface
    public interface Body {
        void writeTo(OutputStream stream) throws IOException;
    }

    /// Opens the file that is written to; tests put a full disk here.
    @FunctionalInterface
    interface Opener {
        FileChannel open(Path file) throws IOException;
    }

    private final Path target;
    private final @Nullable Path temporary;
    private final FileChannel channel;
    private long end;
    private boolean done;

    private AtomicFile(Path target, @Nullable Path temporary, FileChannel channel) {
        this.target = target;
        this.temporary = temporary;
        this.channel = channel;
    }

    /// Begins to write `target`; nothing is there under its name before [#commit].
    public static AtomicFile create(Path target) {
        return create(target, file -> FileChannel.open(file, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE));
    }

    static AtomicFile create(Path target, Opener opener) {
        Path real = target;
        Path folder = target.toAbsolutePath().getParent();
        if (folder == null || Files.isDirectory(target)) {
            throw new ModelFileException(target, "cannot be written: it is a folder");
        }
        if (!Files.isDirectory(folder)) {
            throw new ModelFileException(target, "cannot be written: there is no folder " + folder + "; make it first");
        }
        try {
            if (Files.exists(target)) {
                if (!Files.isRegularFile(target)) {
                    var device = FileChannel.open(target, StandardOpenOption.WRITE);
                    return new AtomicFile(target, null, device);
                }
                real = target.toRealPath();
                folder = real.getParent();
            }
            String name = "." + real.getFileName();
            removeLeftOvers(folder, name);
            Path temporary = real.resolveSibling(
                    name + "-" + ProcessHandle.current().pid() + "-" + COUNT.incrementAndGet() + ".part");
            return new AtomicFile(real, temporary, opener.open(temporary));
        } catch (IOException e) {
            throw failed(target, e);
        }
    }

    /// Writes `target` in one go.
    public static void write(Path target, Body body) {
        try (var file = create(target)) {
            file.append(body);
            file.commit();
        }
    }

    /// Writes text as UTF-8.
    public static void writeText(Path target, String text) {
        write(target, stream -> stream.write(text.getBytes(StandardCharsets.UTF_8)));
    }

    /// Bytes written so far, or the end of the last ones.
    public long size() {
        return end;
    }

    /// Refuses at once what cannot fit, before hours of work go into it.
    ///
    /// @param bytes size of the whole file
    public void requireSpace(long bytes) {
        try {
            long free = Files.getFileStore(target.toAbsolutePath().getParent()).getUsableSpace();
            if (temporary != null && free > 0 && free < bytes - end) {
                throw new ModelFileException(
                        target,
                        "wanted " + bytes + " bytes of free space, found " + free
                                + "; free some or write to another disk");
            }
        } catch (IOException _) {
            // the write itself will say what is wrong
        }
    }

    /// Adds bytes at the end.
    public void append(MemorySegment bytes) {
        write(end, bytes);
    }

    /// Adds bytes at the end.
    public void append(byte[] bytes) {
        append(MemorySegment.ofArray(bytes));
    }

    /// Adds what `body` writes at the end.
    public void append(Body body) {
        try (var stream = new BufferedOutputStream(new Appending(), 1 << 16)) {
            body.writeTo(stream);
        } catch (IOException e) {
            throw failed(target, e);
        }
    }

    /// Writes bytes at a place of the file; places may be filled in any order.
    public void write(long position, MemorySegment bytes) {
        try {
            long done = 0;
            while (done < bytes.byteSize()) {
                long part = Math.min(CHUNK, bytes.byteSize() - done);
                ByteBuffer buffer = bytes.asSlice(done, part).asByteBuffer();
                while (buffer.hasRemaining()) {
                    if (temporary == null) {
                        channel.write(buffer);
                    } else {
                        channel.write(buffer, position + done + buffer.position());
                    }
                }
                done += part;
            }
            end = Math.max(end, position + bytes.byteSize());
        } catch (IOException e) {
            throw failed(target, e);
        }
    }

    /// Puts the complete file in its place.
    public void commit() {
        try {
            if (temporary == null) {
                channel.close();
            } else {
                channel.force(true);
                channel.close();
                Files.move(temporary, target, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
                forceFolder();
            }
            done = true;
        } catch (IOException e) {
            throw failed(target, e);
        }
    }

    /// The new name is safe only when the folder is on the disk too. Not every system can do that.
    private void forceFolder() {
        Path folder = target.toAbsolutePath().getParent();
        try (var opened = FileChannel.open(folder, StandardOpenOption.READ)) {
            opened.force(true);
        } catch (IOException _) {
            return;
        }
    }

    /// Without a [#commit] before it, forgets everything that was written.
    @Override
    public void close() {
        if (done) {
            return;
        }
        done = true;
        try {
            channel.close();
        } catch (IOException _) {
            // the file is thrown away
        }
        if (temporary != null) {
            try {
                Files.deleteIfExists(temporary);
            } catch (IOException _) {
                // removed by the next one that writes this target
            }
        }
    }

    /// What killed processes left here for the same target.
    private static void removeLeftOvers(@Nullable Path folder, String name) throws IOException {
        if (folder == null) {
            return;
        }
        try (var files = Files.newDirectoryStream(folder, ".*.part")) {
            for (Path file : files) {
                String found = file.getFileName().toString();
                Matcher match = LEFT_OVER.matcher(found.startsWith(name) ? found.substring(name.length()) : "");
                if (match.matches()
                        && ProcessHandle.of(Long.parseLong(match.group(1))).isEmpty()
                        && Files.getLastModifiedTime(file)
                                .toInstant()
                                .isBefore(Instant.now().minus(STALE))) {
                    Files.deleteIfExists(file);
                }
            }
        }
    }

    private static ModelFileException failed(Path target, IOException e) {
        String reason = e instanceof ClosedByInterruptException ? "interrupted" : MappedFile.reason(e);
        boolean full = reason.contains("No space") || reason.contains("quota") || reason.contains("not enough space");
        return new ModelFileException(
                target,
                "cannot be written: " + reason
                        + "; what was there before is unchanged"
                        + (full ? "; free some space or write to another disk" : ""),
                e);
    }

    private final class Appending extends OutputStream {
        @Override
        public void write(int b) {
            append(new byte[] {(byte) b});
        }

        @Override
        public void write(byte[] bytes, int from, int count) {
            append(MemorySegment.ofArray(bytes).asSlice(from, count));
        }
    }
}
