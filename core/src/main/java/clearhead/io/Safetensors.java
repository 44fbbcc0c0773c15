package clearhead.io;

import clearhead.tensor.DType;
import clearhead.tensor.Layout;
import clearhead.tensor.Shape;
import clearhead.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.core.JsonParser;
import tools.jackson.core.JsonToken;

/// Hugging Face's safetensors: eight bytes with the length of a JSON header, the header with type,
/// shape and place of every tensor, then the tensors without gaps. Nothing in the file is trusted: the
/// tensors must cover the data exactly, in one piece, to the file's last byte.
public final class Safetensors {
    /// Bytes of the longest header, as in the reference implementation.
    static final long MAX_HEADER = 100_000_000;

    private static final int MAX_RANK = 16;
    private static final String METADATA = "__metadata__";
    private static final ValueLayout.OfLong I64 = ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    /// Element types of the format and their bits. Those without a [DType] can be listed, not read.
    private enum Stored {
        BOOL(8, DType.BOOL),
        U8(8, DType.U8),
        I8(8, DType.I8),
        I16(16, DType.I16),
        I32(32, DType.I32),
        I64(64, DType.I64),
        F16(16, DType.F16),
        BF16(16, DType.BF16),
        F32(32, DType.F32),
        F64(64, DType.F64),
        U16(16, DType.U16),
        U32(32, DType.U32),
        U64(64, DType.U64),
        C64(64, null),
        F4(4, null),
        F6_E2M3(6, null),
        F6_E3M2(6, null),
        F8_E5M2(8, DType.F8_E5M2),
        F8_E4M3(8, DType.F8_E4M3),
        F8_E8M0(8, DType.F8_E8M0),
        F8_E4M3FNUZ(8, null),
        F8_E5M2FNUZ(8, null);

        private final int bits;
        private final @Nullable DType type;

        Stored(int bits, @Nullable DType type) {
            this.bits = bits;
            this.type = type;
        }

        static Optional<Stored> named(String name) {
            for (var stored : values()) {
                if (stored.name().equals(name)) {
                    return Optional.of(stored);
                }
            }
            return Optional.empty();
        }
    }

    /// One tensor of the header; offsets count from the end of the header.
    private record Place(String name, Stored stored, Shape shape, long begin, long end) {}

    private Safetensors() {}

    /// Opens a `.safetensors` file, or the `model.safetensors.index.json` of a sharded checkpoint. Weights
    /// of 8 or 4 bits that have their scales in a tensor beside them are shown as one tensor: 8-bit floats
    /// `X` with `X_scale_inv` or `X_scale` multiplied out, `X_blocks` with `X_scales` as MXFP4 `X`.
    public static Checkpoint open(Path file) {
        boolean index = file.getFileName().toString().endsWith(".json");
        return ScaledCheckpoint.of(index ? ShardedCheckpoint.open(file) : openFile(file));
    }

    /// Opens a file as it is: weights and their scales are tensors of their own ([ScaledCheckpoint]).
    static Checkpoint openFile(Path path) {
        MappedFile file = MappedFile.open(path);
        try {
            return new Opened(file);
        } catch (RuntimeException | Error e) {
            file.close();
            throw e;
        }
    }

    private static final class Opened implements Checkpoint {
        private final MappedFile file;
        private final long dataStart;
        private final Map<String, Place> places = new LinkedHashMap<>();
        private final Map<String, Object> metadata = new LinkedHashMap<>();

        Opened(MappedFile file) {
            this.file = file;
            if (file.size() < 8) {
                throw wrong("wanted at least the 8 bytes of a header's length, found " + file.size());
            }
            long length = file.memory().get(I64, 0);
            if (length < 0 || length > MAX_HEADER) {
                throw wrong("wanted a header of at most "
                        + MAX_HEADER
                        + " bytes, found a length of "
                        + Long.toUnsignedString(length)
                        + "; this is no safetensors file, or it is damaged");
            }
            if (length > file.size() - 8) {
                throw wrong("wanted a header of " + length + " bytes, found " + (file.size() - 8)
                        + " bytes; the file is cut short");
            }
            dataStart = 8 + length;
            String header =
                    JsonReader.decode(file.path() + ": header", file.memory().asSlice(8, length));
            List<Place> found = new ArrayList<>();
            try (JsonParser parser = JsonReader.parser(header)) {
                readHeader(parser, found);
            } catch (JacksonException e) {
                throw JsonReader.notJson(file.path() + ": header", e);
            }
            found.sort(Comparator.comparingLong(Place::begin).thenComparingLong(Place::end));
            requireExactCover(found);
            for (Place place : found) {
                places.put(place.name(), place);
            }
        }

        private void readHeader(JsonParser parser, List<Place> found) {
            if (parser.nextToken() != JsonToken.START_OBJECT) {
                throw wrong("wanted an object as header, found something else");
            }
            while (parser.nextToken() == JsonToken.PROPERTY_NAME) {
                String name = parser.currentName();
                if (parser.nextToken() != JsonToken.START_OBJECT) {
                    throw wrong("tensor \"" + name + "\": wanted an object, found something else");
                }
                if (name.equals(METADATA)) {
                    readMetadata(parser);
                } else {
                    found.add(readPlace(parser, name));
                }
            }
            if (parser.nextToken() != null) {
                throw wrong("wanted the end of the header after its object, found more");
            }
        }

        private void readMetadata(JsonParser parser) {
            while (parser.nextToken() == JsonToken.PROPERTY_NAME) {
                String key = parser.currentName();
                if (parser.nextToken() != JsonToken.VALUE_STRING) {
                    throw wrong(METADATA + "." + key + ": wanted a string, found something else");
                }
                metadata.put(key, parser.getString());
            }
        }

        private Place readPlace(JsonParser parser, String name) {
            Optional<Stored> stored = Optional.empty();
            long @Nullable [] dims = null;
            long @Nullable [] offsets = null;
            while (parser.nextToken() == JsonToken.PROPERTY_NAME) {
                String field = parser.currentName();
                JsonToken token = parser.nextToken();
                switch (field) {
                    case "dtype" -> {
                        String type = token == JsonToken.VALUE_STRING ? parser.getString() : "";
                        stored = Stored.named(type);
                        if (stored.isEmpty()) {
                            throw wrong(name, "unknown element type \"" + type + "\"");
                        }
                    }
                    case "shape" -> dims = readNumbers(parser, name, field);
                    case "data_offsets" -> offsets = readNumbers(parser, name, field);
                    default -> parser.skipChildren();
                }
            }
            if (stored.isEmpty() || dims == null || offsets == null) {
                throw wrong(name, "wanted dtype, shape and data_offsets, found not all of them");
            }
            if (offsets.length != 2 || offsets[0] > offsets[1]) {
                throw wrong(name, "wanted two data_offsets in order, found others");
            }
            return place(name, stored.get(), dims, offsets[0], offsets[1]);
        }

        private Place place(String name, Stored stored, long[] dims, long begin, long end) {
            var sizes = new int[dims.length];
            try {
                long elements = 1;
                for (int i = 0; i < dims.length; i++) {
                    sizes[i] = Math.toIntExact(dims[i]);
                    elements = Math.multiplyExact(elements, dims[i]);
                }
                long bits = Math.multiplyExact(elements, (long) stored.bits);
                if (bits % 8 != 0) {
                    throw wrong(name, elements + " elements of " + stored + " do not fill whole bytes");
                }
                if (end - begin != bits / 8) {
                    throw wrong(
                            name,
                            stored + java.util.Arrays.toString(dims) + " needs " + bits / 8
                                    + " bytes, its offsets " + begin + " to " + end + " hold "
                                    + (end - begin));
                }
            } catch (ArithmeticException e) {
                throw wrong(name, "its shape is too large to be real");
            }
            return new Place(name, stored, new Shape(sizes), begin, end);
        }

        private long[] readNumbers(JsonParser parser, String name, String field) {
            var numbers = new long[MAX_RANK];
            int count = 0;
            if (parser.currentToken() != JsonToken.START_ARRAY) {
                throw wrong(name, field + ": wanted an array, found something else");
            }
            while (parser.nextToken() != JsonToken.END_ARRAY) {
                if (count == MAX_RANK) {
                    throw wrong(name, field + ": wanted at most " + MAX_RANK + " numbers");
                }
                numbers[count++] = readNumber(parser, name, field);
            }
            return java.util.Arrays.copyOf(numbers, count);
        }

        private long readNumber(JsonParser parser, String name, String field) {
            if (parser.currentToken() == JsonToken.VALUE_NUMBER_INT) {
                String digits = parser.getString();
                try {
                    long number = Long.parseLong(digits);
                    if (number >= 0 && digits.charAt(0) != '-') {
                        return number;
                    }
                } catch (NumberFormatException _) {
                    throw wrong(name, field + ": " + digits + " is too large to be real");
                }
            }
            throw wrong(name, field + ": wanted whole numbers from 0, found something else");
        }

        /// Neither holes nor overlaps nor bytes at the end: nothing can hide in the file.
        private void requireExactCover(List<Place> found) {
            long end = 0;
            var names = new HashSet<String>();
            for (Place place : found) {
                if (!names.add(place.name())) {
                    throw wrong(place.name(), "the name is there twice");
                }
                if (place.begin() != end) {
                    throw wrong(
                            place.name(),
                            "wanted its data at offset " + end + ", found " + place.begin()
                                    + "; tensors must not overlap or leave holes");
                }
                end = place.end();
            }
            if (end != file.size() - dataStart) {
                throw wrong("wanted " + end + " bytes of data after the header, found "
                        + (file.size() - dataStart)
                        + (end > file.size() - dataStart
                                ? "; the file is cut short"
                                : "; there is something behind the tensors"));
            }
        }

        private ModelFileException wrong(String problem) {
            return new ModelFileException(file.path(), problem);
        }

        private ModelFileException wrong(String tensor, String problem) {
            return wrong("tensor \"" + tensor + "\": " + problem);
        }

        @Override
        public Path source() {
            return file.path();
        }

        @Override
        public List<Entry> entries() {
            return places.values().stream()
                    .map(p -> new Entry(p.name(), p.stored().name(), p.shape(), p.end() - p.begin()))
                    .toList();
        }

        @Override
        public boolean has(String name) {
            return places.containsKey(name);
        }

        @Override
        public Tensor tensor(String name) {
            Place place = places.get(name);
            if (place == null) {
                throw Names.absent(file.path(), name, places.keySet());
            }
            DType type = place.stored().type;
            if (type == null) {
                throw wrong(
                        name, "element type " + place.stored() + " is not supported; convert it to F32, F16 or BF16");
            }
            MemorySegment data = file.memory().asSlice(dataStart + place.begin(), place.end() - place.begin());
            return new Tensor(type, place.shape(), Layout.ROWS, data);
        }

        @Override
        public Map<String, Object> metadata() {
            return Collections.unmodifiableMap(metadata);
        }

        @Override
        public void close() {
            file.close();
        }
    }
}
