package clearhead.onnx;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/// The fields of one protobuf message, in order, without a schema. Enough for ONNX's test files.
///
/// @see <a href="https://protobuf.dev/programming-guides/encoding/">Encoding</a>
final class Wire {
    /// @param number field number
    /// @param bits value of a varint, or the bits of a fixed number
    /// @param bytes contents of a length-delimited field; empty for others
    record Field(int number, long bits, ByteBuffer bytes) {
        String text() {
            return StandardCharsets.UTF_8.decode(bytes.duplicate()).toString();
        }

        Wire message() {
            return new Wire(bytes.duplicate());
        }

        float float32() {
            return Float.intBitsToFloat((int) bits);
        }
    }

    private static final ByteBuffer EMPTY = ByteBuffer.allocate(0);

    private final List<Field> fields = new ArrayList<>();

    Wire(ByteBuffer in) {
        in.order(ByteOrder.LITTLE_ENDIAN);
        while (in.hasRemaining()) {
            long key = varint(in);
            int number = (int) (key >>> 3);
            fields.add(
                    switch ((int) (key & 7)) {
                        case 0 -> new Field(number, varint(in), EMPTY);
                        case 1 -> new Field(number, in.getLong(), EMPTY);
                        case 5 -> new Field(number, in.getInt() & 0xffffffffL, EMPTY);
                        case 2 -> {
                            int length = Math.toIntExact(varint(in));
                            ByteBuffer bytes = in.slice(in.position(), length).order(ByteOrder.LITTLE_ENDIAN);
                            in.position(in.position() + length);
                            yield new Field(number, length, bytes);
                        }
                        default -> throw new IllegalArgumentException("wire type " + (key & 7));
                    });
        }
    }

    private static long varint(ByteBuffer in) {
        long value = 0;
        for (int shift = 0; shift < 64; shift += 7) {
            byte b = in.get();
            value |= (long) (b & 0x7f) << shift;
            if (b >= 0) {
                return value;
            }
        }
        throw new IllegalArgumentException("a varint has at most 10 bytes");
    }

    /// All fields with this number.
    List<Field> all(int number) {
        return fields.stream().filter(f -> f.number == number).toList();
    }

    /// The texts of all fields with this number.
    List<String> texts(int number) {
        return all(number).stream().map(Field::text).toList();
    }

    /// The text of the last field with this number, empty if there is none.
    String text(int number) {
        return texts(number).stream().reduce("", (a, b) -> b);
    }

    /// The number of the last field with this number, 0 if there is none.
    long number(int number) {
        return all(number).stream().mapToLong(Field::bits).reduce(0, (a, b) -> b);
    }

    /// A repeated float field, packed or not.
    List<Float> floats(int number) {
        var values = new ArrayList<Float>();
        for (Field f : all(number)) {
            if (f.bytes == EMPTY) {
                values.add(f.float32());
            } else {
                for (int at = 0; at < f.bytes.limit(); at += 4) {
                    values.add(f.bytes.getFloat(at));
                }
            }
        }
        return values;
    }

    /// A repeated integer field, packed or not.
    List<Long> numbers(int number) {
        var values = new ArrayList<Long>();
        for (Field f : all(number)) {
            if (f.bytes == EMPTY) {
                values.add(f.bits);
            } else {
                ByteBuffer packed = f.bytes.duplicate();
                while (packed.hasRemaining()) {
                    values.add(varint(packed));
                }
            }
        }
        return values;
    }
}
