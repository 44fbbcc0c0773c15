package clearhead.model;

import clearhead.io.AtomicFile;
import clearhead.io.Cast;
import clearhead.io.Gguf;
import clearhead.io.Json;
import clearhead.io.Llama2c;
import clearhead.io.ModelFileException;
import clearhead.io.SafetensorsWriter;
import clearhead.io.SentencePieceFile;
import clearhead.tensor.DType;
import clearhead.tensor.Tensor;
import clearhead.tokenizer.TokenizerException;
import clearhead.tokenizer.TokenizerJson;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// Writes a model in another format or element type: from anything that [Model#load] reads to a
/// Hugging Face folder (`config.json`, `model.safetensors`, tokenizer) or a GGUF file. Tensors pass
/// through one at a time.
public final class Conversion {

    /// @param type element type of the matrices; empty keeps what the source has, where the target can
    ///     hold it, else float32
    /// @param overwrite whether files that are there may be replaced
    public record Options(Optional<DType> type, boolean overwrite) {
        public Options {
            type.ifPresent(t -> {
                if (!t.isReal()) {
                    throw new IllegalArgumentException("weights cannot be " + t);
                }
            });
        }
    }

    /// @param target the file with the weights
    /// @param bytes its size
    /// @param notes what could not be carried over, a sentence each
    public record Result(Path target, long bytes, int tensors, List<String> notes) {}

    /// Files of a folder that go along unchanged.
    private static final List<String> BESIDE = List.of(
            "tokenizer.json",
            "tokenizer_config.json",
            "tokenizer.model",
            "special_tokens_map.json",
            "generation_config.json",
            "chat_template.jinja");

    private final ModelSource source;
    private final Architecture architecture;
    private final CheckpointWeights weights;
    private final Options options;

    private Conversion(ModelSource source, Options options, Arena arena) {
        this.source = source;
        this.options = options;
        architecture = Architecture.of(source.config());
        CheckpointWeights.requireFinite(source.checkpoint());
        weights = new CheckpointWeights(source.checkpoint(), architecture, CheckpointWeights.Packing.NONE, arena);
    }

    /// Converts a model.
    ///
    /// @param from folder or file, as for [Model#load]
    /// @param to a file that ends in `.gguf`, or a folder, which is made
    /// @throws ModelFileException if something cannot be read or written, or the target is there
    public static Result convert(Path from, Path to, Options options) {
        try (ModelSource source = ModelSource.open(from);
                Arena arena = Arena.ofShared()) {
            var conversion = new Conversion(source, options, arena);
            return to.toString().endsWith(".gguf") ? conversion.toGguf(to) : conversion.toFolder(to);
        }
    }

    private void requireFree(Path target) {
        if (Files.exists(target) && !options.overwrite) {
            throw new ModelFileException(target, "is there already; choose another name or allow to overwrite it");
        }
    }

    private Result toGguf(Path target) {
        requireFree(target);
        return new GgufExport(source, architecture, weights).write(target, options.type);
    }

    private Result toFolder(Path folder) {
        Path target = folder.resolve("model.safetensors");
        requireFree(target);
        boolean made = !Files.exists(folder);
        List<String> notes = new ArrayList<>();
        try {
            Files.createDirectories(folder);
            Result weightsFile = writeWeights(target);
            AtomicFile.writeText(folder.resolve("config.json"), config(notes));
            writeTokenizer(folder, notes);
            return new Result(target, weightsFile.bytes(), weightsFile.tensors(), notes);
        } catch (IOException e) {
            throw new ModelFileException(folder, "cannot be written: " + e.getMessage(), e);
        } finally {
            if (made) {
                removeIfEmpty(folder);
            }
        }
    }

    private static void removeIfEmpty(Path folder) {
        try (var files = Files.list(folder)) {
            if (files.findAny().isEmpty()) {
                Files.delete(folder);
            }
        } catch (IOException _) {
            // an empty folder more does no harm
        }
    }

    private Result writeWeights(Path target) {
        Map<String, List<Parameter>> parts = Exported.byStoredName(architecture);
        try (var writer = SafetensorsWriter.create(target)) {
            writer.metadata(Map.of("format", "pt"));
            parts.forEach((name, list) ->
                    writer.declare(name, type(list), list.getFirst().storedShape()));
            long bytes = writer.bytes();
            parts.forEach((name, list) -> write(writer, name, list));
            writer.commit();
            return new Result(target, bytes, parts.size(), List.of());
        }
    }

    private DType type(List<Parameter> parts) {
        DType stored = weights.storedType(parts.getFirst());
        return options.type.orElse(stored.isQuantized() ? DType.F32 : stored);
    }

    private void write(SafetensorsWriter writer, String name, List<Parameter> parts) {
        try (Arena passing = Arena.ofShared()) {
            writer.write(name, Exported.joined(parts, p -> plain(p, passing), passing));
        }
    }

    /// Quantized weights cannot be moved element by element.
    private Tensor plain(Parameter p, Arena passing) {
        Tensor rows = weights.parameter(p, passing);
        return rows.type().isQuantized() && p.stored().transposed() ? Cast.to(rows, DType.F32, passing) : rows;
    }

    /// Sizes as the source has them, in settings that transformers knows: GGUF's divisors of frequencies
    /// come from Llama 3's rule in all public models.
    private Map<String, Object> known(List<String> notes) {
        var fields = new LinkedHashMap<>(architecture.config());
        List<Drawing.Rotation> rotations = architecture.rotations();
        if (rotations.isEmpty()) {
            return fields;
        }
        Drawing.Rotation rotation = rotations.getFirst();
        if (rotation.scaling() instanceof RopeScaling.Divided divided) {
            double theta = rotation.theta();
            Optional<RopeScaling> rule = divided.asLlama3(rotation.rotaryDim(), theta);
            if (rule.isPresent()) {
                fields.put("rope_parameters", rule.get().parameters(theta));
            } else {
                notes.add("its rotary frequencies follow no rule of transformers, which will not load it;"
                        + " config.json lists the divisors");
            }
        }
        return fields;
    }

    /// Sizes, and what else the source says: special tokens.
    private String config(List<String> notes) {
        Map<String, Object> fields = new LinkedHashMap<>(known(notes));
        source.config().json().fields().forEach((name, value) -> {
            if (name.endsWith("_token_id")) {
                fields.put(name, value);
            }
        });
        DType type = type(List.of(architecture.parameters().getFirst()));
        fields.remove("torch_dtype");
        fields.put(
                "dtype",
                switch (type) {
                    case F64 -> "float64";
                    case F16 -> "float16";
                    case BF16 -> "bfloat16";
                    default -> "float32";
                });
        return Json.object(fields).toText(true) + "\n";
    }

    private void writeTokenizer(Path folder, List<String> notes) throws IOException {
        Path from = source.folder();
        boolean copied = false;
        for (String name : BESIDE) {
            Path file = from.resolve(name);
            Path to = folder.resolve(name);
            if (source.isFolder() && Files.isRegularFile(file)) {
                if (!Files.exists(to) || !Files.isSameFile(file, to)) {
                    Files.copy(file, to, StandardCopyOption.REPLACE_EXISTING);
                }
                copied |= name.startsWith("tokenizer.");
            }
        }
        if (copied) {
            return;
        }
        Optional<Path> model = sentencePieceModel(source);
        Optional<SentencePieceFile> pieces = sentencePiece(source);
        if (model.isPresent()) {
            // with its rules of normalisation, which no other format keeps
            Files.copy(model.get(), folder.resolve("tokenizer.model"), StandardCopyOption.REPLACE_EXISTING);
        } else if (pieces.isPresent()) {
            pieces.get().write(folder.resolve("tokenizer.model"));
        } else if (source.tokenizer().isEmpty()) {
            notes.add("no tokenizer written: " + source.tokenizerProblem());
        } else {
            try {
                TokenizerJson.write(source.tokenizer().get(), folder.resolve("tokenizer.json"));
            } catch (TokenizerException e) {
                notes.add("no tokenizer.json written: " + e.getMessage());
            }
        }
        source.chatTemplate()
                .ifPresent(template -> AtomicFile.writeText(folder.resolve("chat_template.jinja"), template));
    }

    /// The SentencePiece vocabulary inside a GGUF, or in a file beside the weights.
    static Optional<SentencePieceFile> sentencePiece(ModelSource source) {
        if (source.checkpoint() instanceof Gguf gguf) {
            return "llama".equals(gguf.metadata().get("tokenizer.ggml.model"))
                    ? Optional.of(SentencePieceFile.of(gguf))
                    : Optional.empty();
        }
        Optional<Path> model = sentencePieceModel(source);
        if (model.isPresent()) {
            return model.map(SentencePieceFile::read);
        }
        return source.checkpoint() instanceof Llama2c llama2c
                ? beside(source, List.of(own(llama2c) + ".bin", "tokenizer.bin"))
                        .map(SentencePieceFile::readLlama2c)
                : Optional.empty();
    }

    private static Optional<Path> sentencePieceModel(ModelSource source) {
        return switch (source.checkpoint()) {
            case Gguf _ -> Optional.empty();
            case Llama2c llama2c -> beside(source, List.of(own(llama2c) + ".model", "tokenizer.model"));
            default -> beside(source, List.of("tokenizer.model"));
        };
    }

    private static String own(Llama2c llama2c) {
        return "tok" + llama2c.metadata().get("vocab_size");
    }

    private static Optional<Path> beside(ModelSource source, List<String> names) {
        return names.stream()
                .map(source.folder()::resolve)
                .filter(Files::isRegularFile)
                .findFirst();
    }
}
