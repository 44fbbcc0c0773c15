package clearhead.onnx;

import clearhead.tensor.DType;
import java.util.TreeMap;

/// ONNX's element types, by their numbers in TensorProto. Types that no tensor of ours has are held in
/// a wider one: their values are the same numbers.
enum Element {
    F32(1, 32, DType.F32),
    U8(2, 8, DType.U8),
    I8(3, 8, DType.I8),
    U16(4, 16, DType.I32),
    I16(5, 16, DType.I16),
    I32(6, 32, DType.I32),
    I64(7, 64, DType.I64),
    BOOL(9, 8, DType.BOOL),
    F16(10, 16, DType.F16),
    F64(11, 64, DType.F64),
    U32(12, 32, DType.I64),
    U64(13, 64, DType.I64),
    BF16(16, 16, DType.BF16),
    E4M3FN(17, 8, DType.F32),
    E4M3FNUZ(18, 8, DType.F32),
    E5M2(19, 8, DType.F32),
    E5M2FNUZ(20, 8, DType.F32),
    U4(21, 4, DType.U8),
    I4(22, 4, DType.I8),
    E2M1(23, 4, DType.F32),
    E8M0(24, 8, DType.F32),
    U2(25, 2, DType.U8),
    I2(26, 2, DType.I8);

    final int number;
    final int bits;

    /// What holds it here.
    final DType held;

    Element(int number, int bits, DType held) {
        this.number = number;
        this.bits = bits;
        this.held = held;
    }

    static Element of(long number) {
        for (Element e : values()) {
            if (e.number == number) {
                return e;
            }
        }
        throw new IllegalArgumentException("ONNX element type " + number + " is not known here");
    }

    boolean isFloat() {
        return switch (this) {
            case F32, F16, F64, BF16, E4M3FN, E4M3FNUZ, E5M2, E5M2FNUZ, E2M1, E8M0 -> true;
            case U8, I8, U16, I16, I32, I64, BOOL, U32, U64, U4, I4, U2, I2 -> false;
        };
    }

    /// The number that these bits are; bits above its own are ignored.
    double value(long raw) {
        return switch (this) {
            case F32 -> Float.intBitsToFloat((int) raw);
            case F64 -> Double.longBitsToDouble(raw);
            case F16 -> Float.float16ToFloat((short) raw);
            case BF16 -> Float.intBitsToFloat((int) raw << 16);
            case U8, U16, U32, U4, U2, BOOL -> raw & (1L << bits) - 1;
            case I8, I16, I32, I4, I2 -> raw << 64 - bits >> 64 - bits;
            case I64, U64 -> raw;
            case E4M3FN -> small((int) raw & 255, 4, 3, 7, false);
            case E4M3FNUZ -> small((int) raw & 255, 4, 3, 8, true);
            case E5M2 -> small((int) raw & 255, 5, 2, 15, false);
            case E5M2FNUZ -> small((int) raw & 255, 5, 2, 16, true);
            case E2M1 -> small((int) raw & 15, 2, 1, 1, false);
            case E8M0 -> (raw & 255) == 255 ? Double.NaN : Math.scalb(1.0, (int) (raw & 255) - 127);
        };
    }

    private double small(int code, int exponentBits, int fractionBits, int bias, boolean unsignedZero) {
        int sign = code >> exponentBits + fractionBits;
        int exponent = code >> fractionBits & (1 << exponentBits) - 1;
        int fraction = code & (1 << fractionBits) - 1;
        if (unsignedZero && code == 0x80) {
            return Double.NaN;
        }
        if (this == E4M3FN && (code & 0x7f) == 0x7f) {
            return Double.NaN;
        }
        if (this == E5M2 && exponent == 31) {
            return fraction != 0 ? Double.NaN : sign == 1 ? Double.NEGATIVE_INFINITY : Double.POSITIVE_INFINITY;
        }
        double magnitude = exponent == 0
                ? Math.scalb((double) fraction, 1 - bias - fractionBits)
                : Math.scalb((double) fraction + (1 << fractionBits), exponent - bias - fractionBits);
        return sign == 1 ? -magnitude : magnitude;
    }

    /// The nearest number of this type, ties to even. What is too large becomes the largest number if
    /// it is to saturate (integers always do), else what the type has for it: infinity or no number.
    double nearest(double x, boolean saturate) {
        return switch (this) {
            case F64 -> x;
            case F32 -> (float) x;
            case F16 -> Float.float16ToFloat(Float.floatToFloat16((float) x));
            case BF16 -> Float.intBitsToFloat(clearhead.tensor.Tensor.bfloat16((float) x) << 16);
            case E4M3FN, E4M3FNUZ, E5M2, E5M2FNUZ, E2M1, E8M0 -> nearestSmall(x, saturate);
            case U8, U16, U32, U4, U2, BOOL -> Math.clamp(Math.rint(x), 0, Math.scalb(1.0, bits) - 1);
            case I8, I16, I32, I4, I2 ->
                Math.clamp(Math.rint(x), -Math.scalb(1.0, bits - 1), Math.scalb(1.0, bits - 1) - 1);
            case I64, U64 -> Math.rint(x);
        };
    }

    private double nearestSmall(double x, boolean saturate) {
        if (Double.isNaN(x)) {
            return x;
        }
        var codes = new TreeMap<Double, Integer>();
        boolean infinite = false;
        for (int code = 0; code < 1 << (this == E8M0 ? bits : bits - 1); code++) {
            double value = value(code);
            infinite |= Double.isInfinite(value);
            if (Double.isFinite(value)) {
                codes.put(value, code);
            }
        }
        double magnitude = Math.abs(x);
        double largest = codes.lastKey();
        // where the next number would be, if the type had one more
        double next = 2 * largest - codes.lowerKey(largest);
        double found;
        if (magnitude >= (largest + next) / 2) {
            found = saturate || this == E2M1 ? largest : infinite ? Double.POSITIVE_INFINITY : Double.NaN;
        } else if (magnitude >= largest) {
            found = largest;
        } else {
            var below = codes.floorEntry(magnitude);
            var above = codes.higherEntry(magnitude);
            if (below == null) {
                return codes.firstKey();
            }
            double middle = (below.getKey() + above.getKey()) / 2;
            boolean up = magnitude > middle || (magnitude == middle && below.getValue() % 2 == 1);
            found = up ? above.getKey() : below.getKey();
        }
        return x < 0 ? -found : found;
    }
}
