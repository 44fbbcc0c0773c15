package clearhead.ops.cpu.vector;

import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorShape;
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

    private Lanes() {}

    private static VectorShape shape() {
        int preferred = FloatVector.SPECIES_PREFERRED.vectorBitSize();
        int bits = Integer.getInteger("clearhead.vectorBits", Math.clamp(preferred, 128, 512));
        if (bits != 128 && bits != 256 && bits != 512) {
            throw new IllegalArgumentException(
                    "clearhead.vectorBits must be 128, 256 or 512, got " + bits);
        }
        return VectorShape.forBitSize(bits);
    }

}
