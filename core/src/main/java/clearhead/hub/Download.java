package clearhead.hub;

import clearhead.io.ModelFileException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedByInterruptException;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// Brings files of one commit into the cache. A file goes into a partial one, which the next attempt or the next
/// process goes
/// on with, and gets its name when its hash is right.
final class Download {
    private static final Pattern RANGE = Pattern.compile("bytes (\\d{1,18})-(\\d{1,18})/(\\d{1,18})");
    private static final Pattern SHA256 = Pattern.compile("[0-9a-f]{64}");
    private static final Pattern SHA1 = Pattern.compile("[0-9a-f]{40}");

    private final HubClient client;
    private final HubCache cache;
    private final HubSettings.Patience patience;
    private final HubName name;
    private final String commit;
    private final Progress progress;
    private final Disk disk;

    /// Opens the file that is written to; tests put a full disk here.
    @FunctionalInterface
    interface Disk {
        FileChannel open(Path file) throws IOException;

        Disk REAL = file -> FileChannel.open(
                file,
                StandardOpenOption.CREATE,
                StandardOpenOption.READ,
                StandardOpenOption.WRITE,
                LinkOption.NOFOLLOW_LINKS);
    }

    Download(
            HubClient client,
            HubCache cache,
            HubSettings.Patience patience,
            HubName name,
            String commit,
            Progress progress,
            Disk disk) {
        this.client = client;
        this.cache = cache;
        this.patience = patience;
        this.name = name;
        this.commit = commit;
        this.progress = progress;
        this.disk = disk;
    }

    /// A file as the hub has it.
    ///
    /// @param hash SHA-256 of its bytes, or git's SHA-1 of it as a blob: 64 or 40 hexadecimal digits
    record Target(String file, String hash, long size) {
        MessageDigest digest() {
            try {
                boolean git = hash.length() == 40;
                MessageDigest digest = MessageDigest.getInstance(git ? "SHA-1" : "SHA-256");
                if (git) {
                    digest.update(("blob " + size + "\0").getBytes(StandardCharsets.US_ASCII));
                }
                return digest;
            } catch (NoSuchAlgorithmException e) {
                throw new IllegalStateException(e);
            }
        }
    }

    /// Asks what a file is; what the listing and the file's own answer say must agree.
    Target target(Listing.Entry entry) throws InterruptedException {
        String source = source(entry.name());
        try (HubClient.Answer answer =
                new Attempts(source, patience, progress).until(() -> client.head(name, commit, entry.name()))) {
            answer.commit().ifPresent(other -> {
                if (!other.equals(commit)) {
                    throw new ModelFileException(source, "wanted it at commit " + commit + ", the server has " + other);
                }
            });
            Optional<String> etag = answer.etag()
                    .map(e -> e.replaceFirst("^W/", "").replace("\"", ""))
                    .filter(e -> SHA256.matcher(e).matches() || SHA1.matcher(e).matches());
            Optional<String> listed = entry.sha256().or(entry::blob);
            boolean same = etag.isEmpty() || listed.isEmpty() || etag.equals(listed) || etag.equals(entry.blob());
            if (!same) {
                throw new ModelFileException(
                        source,
                        "the server lists it with the hash " + listed.get() + " and gives it with " + etag.get());
            }
            String hash = entry.sha256()
                    .or(() -> etag)
                    .or(entry::blob)
                    .filter(h -> SHA256.matcher(h).matches() || SHA1.matcher(h).matches())
                    .orElseThrow(() -> new ModelFileException(
                            source,
                            "the server names no hash for it, so that it cannot be verified; is HF_ENDPOINT a hub?"));
            return new Target(entry.name(), hash, size(source, entry.size(), answer.size()));
        }
    }

    private static long size(String source, OptionalLong listed, OptionalLong given) {
        if (listed.isPresent() && given.isPresent() && listed.getAsLong() != given.getAsLong()) {
            throw new ModelFileException(
                    source,
                    "the server lists it with " + listed.getAsLong() + " bytes and gives it with " + given.getAsLong());
        }
        OptionalLong size = given.isPresent() ? given : listed;
        if (size.isEmpty() || size.getAsLong() < 0) {
            throw new ModelFileException(source, "the server does not say how long it is");
        }
        return size.getAsLong();
    }

    private String source(String file) {
        return name.text() + ": " + file;
    }

    boolean isThere(Target target) {
        return cache.hasFile(name, commit, target.file(), target.hash(), target.size());
    }

    /// Bytes of it that an earlier attempt left.
    long present(Target target) {
        if (cache.hasBlob(name, target.hash(), target.size())) {
            return target.size();
        }
        try {
            Path partial = cache.partial(name, target.hash());
            long size = Files.exists(partial, LinkOption.NOFOLLOW_LINKS) ? Files.size(partial) : 0;
            return size <= target.size() ? size : 0;
        } catch (IOException _) {
            return 0;
        }
    }

    /// Makes the file be there.
    void fetch(Target target) throws InterruptedException {
        String source = source(target.file());
        Path lockFile = cache.lock(name, target.hash());
        try (var _ =
                CacheLock.take(lockFile, () -> progress.note(source + ": another process downloads it; waiting"))) {
            if (isThere(target)) {
                return;
            }
            if (!cache.hasBlob(name, target.hash(), target.size())) {
                Path partial = cache.partial(name, target.hash());
                try (var file = new Partial(target, source, disk.open(partial))) {
                    file.fill();
                }
                Files.move(
                        partial,
                        cache.blob(name, target.hash()),
                        StandardCopyOption.ATOMIC_MOVE,
                        StandardCopyOption.REPLACE_EXISTING);
            }
            cache.link(name, commit, target.file(), target.hash());
            progress.done(target.file(), target.size());
        } catch (ClosedByInterruptException e) {
            throw interrupted(e);
        } catch (IOException e) {
            throw notWritten(source, e);
        }
    }

    private static InterruptedException interrupted(Exception e) {
        var interrupted = new InterruptedException("interrupted");
        interrupted.initCause(e);
        return interrupted;
    }

    private ModelFileException notWritten(String source, IOException e) {
        return new ModelFileException(
                source,
                "cannot be written to " + cache.folder() + ": " + HubCache.reason(e)
                        + "; what came so far is kept, free some space if that is missing and run it again",
                e);
    }

    /// The part of a file that is there.
    private final class Partial implements AutoCloseable {
        private final Target target;
        private final String source;
        private final FileChannel channel;
        private MessageDigest digest;
        private long have;

        Partial(Target target, String source, FileChannel channel) throws IOException {
            this.target = target;
            this.source = source;
            this.channel = channel;
            digest = target.digest();
            long size = channel.size();
            if (size > target.size()) {
                channel.truncate(0);
                return;
            }
            var buffer = ByteBuffer.allocate(1 << 18);
            while (have < size) {
                int read = channel.read(buffer.clear(), have);
                if (read < 0) {
                    break;
                }
                digest.update(buffer.flip());
                have += read;
            }
        }

        void fill() throws IOException, InterruptedException {
            boolean resumed = have > 0;
            var attempts = new Attempts(source, patience, progress);
            while (true) {
                if (have < target.size()) {
                    attempts.until(() -> {
                        transfer(attempts);
                        return true;
                    });
                }
                String found = HexFormat.of().formatHex(digest.digest());
                if (found.equals(target.hash())) {
                    channel.force(true);
                    return;
                }
                long kept = have;
                beginAgain();
                if (!resumed) {
                    throw new ModelFileException(
                            source,
                            "wanted the hash " + target.hash() + ", found " + found + " in the " + kept
                                    + " bytes that came; they are thrown away, run it again");
                }
                resumed = false;
                progress.note(source + ": what an earlier attempt left is damaged; from the beginning");
            }
        }

        private void beginAgain() {
            progress.advance(-have);
            try {
                channel.truncate(0);
            } catch (IOException e) {
                throw notWritten(source, e);
            }
            digest = target.digest();
            have = 0;
        }

        private void transfer(Attempts attempts) throws IOException, InterruptedException {
            try (HubClient.Answer answer = client.get(name, commit, target.file(), have)) {
                boolean good = have > 0 ? answer.status() == 206 && continues(answer) : answer.status() == 200;
                if (!good) {
                    beginAgain(); // a server that knows no ranges, or another one than asked for
                    if (answer.status() != 200) {
                        throw new IOException("the server gives another part than asked for");
                    }
                }
                long wanted = target.size() - have;
                if (answer.length().orElse(0) > wanted) {
                    throw tooMany(answer.length().getAsLong(), wanted);
                }
                receive(answer.body(), attempts);
            }
            if (have < target.size()) {
                throw new IOException("the connection was cut after " + have + " of " + target.size() + " bytes");
            }
        }

        private boolean continues(HubClient.Answer answer) {
            Matcher range =
                    RANGE.matcher(answer.headers().firstValue("Content-Range").orElse(""));
            return range.matches()
                    && Long.parseLong(range.group(1)) == have
                    && Long.parseLong(range.group(3)) == target.size();
        }

        private void receive(Body body, Attempts attempts) throws IOException, InterruptedException {
            for (Optional<List<ByteBuffer>> piece = body.next(); piece.isPresent(); piece = body.next()) {
                long came = 0;
                for (ByteBuffer buffer : piece.get()) {
                    if (buffer.remaining() > target.size() - have) {
                        throw tooMany(have + buffer.remaining(), target.size());
                    }
                    came += buffer.remaining();
                    write(buffer);
                }
                progress.advance(came);
                attempts.came(came);
            }
        }

        /// Disk trouble is no trouble of the network: trying again would not help.
        private void write(ByteBuffer buffer) throws InterruptedException {
            try {
                digest.update(buffer.duplicate());
                int size = buffer.remaining();
                for (int done = 0; done < size; ) {
                    done += channel.write(buffer, have + done);
                }
                have += size;
            } catch (ClosedByInterruptException e) {
                throw interrupted(e);
            } catch (IOException e) {
                throw notWritten(source, e);
            }
        }

        private ModelFileException tooMany(long sent, long wanted) {
            beginAgain();
            return new ModelFileException(
                    source,
                    "wanted " + wanted + " bytes, the server sends " + sent + " or more; nothing of it is kept");
        }

        @Override
        public void close() throws IOException {
            boolean empty = have == 0 && target.size() > 0;
            channel.close();
            if (empty) {
                Files.deleteIfExists(cache.partial(name, target.hash()));
            }
        }
    }
}
