package clearhead.io;

import clearhead.tensor.DType;
import clearhead.tensor.Shape;
import clearhead.tensor.Tensor;
import java.io.ByteArrayOutputStream;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/// Writes a safetensors file as a stream. All names, types and shapes are declared first, so that the
/// size of the file is known before anything is computed; then values arrive tensor by tensor, or
/// piece by piece, in any order of tensors, and go to the disk at once. The file appears under its
/// name only when it is complete ([AtomicFile]).
///
/// ```java
/// try (var writer = SafetensorsWriter.create(file)) {
///     writer.declare("logits", DType.F32, tokens, vocab).declare("q.0", DType.F32, tokens, dim);
///     writer.write("logits", logits);
///     for (Tensor part : parts) writer.append("q.0", part);
///     writer.commit();
/// }
/// ```
public final class SafetensorsWriter implements AutoCloseable {
    private static final int HEADER_ALIGNMENT = 8;
    private static final ValueLayout.OfLong I64 = ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    private final Path target;
    private final AtomicFile file;
    private final Slots slots;
    private final Map<String, String> metadata = new LinkedHashMap<>();
    private byte[] header = new byte[0];

    private SafetensorsWriter(Path target, AtomicFile file) {
        this.target = target;
        this.file = file;
        slots = new Slots(target, file);
    }

    public static SafetensorsWriter create(Path target) {
        return create(target, AtomicFile.create(target));
    }

    static SafetensorsWriter create(Path target, AtomicFile file) {
        return new SafetensorsWriter(target, file);
    }

    /// Writes these tensors as they are, in one go.
    public static void write(Path target, Map<String, Tensor> tensors, Map<String, String> metadata) {
        try (var writer = create(target)) {
            writer.metadata(metadata);
            tensors.forEach((name, t) -> writer.declare(name, t.type(), t.shape()));
            tensors.forEach(writer::write);
            writer.commit();
        }
    }

    /// Adds strings to the file's `__metadata__`.
    public SafetensorsWriter metadata(Map<String, String> entries) {
        requireOpenHeader();
        metadata.putAll(entries);
        return this;
    }

    /// Announces a tensor.
    ///
    /// @param type how it is stored; values of other types are converted as they arrive
    public SafetensorsWriter declare(String name, DType type, int... dims) {
        return declare(name, type, new Shape(dims));
    }

    /// Announces a tensor.
    public SafetensorsWriter declare(String name, DType type, Shape shape) {
        requireOpenHeader();
        if (type.isQuantized()) {
            throw new ModelFileException(
                    target, "safetensors cannot hold " + type + "; choose F32, F16 or BF16, or GGUF");
        }
        if (name.equals("__metadata__")) {
            throw new IllegalArgumentException("no tensor may be called __metadata__");
        }
        slots.declare(name, type, shape);
        return this;
    }

    /// Bytes of the whole file. Ends the declarations.
    public long bytes() {
        if (header.length == 0) {
            header = layOut();
        }
        return Math.addExact((long) header.length, dataBytes());
    }

    private long dataBytes() {
        long sum = 0;
        for (Slots.Slot slot : slots.all()) {
            sum = Math.addExact(sum, slot.bytes());
        }
        return sum;
    }

    /// Writes a whole tensor.
    public void write(String name, Tensor values) {
        begin();
        slots.write(header.length, name, values);
    }

    /// Writes the next elements of a tensor, in row-major order.
    public void append(String name, Tensor values) {
        begin();
        slots.append(header.length, name, values);
    }

    private void begin() {
        if (file.size() == 0) {
            file.requireSpace(bytes());
            file.append(header);
        }
    }

    /// Puts the complete file in its place.
    public void commit() {
        begin();
        slots.requireComplete();
        file.commit();
    }

    /// Without a [#commit] before it, leaves no file.
    @Override
    public void close() {
        file.close();
        slots.close();
    }

    private void requireOpenHeader() {
        if (header.length > 0) {
            throw new IllegalStateException("all tensors must be declared before the first value");
        }
    }

    /// Gives every tensor its place, wide types first so that all are aligned, and makes the header
    /// with its length in front.
    private byte[] layOut() {
        List<Slots.Slot> order = new ArrayList<>(slots.all());
        order.sort(Comparator.comparingInt((Slots.Slot slot) -> slot.type.blockBytes())
                .reversed());
        long offset = 0;
        for (Slots.Slot slot : order) {
            slot.offset = offset;
            offset = Math.addExact(offset, slot.bytes());
        }
        var bytes = new ByteArrayOutputStream();
        try (var json = JsonWriter.to(bytes, false)) {
            json.beginObject();
            if (!metadata.isEmpty()) {
                json.name("__metadata__").beginObject();
                metadata.forEach(json::field);
                json.endObject();
            }
            for (Slots.Slot slot : order) {
                json.name(slot.name).beginObject();
                json.field("dtype", slot.type.name());
                json.name("shape").value(slot.shape.dims());
                json.name("data_offsets").beginArray();
                json.value(slot.offset).value(slot.offset + slot.bytes()).endArray();
                json.endObject();
            }
            json.endObject();
        }
        while (bytes.size() % HEADER_ALIGNMENT != 0) {
            bytes.write(' ');
        }
        if (bytes.size() > Safetensors.MAX_HEADER) {
            throw new ModelFileException(
                    target,
                    "its header would take " + bytes.size() + " bytes, wanted at most " + Safetensors.MAX_HEADER);
        }
        byte[] whole = new byte[8 + bytes.size()];
        MemorySegment.ofArray(whole).set(I64, 0, bytes.size());
        System.arraycopy(bytes.toByteArray(), 0, whole, 8, bytes.size());
        return whole;
    }
}
