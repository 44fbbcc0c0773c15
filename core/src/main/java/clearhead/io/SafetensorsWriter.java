package clearhead.io;

import clearhead.tensor.DType;
import clearhead.tensor.Layout;
import clearhead.tensor.Shape;
import clearhead.tensor.Tensor;
import java.io.ByteArrayOutputStream;
import java.lang.foreign.Arena;
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
    private static final int CHUNK = 1 << 18;
    private static final int HEADER_ALIGNMENT = 8;
    private static final ValueLayout.OfLong I64 =
            ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    /// A declared tensor and how much of it has arrived.
    private static final class Slot {
        private final String name;
        private final DType type;
        private final Shape shape;
        private long offset;
        private long arrived;

        Slot(String name, DType type, Shape shape) {
            this.name = name;
            this.type = type;
            this.shape = shape;
        }

        long bytes() {
            return type.bytes(shape.size());
        }
    }

    private final Path target;
    private final AtomicFile file;
    private final Map<String, Slot> slots = new LinkedHashMap<>();
    private final Map<String, String> metadata = new LinkedHashMap<>();
    private final Arena arena = Arena.ofShared();
    private final MemorySegment buffer = arena.allocate(CHUNK * 8L, 64);
    private byte[] header = new byte[0];

    private SafetensorsWriter(Path target, AtomicFile file) {
        this.target = target;
        this.file = file;
    }

    public static SafetensorsWriter create(Path target) {
        return create(target, AtomicFile.create(target));
    }

    static SafetensorsWriter create(Path target, AtomicFile file) {
        return new SafetensorsWriter(target, file);
    }

    /// Writes these tensors as they are, in one go.
    public static void write(
            Path target, Map<String, Tensor> tensors, Map<String, String> metadata) {
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
        if (slots.putIfAbsent(name, new Slot(name, type, shape)) != null) {
            throw new IllegalArgumentException("tensor \"" + name + "\" is declared twice");
        }
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
        for (Slot slot : slots.values()) {
            sum = Math.addExact(sum, slot.bytes());
        }
        return sum;
    }

    /// Writes a whole tensor.
    public void write(String name, Tensor values) {
        Slot slot = slot(name);
        if (!values.shape().equals(slot.shape) || slot.arrived != 0) {
            throw new IllegalArgumentException(
                    "tensor \"" + name + "\": wanted all of " + slot.shape + " at once, found "
                            + values.shape() + " after " + slot.arrived + " elements");
        }
        append(name, values);
    }

    /// Writes the next elements of a tensor, in row-major order.
    public void append(String name, Tensor values) {
        if (file.size() == 0) {
            file.requireSpace(bytes());
            file.append(header);
        }
        Slot slot = slot(name);
        if (values.size() > slot.shape.size() - slot.arrived) {
            throw new IllegalArgumentException(
                    "tensor \"" + name + "\": wanted " + (slot.shape.size() - slot.arrived)
                            + " more elements at most, found " + values.size());
        }
        long at = header.length + slot.offset + slot.type.bytes(slot.arrived);
        if (values.type() == slot.type && values.layout() == Layout.ROWS) {
            file.write(at, values.data());
        } else {
            convert(name, values, slot.type, at);
        }
        slot.arrived += values.size();
    }

    private void convert(String name, Tensor values, DType type, long at) {
        for (long first = 0; first < values.size(); first += CHUNK) {
            long count = Math.min(CHUNK, values.size() - first);
            MemorySegment chunk = buffer.asSlice(0, type.bytes(count));
            try {
                Cast.copy(values, first, count, type, chunk);
            } catch (IllegalArgumentException e) {
                throw new ModelFileException(
                        target, "tensor \"" + name + "\": " + e.getMessage(), e);
            }
            file.write(at + type.bytes(first), chunk);
        }
    }

    /// Puts the complete file in its place.
    public void commit() {
        if (file.size() == 0) {
            file.append(headerBytes());
        }
        for (Slot slot : slots.values()) {
            if (slot.arrived != slot.shape.size()) {
                throw new IllegalStateException(
                        "tensor \"" + slot.name + "\": wanted " + slot.shape.size()
                                + " elements, only " + slot.arrived + " have arrived");
            }
        }
        file.commit();
    }

    private byte[] headerBytes() {
        bytes();
        return header;
    }

    /// Without a [#commit] before it, leaves no file.
    @Override
    public void close() {
        file.close();
        arena.close();
    }

    private Slot slot(String name) {
        Slot slot = slots.get(name);
        if (slot == null) {
            throw new IllegalArgumentException("tensor \"" + name + "\" was not declared");
        }
        return slot;
    }

    private void requireOpenHeader() {
        if (header.length > 0) {
            throw new IllegalStateException("all tensors must be declared before the first value");
        }
    }

    /// Gives every tensor its place, wide types first so that all are aligned, and makes the header
    /// with its length in front.
    private byte[] layOut() {
        List<Slot> order = new ArrayList<>(slots.values());
        order.sort(Comparator.comparingInt((Slot slot) -> slot.type.blockBytes()).reversed());
        long offset = 0;
        for (Slot slot : order) {
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
            for (Slot slot : order) {
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
                    target, "its header would take " + bytes.size() + " bytes, wanted at most "
                            + Safetensors.MAX_HEADER);
        }
        byte[] whole = new byte[8 + bytes.size()];
        MemorySegment.ofArray(whole).set(I64, 0, bytes.size());
        System.arraycopy(bytes.toByteArray(), 0, whole, 8, bytes.size());
        return whole;
    }
}
