package clearhead.ops.cpu.vector;

import java.lang.ref.SoftReference;

/// Arrays of one thread for the inside of an operation, kept from call to call as long as there is
/// memory.
final class FloatScratch {
    /// What an array is for: a thread uses each once at a time.
    enum Use {
        TILE,
        OWN_BLOCKS,
        SHARED_BLOCKS
    }

    private static final ThreadLocal<FloatScratch> OF_THREAD = ThreadLocal.withInitial(FloatScratch::new);

    private SoftReference<float[][]> arrays = new SoftReference<>(new float[Use.values().length][0]);

    private FloatScratch() {}

    /// At least `count` floats, contents undefined. The next call on this thread for the same use hands
    /// out the same array.
    static float[] of(Use use, int count) {
        FloatScratch scratch = OF_THREAD.get();
        float[][] kept = scratch.arrays.get();
        if (kept == null) {
            kept = new float[Use.values().length][0];
            scratch.arrays = new SoftReference<>(kept);
        }
        float[] array = kept[use.ordinal()];
        if (array.length < count) {
            array = new float[count];
            kept[use.ordinal()] = array;
        }
        return array;
    }
}
