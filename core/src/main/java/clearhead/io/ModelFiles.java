package clearhead.io;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/// Where the files of a model are. A model is said by name (a folder or file in one of the models
/// folders), or as a folder, a `.safetensors`, a `.gguf`, a llama2.c `.bin` or an exported `.onnx` file.
///
/// @param name what to call it: the folder's or the file's name without its ending
/// @param path what to load: the folder, or the file
/// @param weights the file with the tensors, or the index of a sharded checkpoint
public record ModelFiles(String name, Path path, Path weights) {
    private static final List<String> FILES = List.of(".gguf", ".safetensors", ".bin", ".onnx");
    private static final String INDEX = "model.safetensors.index.json";

    /// Finds a model.
    ///
    /// @param model name or path
    /// @param folders where models of a name are looked for, in this order
    /// @throws ModelFileException if there is none; it suggests the nearest
    public static ModelFiles resolve(String model, List<Path> folders) {
        Path path = path(model);
        if (Files.exists(path)) {
            return at(path);
        }
        boolean isPath = model.contains("/") || model.contains("\\") || isModelFile(model);
        if (!isPath) {
            for (Path folder : folders) {
                for (String ending :
                        Stream.concat(Stream.of(""), FILES.stream()).toList()) {
                    Path candidate = folder.resolve(model + ending);
                    if (Files.exists(candidate)) {
                        return at(candidate);
                    }
                }
            }
        }
        throw new ModelFileException("model \"" + model + '"', unknown(path, isPath, folders));
    }

    private static Path path(String model) {
        try {
            if (!model.isBlank()) {
                return Path.of(model);
            }
        } catch (InvalidPathException _) {
            // no such file, whatever the system
        }
        throw new ModelFileException("model \"" + model + '"', "wanted a name, a folder or a file");
    }

    private static String unknown(Path path, boolean isPath, List<Path> folders) {
        List<String> names = isPath
                ? beside(path)
                : list(folders).stream().map(ModelFiles::name).toList();
        String last = String.valueOf(path.getFileName());
        String nearest =
                Names.nearest(last, names).map(n -> "; nearest is \"" + n + '"').orElse("");
        if (isPath) {
            return "there is no such file or folder" + nearest;
        }
        String known = names.isEmpty() ? "" : "; there are " + String.join(", ", names);
        return "there is no model of that name" + nearest + known
                + "; a folder, .gguf, .safetensors, .onnx or llama2.c .bin file is taken too";
    }

    private static List<String> beside(Path path) {
        Path folder = path.toAbsolutePath().getParent();
        return children(folder == null ? path : folder).stream()
                .map(file -> String.valueOf(file.getFileName()))
                .toList();
    }

    /// Every model in these folders, by name.
    public static List<ModelFiles> list(List<Path> folders) {
        List<ModelFiles> found = new ArrayList<>();
        for (Path folder : folders) {
            for (Path child : children(folder)) {
                if (Files.isDirectory(child)) {
                    weights(child).ifPresent(w -> found.add(inFolder(child, w)));
                } else if (isModelFile(child.toString()) && !GgufSplit.isLater(child)) {
                    found.add(at(child));
                }
            }
        }
        return List.copyOf(found);
    }

    private static List<Path> children(Path folder) {
        try (var files = Files.list(folder)) {
            return files.sorted().toList();
        } catch (IOException _) {
            return List.of();
        }
    }

    private static boolean isModelFile(String name) {
        return FILES.stream().anyMatch(name::endsWith);
    }

    private static ModelFiles at(Path path) {
        if (Files.isDirectory(path)) {
            Path weights = weights(path)
                    .orElseThrow(() -> new ModelFileException(
                            path,
                            "wanted model.safetensors, " + INDEX
                                    + ", one .gguf file or model.onnx in this folder,"
                                    + " found none"));
            return inFolder(path, weights);
        }
        String file = String.valueOf(path.getFileName());
        if (file.endsWith(".json")) {
            return new ModelFiles(parentName(path), path, path);
        }
        String ending = FILES.stream()
                .filter(file::endsWith)
                .findFirst()
                .orElseThrow(() -> new ModelFileException(
                        path, "wanted a folder, or a .gguf, .safetensors, .onnx or" + " llama2.c .bin file"));
        String name = file.substring(0, file.length() - ending.length());
        boolean inFolder = name.equals("model") && (ending.equals(".safetensors") || ending.equals(".onnx"));
        return new ModelFiles(inFolder ? parentName(path) : name, path, path);
    }

    private static ModelFiles inFolder(Path folder, Path weights) {
        Path path = weights.toString().endsWith(".gguf") ? weights : folder;
        return new ModelFiles(folderName(folder.toAbsolutePath()), path, weights);
    }

    private static String parentName(Path file) {
        Path parent = file.toAbsolutePath().getParent();
        return parent == null ? file.toString() : folderName(parent);
    }

    /// The folder's own name; of a snapshot in the hub's cache, `models--org--name/snapshots/COMMIT`, the repository's.
    private static String folderName(Path folder) {
        Path whole = folder.normalize();
        int parts = whole.getNameCount();
        if (parts >= 3 && whole.getName(parts - 2).toString().equals("snapshots")) {
            String repo = whole.getName(parts - 3).toString();
            if (repo.startsWith("models--")) {
                return repo.substring(repo.lastIndexOf("--") + 2);
            }
        }
        return String.valueOf(whole.getFileName());
    }

    /// The file with the tensors in a folder: safetensors, in one file or several, the only GGUF, or `model.onnx`.
    private static Optional<Path> weights(Path folder) {
        for (String name : List.of("model.safetensors", INDEX)) {
            if (Files.exists(folder.resolve(name))) {
                return Optional.of(folder.resolve(name));
            }
        }
        List<Path> ggufs = children(folder).stream()
                .filter(f -> f.toString().endsWith(".gguf") && !GgufSplit.isLater(f))
                .toList();
        if (ggufs.size() == 1) {
            return Optional.of(ggufs.getFirst());
        }
        return Optional.of(folder.resolve("model.onnx")).filter(Files::exists);
    }

    /// The folder in which `config.json` and the tokenizer lie.
    public Path folder() {
        Path parent = weights.toAbsolutePath().getParent();
        return parent == null ? Path.of(".") : parent;
    }

    /// Opens the weights.
    public Checkpoint open() {
        String file = weights.toString();
        if (file.endsWith(".gguf")) {
            return Gguf.open(weights);
        }
        if (file.endsWith(".onnx")) {
            return Onnx.open(weights);
        }
        return file.endsWith(".bin") ? Llama2c.open(weights) : Safetensors.open(weights);
    }
}
