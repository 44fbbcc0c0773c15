package clearhead.app;

import clearhead.io.Gguf;
import clearhead.io.GgufMixture;
import clearhead.io.GgufQuantizer;
import clearhead.io.JsonWriter;
import clearhead.io.ModelFileException;
import clearhead.model.Conversion;
import clearhead.tensor.DType;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.io.Writer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/// A model written as a GGUF in one of llama.cpp's mixtures of types, as `convert` and `quantize` do.
///
/// @param notes what could not be carried over
record Quantized(Path target, GgufQuantizer.Result result, List<String> notes) {

    /// Names of mixtures on the command line.
    static final class Names implements ITypeConverter<GgufMixture>, Iterable<String> {
        @Override
        public GgufMixture convert(String name) {
            return GgufMixture.named(name)
                    .orElseThrow(() ->
                            new TypeConversionException("there is no type " + name + Nearest.hint(name, labels())));
        }

        private static List<String> labels() {
            return Arrays.stream(GgufMixture.values()).map(GgufMixture::label).toList();
        }

        @Override
        public Iterator<String> iterator() {
            return labels().iterator();
        }
    }

    /// @param source a GGUF of any architecture, or a model that this program knows
    static Quantized write(Path source, GgufMixture mixture, Path target, boolean overwrite) {
        if (!target.toString().endsWith(".gguf")) {
            throw new UsageException(mixture.label() + " is a type of GGUF: --out wants a name that ends in .gguf");
        }
        try {
            if (Files.exists(target) && Files.isSameFile(source, target)) {
                throw new UsageException(target + " is the model itself; choose another name");
            }
            if (Files.exists(target) && !overwrite) {
                throw new ModelFileException(target, "is there already; choose another name or add --overwrite");
            }
            if (source.toString().endsWith(".gguf")) {
                return quantize(source, mixture, target, List.of());
            }
            Path folder = target.toAbsolutePath().getParent();
            Path between = Files.createTempFile(folder == null ? Path.of(".") : folder, "quantize", ".gguf");
            try {
                var asIs = new Conversion.Options(Optional.empty(), true);
                return quantize(
                        between,
                        mixture,
                        target,
                        Conversion.convert(source, between, asIs).notes());
            } finally {
                Files.deleteIfExists(between);
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static Quantized quantize(Path source, GgufMixture mixture, Path target, List<String> notes) {
        try (Gguf gguf = Gguf.open(source)) {
            return new Quantized(target, GgufQuantizer.quantize(gguf, mixture, target), notes);
        }
    }

    /// One line for people.
    String line() {
        String types = result.types().entrySet().stream()
                .sorted(Map.Entry.<DType, Integer>comparingByValue().reversed())
                .map(e -> e.getValue() + " " + e.getKey())
                .collect(Collectors.joining(", "));
        return "wrote " + target + ": " + result.tensors() + " tensors (" + types + "), " + result.bytes()
                + " bytes, the tensors had " + result.sourceBytes();
    }

    void writeJson(Writer to, String command) {
        try (var json = JsonWriter.to(to, true)) {
            json.beginObject().field("command", command);
            json.field("target", target.toString());
            json.field("tensors", result.tensors()).field("bytes", result.bytes());
            json.field("source_bytes", result.sourceBytes());
            json.name("types").beginObject();
            result.types().forEach((type, count) -> json.field(type.name(), count));
            json.endObject();
            json.name("notes").value(notes).endObject();
        }
    }
}
