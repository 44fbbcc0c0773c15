package clearhead.inspect;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import clearhead.ops.Backend;
import clearhead.ops.Backends;
import clearhead.ops.Ops;
import clearhead.tensor.DType;
import clearhead.tensor.Workspace;
import java.lang.foreign.Arena;
import java.util.Random;
import org.junit.jupiter.api.Test;

/// What a run keeps, and what making and looking at it takes for a while, grow linearly with the text.
class RunMemoryTest {
    private static final int SHORT = 1024;

    /// Memory for a block of cells, however long the text.
    private static final long BLOCKS = 96L << 20;

    @Test
    void memoryIsLinear() {
        long kept = 0;
        long running = 0;
        for (int tokens : new int[] {SHORT, 2 * SHORT, 8 * SHORT}) {
            try (Arena arena = Arena.ofShared();
                    var forRun = new Workspace(1 << 16, Long.MAX_VALUE);
                    var forLooking = new Workspace(1 << 16, Long.MAX_VALUE);
                    Backend backend = Backends.named("vector", 2)) {
                var model = TinyModels.llama(arena, DType.F32, 8 * SHORT);
                int[] ids = new Random(1).ints(tokens, 0, TinyModels.VOCAB).toArray();
                try (Run run = Run.of(model, backend.ops(forRun), ids)) {
                    Ops ops = backend.ops(forLooking);
                    var map = new AttentionMap(run, Heads.of(1, 2), AttentionMap.Kind.VALUE, Units.tokens(tokens));
                    map.tile(ops, 6, 0, 0, AttentionMap.Pool.MEAN);
                    map.row(ops, tokens - 1);
                    int times = tokens / SHORT;
                    if (times == 1) {
                        kept = run.bytes();
                        running = forRun.reserved();
                    }
                    assertEquals(kept * times, run.bytes());
                    long most = running * times * 5 / 4;
                    assertTrue(
                            forRun.reserved() <= most, () -> tokens + " tokens: " + forRun.reserved() + " > " + most);
                    assertTrue(forLooking.reserved() <= BLOCKS, () -> tokens + " tokens: " + forLooking.reserved());
                }
            }
        }
    }
}
