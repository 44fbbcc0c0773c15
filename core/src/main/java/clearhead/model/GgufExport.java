package clearhead.model;

import clearhead.io.Checkpoint;
import clearhead.io.Gguf;
import clearhead.io.GgufValue;
import clearhead.io.GgufVocabulary;
import clearhead.io.GgufWriter;
import clearhead.io.Json;
import clearhead.io.ModelFileException;
import clearhead.io.SentencePieceFile;
import clearhead.model.Parameter.Stored;
import clearhead.tensor.DType;
import clearhead.tensor.Shape;
import clearhead.tensor.Tensor;
import clearhead.tokenizer.TokenizerException;
import clearhead.tokenizer.TokenizerJson;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// A model as a GGUF that llama.cpp runs: its names, its metadata, queries and keys in its order.
/// Vectors and learned positions are float32, as llama.cpp wants them.
final class GgufExport {
    /// What llama.cpp reads as float32 only, by a part of its name.
    private static final List<String> NEVER_NARROW =
            List.of("position_embd", "token_types", "ffn_gate_inp", "attn_sinks");

    private final ModelSource source;
    private final Architecture architecture;
    private final CheckpointWeights weights;
    private final GgufNames names;
    private final List<String> notes = new ArrayList<>();

    GgufExport(ModelSource source, Architecture architecture, CheckpointWeights weights) {
        this.source = source;
        this.architecture = architecture;
        this.weights = weights;
        names = new GgufNames(architecture);
    }

    Conversion.Result write(Path target, Optional<DType> wanted) {
        var settings = new GgufMetadata(architecture, notes);
        Map<String, List<Part>> tensors = tensors();
        var types = new LinkedHashMap<String, DType>();
        tensors.forEach((name, parts) -> types.put(name, type(name, parts.getFirst(), wanted)));
        try (Arena arena = Arena.ofShared()) {
            Map<String, Tensor> divisors = divisors(arena);
            Map<String, GgufValue> metadata = metadata(settings, fileType(tensors, types));
            requireSame(target, metadata, tensors, divisors);
            try (var writer = GgufWriter.create(target)) {
                metadata.forEach(writer::put);
                divisors.forEach((name, d) -> writer.declare(name, DType.F32, d.shape()));
                tensors.forEach((name, parts) -> writer.declare(
                        name,
                        types.getOrDefault(name, DType.F32),
                        parts.getFirst().shape()));
                long bytes = writer.bytes();
                divisors.forEach(writer::write);
                tensors.forEach((name, parts) -> write(writer, name, parts));
                writer.commit();
                return new Conversion.Result(target, bytes, tensors.size() + divisors.size(), notes);
            }
        }
    }

    /// A parameter with its place in the file.
    private record Part(Parameter parameter, Stored place) {
        Shape shape() {
            return parameter.storedShape(place);
        }
    }

    /// Parameters by the tensor that is to hold them, in the order in which they lie there.
    private Map<String, List<Part>> tensors() {
        var tensors = new LinkedHashMap<String, List<Part>>();
        for (Parameter p : architecture.parameters()) {
            Stored place = names.written(p)
                    .orElseThrow(() -> wrong(
                            "llama.cpp has no tensor for \"" + p.stored().name() + "\" of a " + architecture.name()));
            tensors.computeIfAbsent(place.name(), _ -> new ArrayList<>()).add(new Part(p, place));
        }
        Comparator<Part> inTurn = Comparator.comparingInt(part -> part.place.index());
        tensors.values()
                .forEach(parts -> parts.sort(
                        inTurn.thenComparingInt(part -> part.place.rows().first())));
        return tensors;
    }

    /// Vectors, norms and routers stay float32, and so do tables of positions and of segments.
    private DType type(String name, Part part, Optional<DType> wanted) {
        Parameter p = part.parameter;
        if (p.shape().rank() == 1
                || name.contains("_norm.")
                || NEVER_NARROW.stream().anyMatch(name::contains)) {
            return DType.F32;
        }
        DType type = wanted.orElse(weights.storedType(p));
        boolean held = switch (type) {
            case F32, F16, BF16 -> true;
            default -> type.isQuantized() && p.shape().dim(-1) % type.blockSize() == 0;
        };
        return held ? type : DType.F32;
    }

    private void write(GgufWriter writer, String name, List<Part> parts) {
        try (Arena passing = Arena.ofShared()) {
            for (Part part : parts) {
                Tensor rows = weights.parameter(part.parameter.name(), passing);
                int heads = part.place.rotaryHeads();
                writer.append(name, heads > 0 ? Elements.neighbours(rows, heads, passing) : rows);
            }
        }
    }

    /// Reads the settings as whoever opens the file will, and refuses to write what comes back otherwise.
    /// A window that is lost is noted only: it concerns long texts.
    private void requireSame(
            Path target,
            Map<String, GgufValue> metadata,
            Map<String, List<Part>> tensors,
            Map<String, Tensor> divisors) {
        var entries = new ArrayList<Checkpoint.Entry>();
        divisors.forEach((name, d) -> entries.add(new Checkpoint.Entry(name, "F32", d.shape(), 0)));
        tensors.forEach((name, parts) ->
                entries.add(new Checkpoint.Entry(name, "F32", parts.getFirst().shape(), 0)));
        var again = Architecture.of(GgufConfig.of(new Planned(target, entries, divisors, plain(metadata))));
        for (Likeness.Difference difference : Likeness.differences(architecture, again)) {
            if (!difference.path().contains(".mask") && !difference.path().equals("context")) {
                throw wrong("a GGUF cannot hold this " + architecture.name() + ": " + difference);
            }
        }
    }

    private static Map<String, Object> plain(Map<String, GgufValue> metadata) {
        var values = new LinkedHashMap<String, Object>();
        metadata.forEach((key, value) -> values.put(key, value.plain()));
        return values;
    }

    /// A file that is not written yet.
    private record Planned(Path source, List<Entry> entries, Map<String, Tensor> divisors, Map<String, Object> metadata)
            implements Checkpoint {
        @Override
        public boolean has(String name) {
            return entries.stream().anyMatch(entry -> entry.name().equals(name));
        }

        @Override
        public Tensor tensor(String name) {
            Tensor tensor = divisors.get(name);
            if (tensor == null) {
                throw new ModelFileException(source, "there is no tensor \"" + name + "\"");
            }
            return tensor;
        }

        @Override
        public void close() {}
    }

    private Map<String, GgufValue> metadata(GgufMetadata settings, int fileType) {
        Map<String, GgufValue> values = new LinkedHashMap<>();
        values.put("general.architecture", GgufValue.text(settings.name()));
        values.put("general.type", GgufValue.text("model"));
        values.put("general.name", GgufValue.text(source.name()));
        if (source.checkpoint() instanceof Gguf gguf) {
            gguf.values().forEach((key, value) -> {
                if (key.startsWith("general.")) {
                    values.put(key, value);
                }
            });
        }
        values.put("general.file_type", GgufValue.u32(fileType));
        values.put("general.quantization_version", GgufValue.u32(2));
        values.putAll(settings.values());
        vocabulary(values);
        return values;
    }

    /// llama.cpp's number for the type of most weights.
    private static int fileType(Map<String, List<Part>> tensors, Map<String, DType> types) {
        var elements = new LinkedHashMap<DType, Long>();
        tensors.forEach((name, parts) -> elements.merge(
                types.getOrDefault(name, DType.F32), parts.getFirst().shape().size(), Long::sum));
        DType most = elements.entrySet().stream()
                .max(Map.Entry.comparingByValue())
                .orElseThrow()
                .getKey();
        return switch (most) {
            case F16 -> 1;
            case Q4_0 -> 2;
            case Q4_1 -> 3;
            case Q8_0 -> 7;
            case BF16 -> 32;
            case Q5_0 -> 8;
            case Q5_1 -> 9;
            case Q2_K -> 10;
            case Q3_K -> 12;
            case Q4_K -> 15;
            case Q5_K -> 17;
            case Q6_K -> 18;
            case IQ4_NL -> 25;
            case IQ4_XS -> 30;
            case MXFP4 -> 38;
            default -> 0;
        };
    }

    private ModelFileException wrong(String problem) {
        return new ModelFileException(source.path(), problem);
    }

    /// What rotary frequencies are divided by, each [pairs], if they are.
    private Map<String, Tensor> divisors(Arena arena) {
        if (architecture.rotations().isEmpty()) {
            return Map.of();
        }
        Drawing.Rotation rotation = architecture.rotations().getFirst();
        int turning = rotation.rotaryDim();
        double theta = rotation.theta();
        RopeScaling scaling = rotation.scaling();
        return switch (scaling) {
            case RopeScaling.Llama3 _, RopeScaling.Divided _ -> {
                double[] divisors = new RopeScaling.None().frequencies(turning, theta);
                double[] scaled = scaling.frequencies(turning, theta);
                for (int j = 0; j < divisors.length; j++) {
                    divisors[j] /= scaled[j];
                }
                yield Map.of("rope_freqs.weight", Tensor.of(arena, DType.F32, divisors, divisors.length));
            }
            case RopeScaling.LongRope rule -> {
                var both = new LinkedHashMap<String, Tensor>();
                both.put("rope_factors_long.weight", factors(arena, rule.longer()));
                both.put("rope_factors_short.weight", factors(arena, rule.shorter()));
                yield both;
            }
            case RopeScaling.None _,
                    RopeScaling.Linear _,
                    RopeScaling.Dynamic _,
                    RopeScaling.Yarn _,
                    RopeScaling.Proportional _ -> Map.of();
        };
    }

    private static Tensor factors(Arena arena, List<Double> factors) {
        double[] values = factors.stream().mapToDouble(Double::doubleValue).toArray();
        return Tensor.of(arena, DType.F32, values, values.length);
    }

    private void vocabulary(Map<String, GgufValue> values) {
        if (source.checkpoint() instanceof Gguf gguf) {
            gguf.values().forEach((key, value) -> {
                if (key.startsWith("tokenizer.")) {
                    values.put(key, value);
                }
            });
            return;
        }
        try {
            values.putAll(tokenizer());
        } catch (ModelFileException | TokenizerException e) {
            notes.add("no vocabulary written: " + e.getMessage());
            return;
        }
        source.config().bos().ifPresent(id -> values.put("tokenizer.ggml.bos_token_id", GgufValue.u32(id)));
        source.config().eos().stream()
                .findFirst()
                .ifPresent(id -> values.put("tokenizer.ggml.eos_token_id", GgufValue.u32(id)));
        if (source.config().json().find("pad_token_id").orElse(null) instanceof Json.Num) {
            int pad = source.config().json().integer("pad_token_id");
            if (pad >= 0) {
                values.put("tokenizer.ggml.padding_token_id", GgufValue.u32(pad));
            }
        }
        source.chatTemplate().ifPresent(t -> values.put("tokenizer.chat_template", GgufValue.text(t)));
    }

    private Map<String, GgufValue> tokenizer() {
        Path beside = source.folder().resolve("tokenizer.json");
        if (source.isFolder() && Files.isRegularFile(beside)) {
            return GgufVocabulary.of(beside, architecture.vocab());
        }
        Optional<SentencePieceFile> pieces = Conversion.sentencePiece(source);
        if (pieces.isPresent()) {
            return pieces.get().toGguf();
        }
        if (source.tokenizer().isEmpty()) {
            throw wrong(source.tokenizerProblem());
        }
        try {
            Path passing = Files.createTempFile("tokenizer", ".json");
            try {
                TokenizerJson.write(source.tokenizer().get(), passing);
                return GgufVocabulary.of(passing, architecture.vocab());
            } finally {
                Files.deleteIfExists(passing);
            }
        } catch (IOException e) {
            throw wrong("its vocabulary cannot be written for a moment: " + e.getMessage());
        }
    }
}
