package clearhead.nn;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import clearhead.ops.Activation;
import clearhead.ops.AttentionSpec;
import clearhead.ops.Backend;
import clearhead.ops.Backends;
import clearhead.ops.KvView;
import clearhead.ops.Mask;
import clearhead.ops.Ops;
import clearhead.ops.Sequences;
import clearhead.tensor.DType;
import clearhead.tensor.Tensor;
import clearhead.tensor.Workspace;
import java.lang.foreign.Arena;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class KvCacheTest {
    private final Arena arena = Arena.ofShared();
    private final Workspace workspace = new Workspace();
    private final Backend backend = Backends.named("reference", 1);
    private final Ops ops = backend.ops(workspace);

    // one layer, 4 pages
    private final KvCache cache = new KvCache(transformer(), 3 * KvView.PAGE + 1);

    @AfterEach
    void close() {
        cache.close();
        backend.close();
        workspace.close();
        arena.close();
    }

    private Transformer transformer() {
        return transformer(Mask.CAUSAL);
    }

    private Transformer transformer(Mask mask) {
        Tensor one = Tensor.zeros(arena, DType.F32, 4, 4);
        Tensor norm = Tensor.zeros(arena, DType.F32, 4);
        var linear = Linear.of(one);
        var positions = new Positions.None();
        var attention =
                new Attention(AttentionSpec.causal(2, 1, 2).withMask(mask), positions, linear, linear, linear, linear);
        var mlp = new Mlp.Dense(linear, linear, Activation.RELU);
        var rms = new Norm.Rms(norm, 1e-5);
        return new Transformer(one, positions, List.of(new Block.PreNorm(rms, attention, rms, mlp)), rms, linear, 256);
    }

    /// Appends `count` tokens whose keys and values are `value`.
    private KvView.Paged append(KvCache.Sequence sequence, int count, double value) {
        return append(cache, sequence, count, value);
    }

    private KvView.Paged append(KvCache cache, KvCache.Sequence sequence, int count, double value) {
        Tensor key = Tensor.zeros(arena, DType.F32, count, 1, 2);
        for (int i = 0; i < key.size(); i++) {
            key.set(i, value);
        }
        var rows = Sequences.one(count);
        KeyValues memory = cache.extend(rows, sequence);
        return (KvView.Paged) memory.append(ops, 0, key, key, rows);
    }

    private static double value(KvView.Paged past, int position) {
        int page = past.table()[0][position / KvView.PAGE];
        return past.values().at((long) (page * KvView.PAGE + position % KvView.PAGE) * 2);
    }

    @Test
    void memoryIsStated() {
        // 4 pages of 64 positions, keys and values, 1 head of 2 floats
        assertEquals(4 * 64 * 2 * 2 * 4, cache.bytes());
        assertEquals(4 * 64, cache.freePositions());
    }

    @Test
    void pagesComeAndGo() {
        var a = cache.open();
        append(a, 65, 1);
        assertEquals(65, a.length());
        assertEquals(128, cache.freePositions());
        a.truncate(64);
        assertEquals(192, cache.freePositions());
        a.close();
        a.close();
        assertEquals(256, cache.freePositions());
        assertThrows(IllegalStateException.class, () -> append(a, 1, 1));
    }

    @Test
    void aFullPoolChangesNothing() {
        var a = cache.open();
        append(a, 200, 1);
        var e = assertThrows(IllegalStateException.class, () -> append(a, 57, 1));
        assertTrue(String.valueOf(e.getMessage()).contains("full"), e.getMessage());
        assertEquals(200, a.length());
        append(a, 56, 1);
        assertEquals(0, cache.freePositions());
    }

    @Test
    void forksShareUntilOneWrites() {
        var a = cache.open();
        append(a, 70, 1);
        var b = a.fork();
        assertEquals(128, cache.freePositions());
        KvView.Paged ofB = append(b, 1, 2);
        assertEquals(64, cache.freePositions());
        assertEquals(1, value(ofB, 69));
        assertEquals(2, value(ofB, 70));
        KvView.Paged ofA = append(a, 1, 3);
        assertEquals(64, cache.freePositions());
        assertEquals(3, value(ofA, 70));
        assertEquals(2, value(ofB, 70));
        assertEquals(ofA.table()[0][0], ofB.table()[0][0]);
        a.close();
        assertEquals(1, value(ofB, 3));
        b.close();
        assertEquals(256, cache.freePositions());
    }

    @Test
    void aForkAtAPagesEndCopiesNothing() {
        var a = cache.open();
        append(a, 64, 1);
        var b = a.fork();
        append(b, 1, 2);
        append(a, 1, 3);
        assertEquals(64, cache.freePositions());
    }

    @Test
    void typesTakeLessMemoryAndAreWhatIsStored() {
        // 64 positions: keys and values of 1 head of 2, and a scale for each
        for (var each :
                Map.of(DType.F32, 16, DType.F16, 8, DType.BF16, 8, DType.I8, 12).entrySet()) {
            var storage = KvStorage.of(each.getKey());
            assertEquals(64L * each.getValue(), KvCache.bytes(transformer(), 1, storage));
            try (var typed = new KvCache(transformer(), 128, storage)) {
                var a = typed.open();
                append(typed, a, 3, 1.5);
                var b = a.fork();
                assertEquals(each.getKey(), append(typed, b, 1, 2.5).keys().type());
                KvView.Paged ofA = append(typed, a, 1, 3.5);
                assertEquals(1.5, ofA.value(0, 0, 2, 1), 0.01);
                assertEquals(3.5, ofA.key(0, 0, 3, 0), 0.02);
            }
        }
    }

    @Test
    void aRingKeepsItsLastPositions() {
        var storage = new KvStorage(DType.F32, 128);
        try (var ring = new KvCache(transformer(new Mask.Window(63, 0)), 320, storage)) {
            var a = ring.open();
            for (int i = 0; i < 300; i++) {
                append(ring, a, 1, i);
            }
            assertEquals(300, a.length());
            assertEquals(320 - 128, ring.freePositions());
            var b = a.fork();
            KvView.Paged ofB = append(ring, b, 30, -1); // positions 300 to 329, over two pages
            assertEquals(320 - 256, ring.freePositions());
            KvView.Paged ofA = append(ring, a, 1, 300);
            for (int p = ofA.firstHeld(0); p < 301; p++) {
                assertEquals(p, ofA.value(0, 0, p, 0));
            }
            for (int p = ofB.firstHeld(0); p < 330; p++) {
                assertEquals(p < 300 ? p : -1, ofB.value(0, 0, p, 0));
            }
            assertThrows(IllegalStateException.class, () -> a.truncate(299));
            assertThrows(IllegalArgumentException.class, () -> append(ring, a, 129, 0));
            a.truncate(0);
            b.close();
            assertEquals(320, ring.freePositions());
        }
        var all = assertThrows(IllegalArgumentException.class, () -> new KvCache(transformer(), 320, storage));
        assertTrue(
                String.valueOf(all.getMessage()).contains("layer 0, where a query sees all earlier keys"),
                all.getMessage());
        assertThrows(
                IllegalArgumentException.class, () -> new KvCache(transformer(new Mask.Window(128, 0)), 320, storage));
        assertThrows(IllegalArgumentException.class, () -> new KvStorage(DType.F32, 100));
        assertThrows(IllegalArgumentException.class, () -> KvStorage.of(DType.Q8_0));
    }
}
