package clearhead.ops;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import clearhead.ops.cpu.reference.ReferenceBackend;
import clearhead.tensor.DType;
import clearhead.tensor.Tensor;
import java.lang.foreign.Arena;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/// What a training step does to slabs, on every backend against the reference in F64, on a part of a
/// slab whose neighbours must not change.
class UpdatesConformanceTest {
    private static final int[] EDGES = {1, 7, 8, 9, 15, 16, 17, 31, 33, 63, 64, 65, 127, 129, 1000, 70_001};
    private static final int BESIDE = 5;

    static List<Subject> subjects() {
        return Subject.all();
    }

    /// x, g, m, v.
    private static Tensor[] slabs(int size) {
        var data = new Data(size);
        Tensor second = data.normal(size + 2 * BESIDE);
        for (int i = 0; i < second.size(); i++) {
            second.set(i, Math.abs(second.at(i)));
        }
        return new Tensor[] {
            data.normal(size + 2 * BESIDE), data.normal(size + 2 * BESIDE), data.normal(size + 2 * BESIDE), second
        };
    }

    private static Tensor[] step(Backend backend, Tensor[] slabs, DType type, AdamStep step) {
        var copies = new Tensor[4];
        var parts = new Tensor[4];
        for (int n = 0; n < 4; n++) {
            copies[n] = slabs[n].to(Arena.ofAuto(), type);
            parts[n] = copies[n].rows(BESIDE, copies[n].dim(0) - BESIDE);
        }
        backend.updates().adam(parts[0], parts[1], parts[2], parts[3], step);
        return copies;
    }

    /// Each new value is a sum of a few products: at most 4 ulp of the largest term.
    @ParameterizedTest
    @MethodSource("subjects")
    void adam(Subject subject) {
        var decoupled = AdamStep.decoupled(3, 0.01, 0.9, 0.95, 1e-8, 0.1, 0.7);
        var coupled = new AdamStep(0.9, 0.99, 1, 0.01, 1, 0.02, 1e-6, 0.99);
        for (AdamStep step : List.of(decoupled, coupled)) {
            for (int size : EDGES) {
                Tensor[] slabs = slabs(size);
                Tensor[] exact = step(new ReferenceBackend(), slabs, DType.F64, step);
                Tensor[] one = step(subject.one(), slabs, DType.F32, step);
                Tensor[] two = step(subject.two(), slabs, DType.F32, step);
                for (int n = 0; n < 4; n++) {
                    String name = subject + ": adam of " + size + ", slab " + n;
                    Kit.sameBits(name + ", 1 and 2 threads", one[n].toFloats(), two[n].toFloats());
                    for (int i = 0; i < slabs[n].size(); i++) {
                        boolean outside = i < BESIDE || i >= BESIDE + size;
                        double bound = outside || n == 1 ? 0 : 4 * 0x1p-24 * Math.max(4, Math.abs(exact[n].at(i)));
                        assertEquals(exact[n].at(i), two[n].at(i), bound, name + ", element " + i);
                    }
                }
            }
        }
    }

    @ParameterizedTest
    @MethodSource("subjects")
    void squaredNormAndZero(Subject subject) {
        for (int size : EDGES) {
            Tensor slab = new Data(size).normal(size + 2 * BESIDE);
            Tensor part = slab.rows(BESIDE, BESIDE + size);
            double exact = 0;
            for (int i = 0; i < size; i++) {
                exact += part.at(i) * part.at(i);
            }
            double one = subject.one().updates().squaredNorm(part);
            double two = subject.two().updates().squaredNorm(part);
            assertEquals(one, two, 0, subject + ": squaredNorm of " + size + " on 1 and 2 threads");
            assertEquals(exact, two, 1e-12 * exact, subject + ": squaredNorm of " + size);
            subject.two().updates().zero(part);
            for (int i = 0; i < slab.size(); i++) {
                boolean outside = i < BESIDE || i >= BESIDE + size;
                int at = i;
                assertTrue(outside != (slab.at(i) == 0), () -> subject + ": zero of " + size + ", element " + at);
            }
        }
    }
}
