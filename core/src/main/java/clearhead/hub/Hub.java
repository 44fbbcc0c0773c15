package clearhead.hub;

import clearhead.io.ModelFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorCompletionService;
import java.util.concurrent.Executors;

/// Models of the hub, by name.
///
/// ```java
/// Path path = new Hub(HubSettings.current(), Progress.SILENT).find(HubName.parse("hf:org/name"));
/// try (var model = Model.load(path, backend)) { … }
/// ```
public final class Hub {
    private final HubSettings settings;
    private final HubCache cache;
    private final Progress progress;
    private final Download.Disk disk;

    public Hub(HubSettings settings, Progress progress) {
        this(settings, progress, Download.Disk.REAL);
    }

    Hub(HubSettings settings, Progress progress, Download.Disk disk) {
        this.settings = settings;
        this.cache = new HubCache(settings.cache(), settings.links());
        this.progress = progress;
        this.disk = disk;
    }

    /// What a download made be there.
    ///
    /// @param commit which one it is
    /// @param model what to load: a file, or the folder of the files
    /// @param files all that belong to it
    /// @param bytes of them
    /// @param downloaded bytes that were missing
    public record Pulled(HubName name, String commit, Path model, List<Path> files, long bytes, long downloaded) {}

    /// The path of a model: from the cache where it is whole there, else downloaded.
    ///
    /// @throws ModelFileException if it is neither
    public Path find(HubName name) {
        Optional<Cached> cached = cached(name);
        if (cached.isPresent() && (cached.get().complete || settings.offline())) {
            return cached.get().model;
        }
        if (settings.offline()) {
            throw offline(name);
        }
        try {
            return pull(name, List.of()).model();
        } catch (ModelFileException e) {
            if (cached.isPresent()) {
                progress.note(e.getMessage() + "; using what is in the cache");
                return cached.get().model;
            }
            throw e;
        }
    }

    private ModelFileException offline(HubName name) {
        return new ModelFileException(
                name.text(),
                "is not in the cache " + cache.folder() + ", and HF_HUB_OFFLINE forbids a download; unset it and run"
                        + " `clearhead pull " + name.text().substring(HubName.PREFIX.length()) + '`');
    }

    /// @param complete whether nothing seems to be missing
    private record Cached(Path model, boolean complete) {}

    private Optional<Cached> cached(HubName name) {
        Optional<String> commit = cache.commit(name);
        List<String> names = commit.map(c -> cache.files(name, c)).orElse(List.of());
        if (names.isEmpty()) {
            return Optional.empty();
        }
        Path snapshot = cache.snapshot(name, commit.get());
        Selection selection;
        try {
            selection = Selection.of(name.text(), names, name.file());
        } catch (ModelFileException e) {
            if (settings.offline()) {
                throw new ModelFileException(
                        name.text(),
                        "in the cache " + cache.folder() + ", and HF_HUB_OFFLINE is set: " + e.getMessage(),
                        e);
            }
            return Optional.empty(); // the repository may have what the cache has not
        }
        var files = new ArrayList<String>(selection.files());
        for (String file : files) {
            cache.requireInside(name, snapshot.resolve(file));
        }
        if (selection.index().isPresent()) {
            for (String shard :
                    Selection.shards(snapshot.resolve(selection.index().get()))) {
                if (!names.contains(shard)) {
                    return Optional.empty();
                }
                cache.requireInside(name, snapshot.resolve(shard));
            }
        }
        boolean folder = selection.model().isEmpty();
        if (folder && !names.contains("config.json")) {
            return Optional.empty();
        }
        return Optional.of(new Cached(
                selection.model().map(snapshot::resolve).orElse(snapshot), !folder || Selection.hasVocabulary(names)));
    }

    /// Downloads what is missing of a model.
    ///
    /// @param include patterns of file names; if there are any, these files and no others
    public Pulled pull(HubName name, List<String> include) {
        if (settings.offline()) {
            throw new ModelFileException(name.text(), "HF_HUB_OFFLINE forbids a download; unset it");
        }
        try (var client = new HubClient(settings)) {
            Listing listing =
                    new Attempts(name.text(), settings.patience(), progress).until(() -> client.listing(name));
            if (name.isPinned() && !listing.commit().equals(name.revision())) {
                throw new ModelFileException(name.text(), "the server answers with commit " + listing.commit());
            }
            Selection selection = selection(name, listing, include);
            selection.files().forEach(file -> PathRule.require(name.text(), file));
            cache.prepare(name, listing.commit());
            var download = new Download(client, cache, settings.patience(), name, listing.commit(), progress, disk);
            return fetch(download, name, listing, selection);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new ModelFileException(name.text(), "interrupted; run it again to go on", e);
        }
    }

    private static Selection selection(HubName name, Listing listing, List<String> include) {
        if (include.isEmpty()) {
            return Selection.of(name.text(), listing.names(), name.file());
        }
        List<String> files = Selection.matching(listing.names(), include);
        if (files.isEmpty()) {
            List<String> some = listing.names().stream().limit(20).toList();
            throw new ModelFileException(
                    name.text(),
                    "no file matches " + String.join(", ", include) + "; there are " + String.join(", ", some)
                            + (some.size() < listing.files().size() ? ", …" : ""));
        }
        return new Selection(files, Optional.empty(), Optional.empty());
    }

    private Pulled fetch(Download download, HubName name, Listing listing, Selection selection)
            throws InterruptedException {
        Path snapshot = cache.snapshot(name, listing.commit());
        var names = new ArrayList<String>(selection.files());
        if (selection.index().isPresent()) {
            String index = selection.index().get();
            download.fetch(download.target(entry(name, listing, index)));
            for (String shard : Selection.shards(snapshot.resolve(index))) {
                entry(name, listing, shard);
                names.add(shard);
            }
        }
        List<Download.Target> targets = parallel(names.stream()
                .distinct()
                .map(file -> (Work<Download.Target>) () -> download.target(entry(name, listing, file)))
                .toList());
        List<Download.Target> missing =
                targets.stream().filter(t -> !download.isThere(t)).toList();
        long bytes = sum(missing);
        long present = 0;
        for (Download.Target target : missing) {
            present = Math.addExact(present, download.present(target));
        }
        if (!missing.isEmpty()) {
            cache.requireSpace(name, bytes - present);
            progress.begin(missing.size(), bytes, present);
            try {
                parallel(missing.stream()
                        .map(target -> (Work<Boolean>) () -> {
                            download.fetch(target);
                            return true;
                        })
                        .toList());
            } finally {
                progress.end();
            }
        }
        cache.keepRef(name, listing.commit());
        return new Pulled(
                name,
                listing.commit(),
                selection.model().map(snapshot::resolve).orElse(snapshot),
                targets.stream().map(t -> snapshot.resolve(t.file())).toList(),
                sum(targets),
                bytes - present);
    }

    private static long sum(List<Download.Target> targets) {
        long sum = 0;
        for (Download.Target target : targets) {
            sum = Math.addExact(sum, target.size());
        }
        return sum;
    }

    private static Listing.Entry entry(HubName name, Listing listing, String file) {
        Listing.Entry entry = listing.files().get(file);
        if (entry == null) {
            throw new ModelFileException(
                    name.text(), Selection.INDEX + " names the file \"" + file + "\", which the repository has not");
        }
        return entry;
    }

    /// Something that is done beside others of its kind.
    @FunctionalInterface
    private interface Work<T> {
        T run() throws InterruptedException;
    }

    /// Does all, a few at a time; the first failure ends the others. Results are in the order of the work.
    private <T> List<T> parallel(List<Work<T>> work) throws InterruptedException {
        var pool = Executors.newFixedThreadPool(settings.parallel(), task -> {
            var thread = new Thread(task, "hub");
            thread.setDaemon(true);
            return thread;
        });
        try {
            var running = new ExecutorCompletionService<T>(pool);
            var futures = work.stream().map(w -> running.submit(w::run)).toList();
            for (int i = 0; i < work.size(); i++) {
                running.take().get();
            }
            return futures.stream().map(java.util.concurrent.Future::resultNow).toList();
        } catch (ExecutionException e) {
            switch (e.getCause()) {
                case RuntimeException known -> throw known;
                case Error error -> throw error;
                case InterruptedException interrupted -> throw interrupted;
                case null, default -> throw new IllegalStateException(e);
            }
        } finally {
            pool.shutdownNow();
            pool.close(); // so that nothing is written any more when the caller goes on
        }
    }

    /// What the cache holds.
    public List<CachedModel> cached() {
        return cache.list();
    }

    /// Removes a model with all its revisions from the cache.
    ///
    /// @return bytes freed
    public long remove(HubName name) {
        return cache.remove(name);
    }
}
