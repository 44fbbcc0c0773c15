package clearhead.io;

import clearhead.tensor.DType;
import clearhead.tensor.Shape;
import clearhead.tensor.Tensor;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;

/// Writes a GGUF anew with its weights in other types; names, order and metadata stay, whatever the
/// architecture.
public final class GgufQuantizer {
    private GgufQuantizer() {}

    /// @param tensors how many there are
    /// @param sourceBytes bytes of the tensors before
    /// @param bytes size of the file that was written
    /// @param types how many tensors are of which type
    public record Result(int tensors, long sourceBytes, long bytes, Map<DType, Integer> types) {}

    /// @param source its quantized weights are expanded first, which loses a little
    /// @param target appears when it is complete, and replaces what is there
    public static Result quantize(Gguf source, GgufMixture mixture, Path target) {
        Map<String, Shape> shapes = new LinkedHashMap<>();
        source.entries().forEach(entry -> shapes.put(entry.name(), entry.shape()));
        Map<String, DType> changed = mixture.types(GgufMixture.Facts.of(source.values()), shapes);
        Map<String, DType> types = new LinkedHashMap<>();
        Map<DType, Integer> counts = new LinkedHashMap<>();
        long before = 0;
        try (GgufWriter writer = GgufWriter.create(target)) {
            source.values().forEach((key, value) -> {
                if (!key.startsWith("split.")) {
                    writer.put(key, value);
                }
            });
            writer.put("general.file_type", GgufValue.u32(mixture.fileType()));
            writer.put("general.quantization_version", GgufValue.u32(2));
            for (Checkpoint.Entry entry : source.entries()) {
                DType type = changed.getOrDefault(
                        entry.name(), source.tensor(entry.name()).type());
                types.put(entry.name(), type);
                counts.merge(type, 1, Integer::sum);
                writer.declare(entry.name(), type, entry.shape());
                before += entry.bytes();
            }
            long bytes = writer.bytes();
            for (String name : types.keySet()) {
                Tensor tensor = source.tensor(name);
                writer.write(name, tensor);
            }
            writer.commit();
            return new Result(types.size(), before, bytes, counts);
        }
    }
}
