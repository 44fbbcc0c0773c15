package clearhead.io;

import clearhead.tensor.Shape;
import clearhead.tensor.Tensor;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/// Named tensors and metadata of a model, memory-mapped: opening checks the whole structure and reads
/// no weights. Safe to use from several threads. Tensors die with the checkpoint.
public interface Checkpoint extends AutoCloseable {

    /// What is known of a tensor without touching its values.
    ///
    /// @param type the file format's own name of the element type, such as `BF16` or `Q4_K`
    /// @param shape axes, outermost first
    /// @param bytes size of its data in the file
    record Entry(String name, String type, Shape shape, long bytes) {}

    /// The file (or the index of a sharded checkpoint) that was opened.
    Path source();

    /// Every tensor, in the order of the data in the file.
    List<Entry> entries();

    /// Names of the tensors, in the order of the data in the file.
    default List<String> names() {
        return entries().stream().map(Entry::name).toList();
    }

    /// Whether there is a tensor of this name.
    boolean has(String name);

    /// The tensor of this name: a read-only view of the mapped file.
    ///
    /// @throws ModelFileException if there is none, or its element type is not supported
    Tensor tensor(String name);

    /// The file's metadata, in file order. Safetensors: strings. GGUF: numbers, strings and arrays as
    /// [GgufValue] lists them.
    Map<String, Object> metadata();

    @Override
    void close();
}
