package clearhead.train;

import clearhead.io.AtomicFile;
import clearhead.io.Checkpoint;
import clearhead.io.Json;
import clearhead.io.ModelFileException;
import clearhead.io.Safetensors;
import clearhead.io.SafetensorsWriter;
import clearhead.tensor.Tensor;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Pattern;

/// States of a training, one folder each: `step-00001200/` holds the slabs of values and moments in
/// safetensors files of at most [#PART_BYTES], and `state.json`. A folder takes its name when all of
/// it is on the disk, so a stop at any moment, or a full disk, leaves the ones before it untouched.
///
/// Batches, schedule and random numbers are functions of the seed and the step, so these numbers are
/// all that an exact resume needs.
public final class Checkpoints {
    /// Bytes of values in one file, so that it can be mailed and stored anywhere.
    static final long PART_BYTES = 15L << 20;

    private static final String STATE = "state.json";
    private static final Pattern NAME = Pattern.compile("step-(\\d{8,})");

    private final Path folder;
    private final int keep;
    private final Parts parts;

    /// Writes one file; tests put a full disk here.
    @FunctionalInterface
    interface Parts {
        void write(Path file, Map<String, Tensor> tensors, Map<String, String> metadata);
    }

    /// @param step optimizer steps done
    /// @param steps steps of the whole training
    /// @param recipe SHA-256 of the recipe
    public record State(long step, long steps, String recipe) {}

    /// @param folder where the checkpoints are
    /// @param keep how many of the newest stay
    public Checkpoints(Path folder, int keep) {
        this(folder, keep, SafetensorsWriter::write);
    }

    Checkpoints(Path folder, int keep, Parts parts) {
        if (keep < 1) {
            throw new IllegalArgumentException("at least 1 checkpoint must be kept, got " + keep);
        }
        this.folder = folder;
        this.keep = keep;
        this.parts = parts;
    }

    /// Writes a checkpoint, then removes the oldest ones.
    ///
    /// @return its folder
    public Path write(State state, Parameters parameters) {
        Path target = folder.resolve("step-%08d".formatted(state.step()));
        Path temporary = folder.resolve("." + target.getFileName() + ".part");
        try {
            Files.createDirectories(folder);
            delete(temporary);
            Files.createDirectory(temporary);
            writeParts(temporary, parameters);
            AtomicFile.writeText(temporary.resolve(STATE), toJson(state, parameters));
            delete(target);
            Files.move(temporary, target, StandardCopyOption.ATOMIC_MOVE);
            List<Path> all = all();
            for (Path old : all.subList(0, Math.max(0, all.size() - keep))) {
                delete(old);
            }
            return target;
        } catch (IOException e) {
            throw failed(target, e);
        } catch (RuntimeException e) {
            deleteQuietly(temporary);
            throw failed(target, e);
        }
    }

    private static ModelFileException failed(Path target, Exception e) {
        return new ModelFileException(
                target,
                "the checkpoint cannot be written (" + e.getMessage() + "); the ones before it are unchanged",
                e);
    }

    private void writeParts(Path into, Parameters parameters) {
        var slabs = slabs(parameters);
        var pieces = new LinkedHashMap<String, Tensor>();
        int elements = (int) (PART_BYTES / parameters.type().blockBytes());
        slabs.forEach((name, slab) -> {
            for (int from = 0; from < slab.dim(0); from += elements) {
                int to = Math.min(slab.dim(0), from + elements);
                pieces.put(name + "." + from, slab.rows(from, to));
            }
        });
        var file = new LinkedHashMap<String, Tensor>();
        long bytes = 0;
        int number = 0;
        for (var piece : pieces.entrySet()) {
            long more = piece.getValue().data().byteSize();
            if (!file.isEmpty() && bytes + more > PART_BYTES) {
                parts.write(into.resolve(partName(number++)), file, Map.of());
                file.clear();
                bytes = 0;
            }
            file.put(piece.getKey(), piece.getValue());
            bytes += more;
        }
        parts.write(into.resolve(partName(number)), file, Map.of());
    }

    private static String partName(int number) {
        return "part-" + number + ".safetensors";
    }

    private static Map<String, Tensor> slabs(Parameters parameters) {
        var slabs = new LinkedHashMap<String, Tensor>();
        slabs.put("values", parameters.values());
        slabs.put("first", parameters.first());
        slabs.put("second", parameters.second());
        return slabs;
    }

    private static String toJson(State state, Parameters parameters) {
        var fields = new LinkedHashMap<String, Object>();
        fields.put("step", state.step());
        fields.put("steps", state.steps());
        fields.put("recipe_sha256", state.recipe());
        fields.put("type", parameters.type().name());
        fields.put("elements", parameters.values().size());
        return Json.object(fields).toText(true);
    }

    /// The newest checkpoint that is complete.
    public Optional<Path> newest() {
        List<Path> all = all();
        return all.isEmpty() ? Optional.empty() : Optional.of(all.getLast());
    }

    /// What a checkpoint says of itself.
    public static State state(Path checkpoint) {
        var json = Json.readObject(checkpoint.resolve(STATE));
        return new State(json.longInteger("step"), json.longInteger("steps"), json.text("recipe_sha256"));
    }

    /// Copies a checkpoint into the slabs.
    public static State read(Path checkpoint, Parameters parameters) {
        var json = Json.readObject(checkpoint.resolve(STATE));
        long elements = json.longInteger("elements");
        if (elements != parameters.values().size()
                || !json.text("type").equals(parameters.type().name())) {
            throw new ModelFileException(
                    checkpoint,
                    "wanted " + parameters.values().size() + " elements of " + parameters.type()
                            + ", found " + elements + " of " + json.text("type")
                            + "; it belongs to another model");
        }
        var slabs = slabs(parameters);
        long arrived = 0;
        for (int number = 0; Files.exists(checkpoint.resolve(partName(number))); number++) {
            Path file = checkpoint.resolve(partName(number));
            try (Checkpoint part = Safetensors.open(file)) {
                for (String name : part.names()) {
                    Tensor piece = part.tensor(name);
                    place(file, slabs, name, piece);
                    arrived += piece.size();
                }
            }
        }
        if (arrived != 3 * elements) {
            throw new ModelFileException(
                    checkpoint,
                    "wanted " + 3 * elements + " elements in its parts, found " + arrived + "; a part is missing");
        }
        return state(checkpoint);
    }

    private static void place(Path file, Map<String, Tensor> slabs, String name, Tensor piece) {
        int dot = name.indexOf('.');
        Tensor slab = slabs.get(dot < 0 ? name : name.substring(0, dot));
        int from = -1;
        try {
            from = Integer.parseInt(name.substring(dot + 1));
        } catch (NumberFormatException _) {
            // reported below
        }
        if (slab == null || from < 0 || piece.type() != slab.type() || from > slab.dim(0) - piece.size()) {
            throw new ModelFileException(file, "its tensor \"" + name + "\" is no part of a state");
        }
        slab.rows(from, from + (int) piece.size()).data().copyFrom(piece.data());
    }

    /// Complete checkpoints, the oldest first.
    private List<Path> all() {
        var found = new ArrayList<Path>();
        if (Files.isDirectory(folder)) {
            try (var entries = Files.newDirectoryStream(folder)) {
                for (Path entry : entries) {
                    if (NAME.matcher(String.valueOf(entry.getFileName())).matches()) {
                        found.add(entry);
                    }
                }
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }
        found.sort(Comparator.comparing(p -> number(p)));
        return found;
    }

    private static long number(Path checkpoint) {
        return Long.parseLong(String.valueOf(checkpoint.getFileName()).substring("step-".length()));
    }

    private static void delete(Path tree) throws IOException {
        if (Files.isDirectory(tree)) {
            try (var entries = Files.newDirectoryStream(tree)) {
                for (Path entry : entries) {
                    delete(entry);
                }
            }
        }
        Files.deleteIfExists(tree);
    }

    private static void deleteQuietly(Path tree) {
        try {
            delete(tree);
        } catch (IOException _) {
            // the next checkpoint of the same step removes it
        }
    }
}
