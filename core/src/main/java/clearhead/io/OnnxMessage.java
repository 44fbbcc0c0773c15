package clearhead.io;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;

/// Walks the fields of one protobuf message inside a mapped file. Nothing is read beyond the message,
/// and nothing copied but names that somebody asks for.
///
/// ```java
/// for (var field = new OnnxMessage(path, bytes); field.next(); ) { switch (field.number()) { … } }
/// ```
///
/// @see <a href="https://protobuf.dev/programming-guides/encoding/">Encoding</a>
final class OnnxMessage {
    private static final int LONGEST_NAME = 4096;
    private static final ValueLayout.OfInt I32 = ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfLong I64 = ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    private final Path file;
    private final MemorySegment memory;
    private long at;
    private int number;
    private boolean holdsBytes;
    private long bits;
    private MemorySegment bytes = MemorySegment.NULL;

    OnnxMessage(Path file, MemorySegment memory) {
        this.file = file;
        this.memory = memory;
    }

    /// Goes on to the next field.
    ///
    /// @return false at the end of the message
    boolean next() {
        if (at == memory.byteSize()) {
            return false;
        }
        long key = varint();
        long field = key >>> 3;
        if (field == 0 || field > 1 << 29) {
            throw damaged("a field numbered " + Long.toUnsignedString(field));
        }
        number = (int) field;
        holdsBytes = false;
        switch ((int) (key & 7)) {
            case 0 -> bits = varint();
            case 1 -> bits = skipped(8).get(I64, 0);
            case 5 -> bits = skipped(4).get(I32, 0) & 0xffffffffL;
            case 2 -> {
                holdsBytes = true;
                bytes = skipped(varint());
            }
            default -> throw damaged("a field of wire type " + (key & 7));
        }
        return true;
    }

    private MemorySegment skipped(long length) {
        if (length < 0 || length > memory.byteSize() - at) {
            throw damaged("a field of " + Long.toUnsignedString(length) + " bytes where " + (memory.byteSize() - at)
                    + " are left");
        }
        MemorySegment part = memory.asSlice(at, length);
        at += length;
        return part;
    }

    private long varint() {
        long value = 0;
        for (int shift = 0; shift < 64; shift += 7) {
            if (at == memory.byteSize()) {
                throw damaged("a number that goes on behind its end");
            }
            byte b = memory.get(ValueLayout.JAVA_BYTE, at++);
            value |= (long) (b & 0x7f) << shift;
            if (b >= 0) {
                return value;
            }
        }
        throw damaged("a number of more than ten bytes");
    }

    int number() {
        return number;
    }

    /// Whether the field holds bytes: a text, a message or packed numbers.
    boolean holdsBytes() {
        return holdsBytes;
    }

    /// The value of a number, or its bits.
    long bits() {
        if (holdsBytes) {
            throw damaged("bytes in field " + number + ", where a number should be");
        }
        return bits;
    }

    MemorySegment bytes() {
        if (!holdsBytes) {
            throw damaged("a number in field " + number + ", where bytes should be");
        }
        return bytes;
    }

    OnnxMessage message() {
        return new OnnxMessage(file, bytes());
    }

    String text() {
        MemorySegment text = bytes();
        if (text.byteSize() > LONGEST_NAME) {
            throw damaged("a name of " + text.byteSize() + " bytes");
        }
        return new String(text.toArray(ValueLayout.JAVA_BYTE), StandardCharsets.UTF_8);
    }

    /// The numbers of packed varints.
    ///
    /// @param most how many there may be
    static long[] varints(Path file, MemorySegment packed, int most) {
        var walk = new OnnxMessage(file, packed);
        var numbers = new long[(int) Math.min(most, packed.byteSize())];
        int count = 0;
        while (walk.at < packed.byteSize()) {
            if (count == numbers.length) {
                throw walk.damaged("more than " + most + " numbers");
            }
            numbers[count++] = walk.varint();
        }
        return java.util.Arrays.copyOf(numbers, count);
    }

    private ModelFileException damaged(String found) {
        return new ModelFileException(file, "found " + found + "; this is no ONNX file, or it is damaged");
    }
}
