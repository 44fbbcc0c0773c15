package clearhead.tensor;

/// Floats of one byte (OCP 8-bit floating point, and the scales of OCP microscaling).
final class ByteFloat {
    private ByteFloat() {}

    /// Exponents count from −7; 0x7f and 0xff are no numbers.
    static float e4m3(int bits) {
        int exponent = bits >>> 3 & 15;
        int fraction = bits & 7;
        float magnitude;
        if (exponent == 15 && fraction == 7) {
            magnitude = Float.NaN;
        } else if (exponent == 0) {
            magnitude = fraction * 0x1p-9f;
        } else {
            magnitude = Math.scalb((float) (8 + fraction), exponent - 10);
        }
        return (bits & 0x80) == 0 ? magnitude : -magnitude;
    }

    static float e5m2(int bits) {
        return Float.float16ToFloat((short) (bits << 8));
    }

    /// 0xff is no number.
    static float e8m0(int bits) {
        return (bits & 0xff) == 0xff ? Float.NaN : (float) Math.scalb(1.0, (bits & 0xff) - 127);
    }

    /// A type's number for each byte.
    interface Decoding {
        float decode(int bits);
    }

    /// The byte whose number is nearest to a finite `value`, of two as near the even one. By search: for
    /// single elements, not for weights.
    static byte nearest(double value, Decoding decoding) {
        int best = 0;
        double least = Double.POSITIVE_INFINITY;
        for (int bits = 0; bits < 256; bits++) {
            float number = decoding.decode(bits);
            double error = Math.abs(number - value);
            boolean nearer = error < least || error == least && bits == best + 1 && (bits & 1) == 0;
            if (Float.isFinite(number) && nearer) {
                best = bits;
                least = error;
            }
        }
        return (byte) best;
    }
}
