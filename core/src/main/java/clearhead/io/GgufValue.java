package clearhead.io;

import java.util.ArrayList;
import java.util.List;

/// A metadata value of a GGUF file with the type it is stored as, since llama.cpp insists on types.
///
/// @param type how the value, or every item of the array, is stored
/// @param array whether it is an array
/// @param value `Long` for every integer type (unsigned 64-bit keeps its bits), `Float`, `Double`,
///     `Boolean`, `String`. As array: `int[]` for integers of 8, 16 and 32 bits (unsigned 32 keeps its
///     bits), `long[]`, `float[]`, `double[]`, `List<Boolean>`, `List<String>`, or a
///     `List<GgufValue>` of arrays (then `type` is [Type#ARRAY])
public record GgufValue(Type type, boolean array, Object value) {

    /// Types of values; the order is the file's numbering.
    public enum Type {
        U8(1),
        I8(1),
        U16(2),
        I16(2),
        U32(4),
        I32(4),
        F32(4),
        BOOL(1),
        STRING(8),
        ARRAY(12),
        U64(8),
        I64(8),
        F64(8);

        private final int leastBytes;

        Type(int leastBytes) {
            this.leastBytes = leastBytes;
        }

        /// The fewest bytes that a value takes.
        int leastBytes() {
            return leastBytes;
        }
    }

    public static GgufValue u32(int value) {
        return new GgufValue(Type.U32, false, (long) value);
    }

    public static GgufValue f32(float value) {
        return new GgufValue(Type.F32, false, value);
    }

    public static GgufValue bool(boolean value) {
        return new GgufValue(Type.BOOL, false, value);
    }

    /// An array of yes and no.
    public static GgufValue flags(boolean... values) {
        var list = new ArrayList<Boolean>();
        for (boolean value : values) {
            list.add(value);
        }
        return new GgufValue(Type.BOOL, true, List.copyOf(list));
    }

    public static GgufValue text(String value) {
        return new GgufValue(Type.STRING, false, value);
    }

    public static GgufValue texts(List<String> values) {
        return new GgufValue(Type.STRING, true, List.copyOf(values));
    }

    /// An array of 32-bit signed integers.
    public static GgufValue integers(int... values) {
        return new GgufValue(Type.I32, true, values.clone());
    }

    public static GgufValue floats(float... values) {
        return new GgufValue(Type.F32, true, values.clone());
    }

    /// The value without its type: arrays of arrays become lists of lists.
    public Object plain() {
        if (array && type == Type.ARRAY && value instanceof List<?> items) {
            return items.stream().map(item -> ((GgufValue) item).plain()).toList();
        }
        return value;
    }
}
