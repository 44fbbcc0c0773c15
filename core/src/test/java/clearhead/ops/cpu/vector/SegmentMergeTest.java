package clearhead.ops.cpu.vector;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import org.junit.jupiter.api.Test;

/// Merging the states of two segments.
class SegmentMergeTest {
    private static final int DIM = 5;
    private static final float NONE = Float.NEGATIVE_INFINITY;

    private static BlockSoftmax.Rows row(float sum, float... out) {
        MemorySegment m = Arena.ofAuto().allocate(1024, 64);
        var row = new BlockSoftmax.Rows(m, 0, 0, 512, DIM * 4L, DIM);
        m.set(TileProduct.F32, 0, sum);
        for (int i = 0; i < DIM; i++) {
            m.set(TileProduct.F32, 512 + i * 4L, out[i % out.length]);
        }
        return row;
    }

    private static void is(BlockSoftmax.Rows row, float sum, float out) {
        assertEquals(sum, row.m().get(TileProduct.F32, 0));
        for (int i = 0; i < DIM; i++) {
            assertEquals(out, row.m().get(TileProduct.F32, 512 + i * 4L));
        }
    }

    /// 2^3·(1, 10) and 2^1·(4, 20): at shift 3 the second counts a quarter, whichever comes first.
    @Test
    void theLowerShiftIsBroughtToTheHigher() {
        var total = row(1, 10);
        assertEquals(3, BlockSoftmax.merge(total, 0, 3, row(4, 20), 0, 1));
        is(total, 2, 15);
        total = row(4, 20);
        assertEquals(3, BlockSoftmax.merge(total, 0, 1, row(1, 10), 0, 3));
        is(total, 2, 15);
    }

    @Test
    void anEmptyTotalBecomesACopy() {
        var total = row(0, 0f);
        assertEquals(-7, BlockSoftmax.merge(total, 0, NONE, row(2, -0f), 0, -7));
        is(total, 2, -0f);
    }

    @Test
    void anEmptyPartChangesNothing() {
        var total = row(2, -0f);
        assertEquals(-7, BlockSoftmax.merge(total, 0, -7, row(0, 0f), 0, NONE));
        is(total, 2, -0f);
        total = row(0, 0f);
        assertEquals(NONE, BlockSoftmax.merge(total, 0, NONE, row(0, 0f), 0, NONE));
        is(total, 0, 0f);
    }

    /// 0·∞ behind a score of −∞ is no number, in whichever segment it is.
    @Test
    void aNanStays() {
        var total = row(0, Float.NaN);
        BlockSoftmax.merge(total, 0, NONE, row(2, 1), 0, 0);
        is(total, 2, Float.NaN);
        total = row(2, 1);
        BlockSoftmax.merge(total, 0, 0, row(0, Float.NaN), 0, NONE);
        is(total, 2, Float.NaN);
        assertTrue(Float.isNaN(BlockSoftmax.merge(row(2, 1), 0, 0, row(1, 1), 0, Float.NaN)));
    }
}
