package clearhead.hub;

import clearhead.io.AtomicFile;
import clearhead.io.ModelFileException;
import java.io.IOException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.stream.Stream;

/// The folder that the Python client keeps, in the same layout:
///
/// ```
/// models--org--name/refs/main                     a commit
///                   blobs/HASH                    a file's bytes; HASH.clearhead.incomplete until they are all there
///                   snapshots/COMMIT/config.json  a link to ../../blobs/HASH
/// .locks/models--org--name/HASH.lock
/// ```
final class HubCache {
    private static final String MODELS = "models--";
    private static final String INCOMPLETE = ".incomplete";

    /// What backup programs look for: https://bford.info/cachedir.
    private static final String TAG = "Signature: 8a477f597d28d172789f06886806bc55\n"
            + "# This folder is a cache of models from the Hugging Face hub; it can be made again.\n";

    private final Path folder;
    private final boolean links;

    /// @param links whether snapshots hold links; else the files themselves
    HubCache(Path folder, boolean links) {
        this.folder = folder;
        this.links = links;
    }

    Path folder() {
        return folder;
    }

    Path repo(HubName name) {
        return folder.resolve(name.folder());
    }

    Path blob(HubName name, String hash) {
        return repo(name).resolve("blobs").resolve(hash);
    }

    /// The Python client calls its own `HASH.RANDOM.incomplete`; neither takes the other's.
    Path partial(HubName name, String hash) {
        return blob(name, hash + ".clearhead" + INCOMPLETE);
    }

    Path lock(HubName name, String hash) {
        return locks(name).resolve(hash + ".lock");
    }

    private Path locks(HubName name) {
        return folder.resolve(".locks").resolve(name.folder());
    }

    private Path ref(HubName name) {
        return repo(name).resolve("refs").resolve(name.revision());
    }

    Path snapshot(HubName name, String commit) {
        return repo(name).resolve("snapshots").resolve(commit);
    }

    /// The commit that a revision had when it was last asked for.
    Optional<String> commit(HubName name) {
        if (name.isPinned()) {
            return Optional.of(name.revision());
        }
        Path ref = ref(name);
        try {
            if (Files.isRegularFile(ref) && Files.size(ref) <= 100) {
                String commit = Files.readString(ref).strip();
                return HubName.isCommit(commit) ? Optional.of(commit) : Optional.empty();
            }
            return Optional.empty();
        } catch (IOException e) {
            throw new ModelFileException(ref, "cannot be read: " + reason(e), e);
        }
    }

    /// Names of the files of a snapshot that are there.
    List<String> files(HubName name, String commit) {
        Path snapshot = snapshot(name, commit);
        if (!Files.isDirectory(snapshot)) {
            return List.of();
        }
        try (Stream<Path> files = Files.walk(snapshot, 8)) {
            return files.filter(Files::isRegularFile)
                    .map(file -> snapshot.relativize(file).toString().replace('\\', '/'))
                    .sorted()
                    .toList();
        } catch (IOException | java.io.UncheckedIOException e) {
            throw new ModelFileException(snapshot, "cannot be read: " + e.getMessage(), e);
        }
    }

    /// Refuses a file of the cache that is in truth one from elsewhere.
    void requireInside(HubName name, Path file) {
        try {
            Path real = file.toRealPath();
            boolean inside = real.startsWith(repo(name).toRealPath())
                    || real.startsWith(folder.toRealPath()); // blobs that several repositories share
            if (!inside) {
                throw new ModelFileException(
                        file,
                        "leads out of the cache to " + real + "; remove it with `clearhead rm " + name.repo() + '`');
            }
        } catch (IOException e) {
            throw new ModelFileException(file, "cannot be read: " + reason(e), e);
        }
    }

    private static Path parent(Path file) {
        return Objects.requireNonNull(file.getParent());
    }

    /// Makes the folders that a download writes to.
    void prepare(HubName name, String commit) {
        try {
            boolean first = !Files.isDirectory(folder);
            Files.createDirectories(folder);
            if (first) {
                Files.writeString(folder.resolve("CACHEDIR.TAG"), TAG);
            }
            for (Path made : List.of(repo(name).resolve("blobs"), repo(name).resolve("refs"), snapshot(name, commit))) {
                Files.createDirectories(made);
                requireInside(name, made);
            }
        } catch (IOException e) {
            throw new ModelFileException(folder, "the cache cannot be written: " + reason(e), e);
        }
    }

    /// Refuses at once what does not fit on the disk.
    void requireSpace(HubName name, long bytes) {
        long free;
        try {
            free = Files.getFileStore(repo(name)).getUsableSpace();
        } catch (IOException _) {
            return; // the write itself will say what is wrong
        }
        if (free < bytes) {
            throw new ModelFileException(
                    folder,
                    "wanted " + bytes + " bytes of free space for " + name.text() + ", found " + free
                            + "; free some, or set HF_HUB_CACHE to a folder on another disk");
        }
    }

    boolean hasBlob(HubName name, String hash, long size) {
        Path blob = blob(name, hash);
        try {
            return Files.isRegularFile(blob) && Files.size(blob) == size;
        } catch (IOException _) {
            return false;
        }
    }

    /// Whether a snapshot has the file, whole.
    boolean hasFile(HubName name, String commit, String file, String hash, long size) {
        Path pointer = snapshot(name, commit).resolve(file);
        try {
            if (!Files.isRegularFile(pointer) || Files.size(pointer) != size) {
                return false;
            }
            return !Files.isSymbolicLink(pointer)
                    || pointer.toRealPath().equals(blob(name, hash).toRealPath());
        } catch (IOException _) {
            return false;
        }
    }

    /// Puts a blob into a snapshot under its name.
    void link(HubName name, String commit, String file, String hash) {
        Path blob = blob(name, hash);
        Path pointer = snapshot(name, commit).resolve(file);
        try {
            Files.createDirectories(parent(pointer));
            requireInside(name, parent(pointer));
            Files.deleteIfExists(pointer);
            if (links && linked(blob, pointer)) {
                return;
            }
            Files.move(blob, pointer, StandardCopyOption.ATOMIC_MOVE); // as the Python client does without links
        } catch (IOException e) {
            throw new ModelFileException(pointer, "cannot be written: " + reason(e), e);
        }
    }

    private static boolean linked(Path blob, Path pointer) throws IOException {
        try {
            Files.createSymbolicLink(pointer, parent(pointer).relativize(blob));
            return true;
        } catch (FileAlreadyExistsException _) {
            return true; // another process made it just now, from the same blob
        } catch (UnsupportedOperationException | FileSystemException _) {
            return false;
        }
    }

    /// Remembers which commit a revision has. Called when all files are there, so that a half-done update changes
    /// nothing.
    void keepRef(HubName name, String commit) {
        if (name.isPinned() || commit(name).equals(Optional.of(commit))) {
            return;
        }
        Path ref = ref(name);
        try {
            Files.createDirectories(parent(ref));
            requireInside(name, parent(ref));
        } catch (IOException e) {
            throw new ModelFileException(ref, "cannot be written: " + reason(e), e);
        }
        AtomicFile.writeText(ref, commit);
    }

    /// All models of the cache.
    List<CachedModel> list() {
        if (!Files.isDirectory(folder)) {
            return List.of();
        }
        var models = new ArrayList<CachedModel>();
        try (Stream<Path> repos = Files.list(folder)) {
            for (Path repo : repos.sorted().toList()) {
                String name = repo.getFileName().toString();
                if (name.startsWith(MODELS) && Files.isDirectory(repo)) {
                    models.add(cached(repo, name.substring(MODELS.length()).replaceFirst("--", "/")));
                }
            }
        } catch (IOException e) {
            throw new ModelFileException(folder, "cannot be read: " + reason(e), e);
        }
        return models;
    }

    private static CachedModel cached(Path repo, String name) throws IOException {
        var sizes = new Sizes();
        Files.walkFileTree(repo, sizes);
        var revisions = new ArrayList<String>();
        Path refs = repo.resolve("refs");
        if (Files.isDirectory(refs)) {
            try (Stream<Path> files = Files.walk(refs, 4)) {
                files.filter(Files::isRegularFile)
                        .map(file -> refs.relativize(file).toString().replace('\\', '/'))
                        .sorted()
                        .forEach(revisions::add);
            }
        }
        return new CachedModel(name, repo, List.copyOf(revisions), sizes.whole, sizes.partial);
    }

    /// Adds up what lies on the disk; links count for nothing.
    private static final class Sizes extends SimpleFileVisitor<Path> {
        private long whole;
        private long partial;

        @Override
        public FileVisitResult visitFile(Path file, BasicFileAttributes attributes) {
            if (attributes.isRegularFile()) {
                if (file.toString().endsWith(INCOMPLETE)) {
                    partial += attributes.size();
                } else {
                    whole += attributes.size();
                }
            }
            return FileVisitResult.CONTINUE;
        }

        @Override
        public FileVisitResult visitFileFailed(Path file, IOException e) {
            return FileVisitResult.CONTINUE;
        }
    }

    /// Removes a model, unless somebody is just writing it.
    ///
    /// @return bytes freed
    long remove(HubName name) {
        Path repo = repo(name);
        var held = new ArrayList<CacheLock>();
        try {
            if (!Files.isDirectory(repo, LinkOption.NOFOLLOW_LINKS)) {
                throw new ModelFileException(name.text(), "is not in the cache " + folder);
            }
            if (Files.isDirectory(locks(name))) {
                try (Stream<Path> locks = Files.list(locks(name))) {
                    for (Path lock : locks.toList()) {
                        held.add(CacheLock.tryTake(lock)
                                .orElseThrow(() -> new ModelFileException(
                                        name.text(),
                                        "is being downloaded by another process; wait for it or stop it")));
                    }
                }
            }
            CachedModel model = cached(repo, name.repo());
            delete(repo);
            delete(locks(name));
            return model.bytes() + model.partialBytes();
        } catch (IOException e) {
            throw new ModelFileException(repo, "cannot be removed: " + reason(e), e);
        } finally {
            held.forEach(CacheLock::close);
        }
    }

    private static void delete(Path tree) throws IOException {
        if (!Files.isDirectory(tree, LinkOption.NOFOLLOW_LINKS)) {
            return;
        }
        Files.walkFileTree(tree, new SimpleFileVisitor<>() {
            @Override
            public FileVisitResult visitFile(Path file, BasicFileAttributes attributes) throws IOException {
                Files.deleteIfExists(file);
                return FileVisitResult.CONTINUE;
            }

            @Override
            public FileVisitResult postVisitDirectory(Path folder, @org.jspecify.annotations.Nullable IOException e)
                    throws IOException {
                Files.deleteIfExists(folder);
                return FileVisitResult.CONTINUE;
            }
        });
    }

    static String reason(IOException e) {
        String said =
                e instanceof FileSystemException file && file.getReason() != null ? file.getReason() : e.getMessage();
        return e instanceof NoSuchFileException
                ? "no such file"
                : said == null ? e.getClass().getSimpleName() : said;
    }
}
