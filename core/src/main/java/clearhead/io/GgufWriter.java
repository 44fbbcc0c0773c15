package clearhead.io;

import clearhead.tensor.DType;
import clearhead.tensor.Shape;
import clearhead.tensor.Tensor;
import java.io.ByteArrayOutputStream;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/// Writes a GGUF of version 3 as a stream: metadata and shapes are declared first, then values arrive
/// tensor by tensor and go to the disk at once. The file appears under its name only when it is
/// complete ([AtomicFile]).
public final class GgufWriter implements AutoCloseable {
    private static final int VERSION = 3;

    private final Path target;
    private final AtomicFile file;
    private final Slots slots;
    private final Map<String, GgufValue> values = new LinkedHashMap<>();
    private byte[] header = new byte[0];
    private long bytes;

    private GgufWriter(Path target, AtomicFile file) {
        this.target = target;
        this.file = file;
        slots = new Slots(target, file);
    }

    public static GgufWriter create(Path target) {
        return new GgufWriter(target, AtomicFile.create(target));
    }

    /// Adds a metadata value; `general.alignment` is the writer's own.
    public GgufWriter put(String key, GgufValue value) {
        requireOpenHeader();
        if (!key.equals(Gguf.ALIGNMENT_KEY)) {
            values.put(key, value);
        }
        return this;
    }

    /// Announces a tensor.
    ///
    /// @param type how it is stored; values of other types are converted as they arrive
    /// @param shape axes, outermost first
    public GgufWriter declare(String name, DType type, Shape shape) {
        requireOpenHeader();
        if (GgufType.of(type).isEmpty()) {
            throw new ModelFileException(target, "GGUF cannot hold " + type);
        }
        if (name.getBytes(StandardCharsets.UTF_8).length > Gguf.MAX_NAME || shape.rank() > Gguf.MAX_RANK) {
            throw new ModelFileException(
                    target,
                    "GGUF cannot hold \"" + name + "\" " + shape + ": wanted a name of at most " + Gguf.MAX_NAME
                            + " bytes and at most " + Gguf.MAX_RANK + " axes");
        }
        if (type.isQuantized() && (shape.rank() == 0 || shape.dim(-1) % type.blockSize() != 0)) {
            throw new ModelFileException(
                    target,
                    "\"" + name + "\" " + shape + " cannot be stored as " + type + ", whose blocks take "
                            + type.blockSize() + " elements of a row");
        }
        slots.declare(name, type, shape);
        return this;
    }

    /// Bytes of the whole file. Ends the declarations.
    public long bytes() {
        if (header.length == 0) {
            header = layOut();
        }
        return bytes;
    }

    /// Writes a whole tensor.
    public void write(String name, Tensor tensor) {
        begin();
        slots.write(header.length, name, tensor);
    }

    /// Writes the next elements of a tensor, in row-major order.
    public void append(String name, Tensor tensor) {
        begin();
        slots.append(header.length, name, tensor);
    }

    private void begin() {
        if (file.size() == 0) {
            file.requireSpace(bytes());
            file.append(header);
            // the file is as long as it will be, padding at its end included
            if (bytes > header.length) {
                file.write(bytes - 1, MemorySegment.ofArray(new byte[1]));
            }
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
            throw new IllegalStateException("metadata and tensors must be declared before the first value");
        }
    }

    private byte[] layOut() {
        var out = new Out();
        out.u32(Gguf.MAGIC);
        out.u32(VERSION);
        out.u64(slots.all().size());
        out.u64(values.size());
        values.forEach((key, value) -> {
            out.text(key);
            out.value(value);
        });
        long offset = 0;
        for (Slots.Slot slot : slots.all()) {
            slot.offset = offset;
            out.text(slot.name);
            out.u32(slot.shape.rank());
            for (int axis = slot.shape.rank() - 1; axis >= 0; axis--) {
                out.u64(slot.shape.dim(axis));
            }
            out.u32(GgufType.of(slot.type).orElseThrow().code());
            out.u64(offset);
            offset = Gguf.padded(Math.addExact(offset, slot.bytes()), Gguf.DEFAULT_ALIGNMENT);
        }
        while (out.size() % Gguf.DEFAULT_ALIGNMENT != 0) {
            out.write(0);
        }
        bytes = Math.addExact((long) out.size(), offset);
        return out.toByteArray();
    }

    /// Little-endian numbers, strings and values.
    private static final class Out extends ByteArrayOutputStream {
        private final ByteBuffer number = ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN);

        private void bytes(int count, long bits) {
            number.putLong(0, bits);
            write(number.array(), 0, count);
        }

        void u32(int bits) {
            bytes(4, bits);
        }

        void u64(long bits) {
            bytes(8, bits);
        }

        void text(String text) {
            byte[] utf8 = text.getBytes(StandardCharsets.UTF_8);
            u64(utf8.length);
            writeBytes(utf8);
        }

        void value(GgufValue value) {
            u32(value.array() ? GgufValue.Type.ARRAY.ordinal() : value.type().ordinal());
            body(value);
        }

        private void body(GgufValue value) {
            if (!value.array()) {
                scalar(value.type(), value.value());
                return;
            }
            u32(value.type().ordinal());
            switch (value.value()) {
                case int[] items -> {
                    u64(items.length);
                    for (int item : items) {
                        scalar(value.type(), (long) item);
                    }
                }
                case long[] items -> {
                    u64(items.length);
                    for (long item : items) {
                        scalar(value.type(), item);
                    }
                }
                case float[] items -> {
                    u64(items.length);
                    for (float item : items) {
                        scalar(value.type(), item);
                    }
                }
                case double[] items -> {
                    u64(items.length);
                    for (double item : items) {
                        scalar(value.type(), item);
                    }
                }
                case List<?> items -> {
                    u64(items.size());
                    for (Object item : items) {
                        scalar(value.type(), item);
                    }
                }
                default -> throw new IllegalArgumentException("no GGUF array: " + value);
            }
        }

        private void scalar(GgufValue.Type type, Object value) {
            switch (type) {
                case U8, I8 -> bytes(1, (Long) value);
                case U16, I16 -> bytes(2, (Long) value);
                case U32, I32 -> bytes(4, (Long) value);
                case U64, I64 -> u64((Long) value);
                case F32 -> u32(Float.floatToRawIntBits((Float) value));
                case F64 -> u64(Double.doubleToRawLongBits((Double) value));
                case BOOL -> bytes(1, (Boolean) value ? 1 : 0);
                case STRING -> text((String) value);
                case ARRAY -> body((GgufValue) value);
            }
        }
    }
}
