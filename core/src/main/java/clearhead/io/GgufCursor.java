package clearhead.io;

import clearhead.io.GgufValue.Type;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

/// Reads a GGUF's header from front to back. Every count is held against the bytes that are left
/// before anything of that size is made.
final class GgufCursor {
    private static final int MAX_NESTING = 4;
    private static final ValueLayout.OfLong I64 = ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfInt I32 = ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfShort I16 = ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    private final MappedFile file;
    private final MemorySegment memory;
    private long at;

    GgufCursor(MappedFile file) {
        this.file = file;
        this.memory = file.memory();
    }

    long position() {
        return at;
    }

    private long take(long bytes, String what) {
        if (bytes > file.size() - at) {
            throw wrong(what + ": wanted " + bytes + " bytes at offset " + at + ", found " + (file.size() - at)
                    + "; the file is cut short or damaged");
        }
        long start = at;
        at += bytes;
        return start;
    }

    int integer(String what) {
        return memory.get(I32, take(4, what));
    }

    long longInteger(String what) {
        return memory.get(I64, take(8, what));
    }

    /// A number of things that take at least `leastBytes` each.
    long count(String what, int leastBytes) {
        long count = longInteger(what);
        long most = (file.size() - at) / leastBytes;
        if (count < 0 || count > most) {
            throw wrong(what + ": found " + Long.toUnsignedString(count) + ", but the "
                    + (file.size() - at) + " bytes left hold at most " + most
                    + "; the file is cut short or damaged");
        }
        return count;
    }

    String text(String what, int maxBytes) {
        long length = count(what, 1);
        if (length > maxBytes) {
            throw wrong(what + ": wanted at most " + maxBytes + " bytes, found " + length);
        }
        if (length == 0) {
            return "";
        }
        byte[] bytes = memory.asSlice(take(length, what), length).toArray(ValueLayout.JAVA_BYTE);
        return new String(bytes, StandardCharsets.UTF_8);
    }

    GgufValue value(String key) {
        return value(key, type(key), 0);
    }

    private Type type(String key) {
        int code = integer(key);
        if (code < 0 || code >= Type.values().length) {
            throw wrong(key + ": unknown value type " + Integer.toUnsignedString(code) + ", wanted 0 to 12");
        }
        return Type.values()[code];
    }

    private GgufValue value(String key, Type type, int nesting) {
        if (type != Type.ARRAY) {
            return new GgufValue(type, false, scalar(key, type));
        }
        if (nesting == MAX_NESTING) {
            throw wrong(key + ": arrays are nested more than " + MAX_NESTING + " deep");
        }
        Type item = type(key);
        long count = count(key, item.leastBytes());
        if (count > Integer.MAX_VALUE - 8) {
            throw wrong(key + ": an array of " + count + " items is too long");
        }
        return new GgufValue(item, true, items(key, item, (int) count, nesting));
    }

    private Object scalar(String key, Type type) {
        return switch (type) {
            case U8 -> (long) (memory.get(ValueLayout.JAVA_BYTE, take(1, key)) & 0xff);
            case I8 -> (long) memory.get(ValueLayout.JAVA_BYTE, take(1, key));
            case U16 -> (long) (memory.get(I16, take(2, key)) & 0xffff);
            case I16 -> (long) memory.get(I16, take(2, key));
            case U32 -> integer(key) & 0xffffffffL;
            case I32 -> (long) integer(key);
            case F32 -> Float.intBitsToFloat(integer(key));
            case BOOL -> memory.get(ValueLayout.JAVA_BYTE, take(1, key)) != 0;
            case STRING -> text(key, Integer.MAX_VALUE - 8);
            case U64, I64 -> longInteger(key);
            case F64 -> Double.longBitsToDouble(longInteger(key));
            case ARRAY -> throw new IllegalArgumentException("an array is not a scalar");
        };
    }

    private Object items(String key, Type type, int count, int nesting) {
        return switch (type) {
            case U8, I8, U16, I16, U32, I32 -> {
                var values = new int[count];
                for (int i = 0; i < count; i++) {
                    values[i] = (int) (long) (Long) scalar(key, type);
                }
                yield values;
            }
            case U64, I64 -> {
                var values = new long[count];
                for (int i = 0; i < count; i++) {
                    values[i] = longInteger(key);
                }
                yield values;
            }
            case F32 -> {
                var values = new float[count];
                for (int i = 0; i < count; i++) {
                    values[i] = Float.intBitsToFloat(integer(key));
                }
                yield values;
            }
            case F64 -> {
                var values = new double[count];
                for (int i = 0; i < count; i++) {
                    values[i] = Double.longBitsToDouble(longInteger(key));
                }
                yield values;
            }
            case BOOL, STRING -> {
                List<Object> values = new ArrayList<>(count);
                for (int i = 0; i < count; i++) {
                    values.add(scalar(key, type));
                }
                yield Collections.unmodifiableList(values);
            }
            case ARRAY -> {
                List<GgufValue> values = new ArrayList<>(count);
                for (int i = 0; i < count; i++) {
                    values.add(value(key, Type.ARRAY, nesting + 1));
                }
                yield Collections.unmodifiableList(values);
            }
        };
    }

    ModelFileException wrong(String problem) {
        return new ModelFileException(file.path(), problem);
    }
}
