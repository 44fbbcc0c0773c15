package clearhead.ops.cpu.vector;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import jdk.incubator.vector.FloatVector;
import org.junit.jupiter.api.Test;

class BlockSoftmaxTest {
    private static float exp2(float x) {
        return BlockSoftmax.exp2(FloatVector.broadcast(Lanes.FLOATS, x)).lane(0);
    }

    @Test
    void exp2IsWithinTwoUlps() {
        double worst = 0;
        for (float x = -126; x < 20; x += 0.00137f) {
            double exact = Math.pow(2, x);
            worst = Math.max(worst, Math.abs(exp2(x) - exact) / Math.ulp((float) exact));
        }
        double seen = worst;
        assertTrue(worst < 1.5, () -> "worst error " + seen + " ulp");
    }

    @Test
    void exp2OfExtremes() {
        assertEquals(1f, exp2(0));
        assertEquals(0f, exp2(Float.NEGATIVE_INFINITY));
        assertEquals(0f, exp2(-127));
        assertEquals(0f, exp2(-1e30f));
        assertTrue(Float.isNaN(exp2(Float.NaN)));
    }
}
