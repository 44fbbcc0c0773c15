package clearhead.tensor;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

/// Numbers from the tables of OCP's 8-bit floating point specification.
final class ByteFloatTest {
    @Test
    void e4m3() {
        assertEquals(448f, ByteFloat.e4m3(0x7e));
        assertEquals(-448f, ByteFloat.e4m3(0xfe));
        assertEquals(1f, ByteFloat.e4m3(0x38));
        assertEquals(0x1p-6f, ByteFloat.e4m3(0x08));
        assertEquals(0.875f * 0x1p-6f, ByteFloat.e4m3(0x07));
        assertEquals(0x1p-9f, ByteFloat.e4m3(0x01));
        assertEquals(-0f, ByteFloat.e4m3(0x80));
        assertTrue(Float.isNaN(ByteFloat.e4m3(0x7f)) && Float.isNaN(ByteFloat.e4m3(0xff)));
    }

    @Test
    void e5m2() {
        assertEquals(57344f, ByteFloat.e5m2(0x7b));
        assertEquals(Float.NEGATIVE_INFINITY, ByteFloat.e5m2(0xfc));
        assertEquals(0x1p-16f, ByteFloat.e5m2(0x01));
        assertTrue(Float.isNaN(ByteFloat.e5m2(0x7f)));
    }

    @Test
    void e8m0() {
        assertEquals(1f, ByteFloat.e8m0(127));
        assertEquals(0x1p-127f, ByteFloat.e8m0(0));
        assertEquals(0x1p127f, ByteFloat.e8m0(254));
        assertTrue(Float.isNaN(ByteFloat.e8m0(255)));
    }

    @Test
    void theNearestOfTwoAsNearIsEven() {
        assertEquals(0x38, ByteFloat.nearest(1.0625, ByteFloat::e4m3));
        assertEquals(0x3a, ByteFloat.nearest(1.1875, ByteFloat::e4m3));
        assertEquals(0, ByteFloat.nearest(0, ByteFloat::e4m3));
        assertEquals(0x7e, ByteFloat.nearest(1e9, ByteFloat::e4m3));
        for (int bits = 0; bits < 256; bits++) {
            if (!Float.isNaN(ByteFloat.e4m3(bits)) && bits != 0x80) {
                assertEquals((byte) bits, ByteFloat.nearest(ByteFloat.e4m3(bits), ByteFloat::e4m3));
            }
        }
    }
}
