package clearhead.ops.cpu.vector;

import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorShape;
import jdk.incubator.vector.VectorShuffle;
import jdk.incubator.vector.VectorSpecies;

/// The vector length of all kernels: the processor's preferred one, or the system property
/// `clearhead.vectorBits` (128, 256 or 512).
final class Lanes {
    static final VectorSpecies<Float> FLOATS = VectorSpecies.of(float.class, shape());
    static final VectorSpecies<Integer> INTS = FLOATS.withLanes(int.class);

    /// Floats in a vector.
    static final int COUNT = FLOATS.length();

    static final int BITS = FLOATS.vectorBitSize();

    /// Bytes in a vector.
    static final int BYTES = BITS / 8;

    static final ByteOrder ORDER = ByteOrder.LITTLE_ENDIAN;

    private static final VectorShuffle<Float> BY_8 = rotation(8);
    private static final VectorShuffle<Float> BY_4 = rotation(4);
    private static final VectorShuffle<Float> BY_2 = rotation(2);
    private static final VectorShuffle<Float> BY_1 = rotation(1);

    private Lanes() {}

    private static VectorShape shape() {
        int preferred = FloatVector.SPECIES_PREFERRED.vectorBitSize();
        int bits = Integer.getInteger("clearhead.vectorBits", Math.clamp(preferred, 128, 512));
        if (bits != 128 && bits != 256 && bits != 512) {
            throw new IllegalArgumentException("clearhead.vectorBits must be 128, 256 or 512, got " + bits);
        }
        return VectorShape.forBitSize(bits);
    }

    private static VectorShuffle<Float> rotation(int lanes) {
        return VectorShuffle.fromOp(FLOATS, i -> (i + lanes) % COUNT);
    }

    /// Sum of all lanes, halves upon halves. `reduceLanes` leaves the order open, and does add in
    /// another order once it is compiled.
    static float sum(FloatVector v) {
        FloatVector sum = v;
        if (COUNT >= 16) {
            sum = sum.add(sum.rearrange(BY_8));
        }
        if (COUNT >= 8) {
            sum = sum.add(sum.rearrange(BY_4));
        }
        sum = sum.add(sum.rearrange(BY_2));
        return sum.add(sum.rearrange(BY_1)).lane(0);
    }
}
