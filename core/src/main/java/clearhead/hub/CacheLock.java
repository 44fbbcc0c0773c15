package clearhead.hub;

import clearhead.io.ModelFileException;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/// Keeps others from the same file of the cache, in this process and in others. It ends with the process.
final class CacheLock implements AutoCloseable {
    /// The system's locks belong to a process, and closing any channel to the file loses them: threads of
    /// one process must agree before they open it.
    private static final Set<Path> HELD = ConcurrentHashMap.newKeySet();

    private static final long LOOK_AGAIN_MILLIS = 100;

    private final Path file;
    private final FileChannel channel;

    private CacheLock(Path file, FileChannel channel) {
        this.file = file;
        this.channel = channel;
    }

    /// Waits for it.
    static CacheLock take(Path file, Runnable waiting) throws InterruptedException {
        boolean told = false;
        while (true) {
            Optional<CacheLock> lock = tryTake(file);
            if (lock.isPresent()) {
                return lock.get();
            }
            if (!told) {
                told = true;
                waiting.run();
            }
            Thread.sleep(LOOK_AGAIN_MILLIS);
        }
    }

    /// Takes it, if nobody has it.
    static Optional<CacheLock> tryTake(Path file) {
        if (!HELD.add(file)) {
            return Optional.empty();
        }
        FileChannel channel = null;
        try {
            Files.createDirectories(file.getParent());
            channel = FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.WRITE);
            FileLock lock = channel.tryLock();
            if (lock != null) {
                return Optional.of(new CacheLock(file, channel));
            }
        } catch (IOException e) {
            release(file, channel);
            throw new ModelFileException(file, "the cache cannot be locked: " + HubCache.reason(e), e);
        }
        release(file, channel);
        return Optional.empty();
    }

    private static void release(Path file, @org.jspecify.annotations.Nullable FileChannel channel) {
        try {
            if (channel != null) {
                channel.close();
            }
        } catch (IOException _) {
            // the lock goes with the process
        } finally {
            HELD.remove(file);
        }
    }

    @Override
    public void close() {
        release(file, channel);
    }
}
