package clearhead.io;

import clearhead.tensor.DType;
import clearhead.tensor.Layout;
import clearhead.tensor.Shape;
import clearhead.tensor.Tensor;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/// llama.cpp's GGUF, versions 2 and 3, little-endian: typed metadata, then names, shapes and places of
/// the tensors, then the tensors, each padded to the alignment. The file lists axes innermost first;
/// here they are outermost first, as everywhere. Nothing in the file is trusted: tensors must follow
/// one another exactly and fit into the file.
///
/// A file that ends where the tensors would begin (a vocabulary, or a header without its weights)
/// can be opened for its metadata.
///
/// A model in several files, `NAME-00001-of-00003.gguf` and so on, is opened by its first, whose metadata
/// counts.
public final class Gguf implements Checkpoint {
    static final int DEFAULT_ALIGNMENT = 32;
    static final int MAGIC = 0x46554747;
    static final String ALIGNMENT_KEY = "general.alignment";

    private static final int MAX_ALIGNMENT = 65536;
    static final int MAX_RANK = 4;
    static final int MAX_NAME = 63;
    private static final int MAX_KEY = 65535;

    /// A key's length and a byte, a value's type and a byte.
    private static final int LEAST_VALUE_BYTES = 8 + 1 + 4 + 1;

    /// A name's length, number of axes, type, offset.
    private static final int LEAST_TENSOR_BYTES = 8 + 4 + 4 + 8;

    /// One tensor; the offset counts from the start of the tensors.
    private record Place(String name, GgufType type, Shape shape, long offset, long bytes) {}

    private final MappedFile file;
    private final Map<String, GgufValue> values = new LinkedHashMap<>();
    private final Map<String, Object> metadata = new LinkedHashMap<>();
    private final Map<String, Place> places = new LinkedHashMap<>();
    private final long dataStart;
    private final boolean hasData;
    private final List<Gguf> others = new ArrayList<>();

    private Gguf(MappedFile file) {
        this.file = file;
        var cursor = new GgufCursor(file);
        readVersion(cursor);
        long tensors = cursor.count("number of tensors", LEAST_TENSOR_BYTES);
        long count = cursor.count("number of metadata values", LEAST_VALUE_BYTES);
        for (long i = 0; i < count; i++) {
            readValue(cursor);
        }
        int alignment = alignment();
        long end = 0;
        for (long i = 0; i < tensors; i++) {
            end = readPlace(cursor, alignment, end);
        }
        dataStart = padded(cursor.position(), alignment);
        hasData = places.isEmpty() || file.size() > dataStart || end == 0;
        if (hasData && end > 0 && end > file.size() - dataStart) {
            throw wrong("wanted " + end + " bytes of tensors from offset " + dataStart + ", found "
                    + (file.size() - dataStart) + "; the file is cut short");
        }
    }

    /// Opens a `.gguf` file.
    public static Gguf open(Path path) {
        Gguf first = openFile(path);
        try {
            GgufSplit.of(first).ifPresent(split -> {
                for (int i = 1; i < split.count(); i++) {
                    Gguf other = openFile(split.file(i));
                    first.others.add(other);
                    split.requirePart(other, i);
                }
                split.requireTensors(first.entries());
            });
            return first;
        } catch (RuntimeException | Error e) {
            first.close();
            throw e;
        }
    }

    private static Gguf openFile(Path path) {
        MappedFile file = MappedFile.open(path);
        try {
            return new Gguf(file);
        } catch (RuntimeException | Error e) {
            file.close();
            throw e;
        }
    }

    static long padded(long bytes, int alignment) {
        return Math.addExact(bytes, alignment - 1L) & -(long) alignment;
    }

    private void readVersion(GgufCursor cursor) {
        int magic = cursor.integer("magic");
        if (magic != MAGIC) {
            throw wrong("wanted \"GGUF\" at its start, found other bytes; this is no GGUF file");
        }
        int version = cursor.integer("version");
        if (version != 2 && version != 3) {
            String remedy = (version & 0xffff) == 0
                    ? "; it is big-endian"
                    : version == 1 ? "; convert it again with a newer llama.cpp" : "";
            throw wrong("wanted GGUF version 2 or 3, little-endian, found version " + Integer.toUnsignedString(version)
                    + remedy);
        }
    }

    private void readValue(GgufCursor cursor) {
        String key = cursor.text("metadata key", MAX_KEY);
        GgufValue value = cursor.value(key);
        if (values.putIfAbsent(key, value) != null) {
            throw wrong("metadata key \"" + key + "\" is there twice");
        }
        metadata.put(key, value.plain());
    }

    private int alignment() {
        GgufValue stored = values.get(ALIGNMENT_KEY);
        if (stored == null) {
            return DEFAULT_ALIGNMENT;
        }
        if (!stored.array()
                && stored.type() == GgufValue.Type.U32
                && stored.value() instanceof Long alignment
                && Long.bitCount(alignment) == 1
                && alignment <= MAX_ALIGNMENT) {
            return alignment.intValue();
        }
        throw wrong(ALIGNMENT_KEY + ": wanted a power of two up to " + MAX_ALIGNMENT
                + " as 32-bit unsigned integer, found " + stored.value());
    }

    /// @param end where the tensors before end, and this one must begin
    /// @return where this one ends
    private long readPlace(GgufCursor cursor, int alignment, long end) {
        String name = cursor.text("tensor name", MAX_NAME);
        String what = "tensor \"" + name + "\"";
        int rank = cursor.integer(what);
        if (rank < 0 || rank > MAX_RANK) {
            throw wrong(what + ": wanted at most " + MAX_RANK + " axes, found " + Integer.toUnsignedString(rank));
        }
        var sizes = new long[rank];
        for (int axis = rank - 1; axis >= 0; axis--) {
            sizes[axis] = cursor.longInteger(what);
        }
        int code = cursor.integer(what);
        long offset = cursor.longInteger(what);
        GgufType type = GgufType.of(code)
                .orElseThrow(() -> wrong(what + ": unknown element type " + code + ", wanted one of ggml's"));
        Shape shape = shape(what, sizes);
        int inner = rank == 0 ? 1 : shape.dim(-1);
        if (inner % type.blockSize() != 0) {
            throw wrong(what + ": " + type + " stores blocks of " + type.blockSize() + " elements, rows of " + inner
                    + " do not fill whole blocks");
        }
        if (offset != end) {
            throw wrong(what + ": wanted its data at offset " + end + ", found "
                    + Long.toUnsignedString(offset)
                    + "; tensors must follow one another, aligned to " + alignment);
        }
        try {
            long bytes = Math.multiplyExact(shape.size() / type.blockSize(), (long) type.blockBytes());
            if (places.putIfAbsent(name, new Place(name, type, shape, offset, bytes)) != null) {
                throw wrong(what + ": the name is there twice");
            }
            return padded(Math.addExact(end, bytes), alignment);
        } catch (ArithmeticException e) {
            throw wrong(what + ": " + type + shape + " is too large to be real");
        }
    }

    private Shape shape(String what, long[] sizes) {
        var dims = new int[sizes.length];
        try {
            for (int axis = 0; axis < dims.length; axis++) {
                dims[axis] = Math.toIntExact(sizes[axis]);
                if (dims[axis] < 0) {
                    throw wrong(what + ": wanted sizes from 0, found " + Arrays.toString(sizes));
                }
            }
            return new Shape(dims);
        } catch (ArithmeticException e) {
            throw wrong(what + ": its shape " + Arrays.toString(sizes) + " is too large to be real");
        }
    }

    private ModelFileException wrong(String problem) {
        return new ModelFileException(file.path(), problem);
    }

    @Override
    public Path source() {
        return file.path();
    }

    @Override
    public List<Entry> entries() {
        var entries = new ArrayList<Entry>();
        places.values().forEach(p -> entries.add(new Entry(p.name(), p.type().name(), p.shape(), p.bytes())));
        others.forEach(other -> entries.addAll(other.entries()));
        return List.copyOf(entries);
    }

    @Override
    public boolean has(String name) {
        return places.containsKey(name) || others.stream().anyMatch(other -> other.has(name));
    }

    @Override
    public Tensor tensor(String name) {
        Place place = places.get(name);
        if (place == null) {
            return others.stream()
                    .filter(other -> other.has(name))
                    .findFirst()
                    .orElseThrow(() -> Names.absent(file.path(), name, names()))
                    .tensor(name);
        }
        DType type = place.type()
                .type()
                .orElseThrow(() -> wrong("tensor \"" + name + "\": element type "
                        + place.type() + " is not supported; supported are "
                        + supported()));
        if (!hasData) {
            throw wrong("tensor \"" + name + "\": the file ends before its data");
        }
        var data = file.memory().asSlice(dataStart + place.offset(), place.bytes());
        return new Tensor(type, place.shape(), Layout.ROWS, data);
    }

    private static String supported() {
        return Arrays.stream(GgufType.values())
                .filter(type -> type.type().isPresent())
                .map(GgufType::name)
                .collect(Collectors.joining(", "));
    }

    @Override
    public Map<String, Object> metadata() {
        return Collections.unmodifiableMap(metadata);
    }

    /// The metadata with the types that the file stores.
    public Map<String, GgufValue> values() {
        return Collections.unmodifiableMap(values);
    }

    @Override
    public void close() {
        file.close();
        others.forEach(Gguf::close);
    }
}
