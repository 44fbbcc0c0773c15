package clearhead.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import clearhead.ops.AdamStep;
import clearhead.ops.Backend;
import clearhead.ops.Backends;
import clearhead.ops.Updates;
import clearhead.ops.cpu.reference.ReferenceBackend;
import clearhead.tensor.DType;
import clearhead.tensor.Tensor;
import java.lang.foreign.Arena;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class AdamWTest {
    private final Arena arena = Arena.ofShared();

    @AfterEach
    void close() {
        arena.close();
    }

    /// x = 1, g = 2, lr = 0.1, β = (0.9, 0.95), decay 0.5. Step 1: m = 0.2, v = 0.2; both corrections
    /// give the gradient back: m/0.1 = 2, √(v/0.05) = 2. So x = 1 − 0.1·0.5·1 − 0.1·2/2 = 0.85.
    @Test
    void oneStepByHand() {
        Tensor x = Tensor.of(arena, DType.F64, new double[] {1}, 1);
        Tensor g = Tensor.of(arena, DType.F64, new double[] {2}, 1);
        Tensor m = Tensor.zeros(arena, DType.F64, 1);
        Tensor v = Tensor.zeros(arena, DType.F64, 1);
        try (var backend = new ReferenceBackend()) {
            backend.updates().adam(x, g, m, v, AdamStep.decoupled(1, 0.1, 0.9, 0.95, 0, 0.5, 1));
        }
        assertEquals(0.85, x.at(0), 1e-15);
        assertEquals(0.2, m.at(0), 1e-15);
        assertEquals(0.2, v.at(0), 1e-15);
    }

    /// Sizes around the edges of vectors and of blocks.
    @ParameterizedTest
    @ValueSource(ints = {1, 7, 16, 31, 1000, 32767, 32768, 32769, 100_003})
    void everyBackendAgreesWithTheReference(int size) {
        Backend reference = new ReferenceBackend();
        Backend fast = Backends.best(2);
        try (reference;
                fast) {
            var step = new AdamStep(0.9, 0.95, 0.7, 0.01, 0.999, 1e-2, 1e-8, 0.998);
            var slabs = new Tensor[2][];
            for (int b = 0; b < 2; b++) {
                Updates updates = (b == 0 ? reference : fast).updates();
                slabs[b] = new Tensor[] {slab(size, 1), slab(size, 2), slab(size, 3), slab(size, 4)};
                for (int i = 0; i < size; i++) {
                    slabs[b][3].set(i, Math.abs(slabs[b][3].at(i)));
                }
                updates.adam(slabs[b][0], slabs[b][1], slabs[b][2], slabs[b][3], step);
            }
            for (int t = 0; t < 4; t++) {
                for (int i = 0; i < size; i++) {
                    double wanted = slabs[0][t].at(i);
                    assertEquals(wanted, slabs[1][t].at(i), 2e-6 * (1 + Math.abs(wanted)));
                }
            }
            double norm = reference.updates().squaredNorm(slabs[0][1]);
            assertEquals(norm, fast.updates().squaredNorm(slabs[0][1]), 1e-12 * norm);
            fast.updates().zero(slabs[1][1]);
            assertEquals(0, fast.updates().squaredNorm(slabs[1][1]));
        }
    }

    private Tensor slab(int size, long seed) {
        Tensor t = Tensor.zeros(arena, DType.F32, size);
        var random = new Random(seed);
        for (int i = 0; i < size; i++) {
            t.set(i, random.nextGaussian());
        }
        return t;
    }

    /// Warm-up to the peak, half way down in the middle, the floor at the end.
    @Test
    void scheduleByHand() {
        var schedule = new Schedule(1, 0.2, 10, 110);
        assertEquals(0.1, schedule.at(0), 1e-15);
        assertEquals(1, schedule.at(9), 1e-15);
        assertEquals(1, schedule.at(10), 1e-15);
        assertEquals(0.6, schedule.at(60), 1e-12);
        assertEquals(0.2, schedule.at(110), 1e-15);
        assertEquals(3, Schedule.constant(3).at(1000));
    }

    @Test
    void onlyMatricesDecay() {
        var parameters = Parameters.of(arena, DType.F32, Models.gpt2(11, 9, 8, 1, 2));
        parameters.start(1);
        double before = parameters.value("transformer.wte.weight").at(5);
        double norm = parameters.value("transformer.h.0.ln_1.weight").at(5);
        try (var backend = new ReferenceBackend()) {
            new AdamW(0.9, 0.95, 1e-8, 0.5, 1).step(backend.updates(), parameters, 1, 0.1);
        }
        double after = parameters.value("transformer.wte.weight").at(5);
        assertEquals(before * 0.95, after, 1e-7);
        assertEquals(norm, parameters.value("transformer.h.0.ln_1.weight").at(5));
        assertTrue(parameters.decaying() < parameters.values().dim(0));
    }
}
