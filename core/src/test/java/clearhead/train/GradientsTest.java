package clearhead.train;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import clearhead.model.Architecture;
import clearhead.model.Parameter;
import clearhead.nn.ForwardPass;
import clearhead.ops.Backend;
import clearhead.ops.Backends;
import clearhead.ops.Dropout;
import clearhead.ops.Sequences;
import clearhead.ops.cpu.reference.ReferenceBackend;
import clearhead.tensor.DType;
import clearhead.tensor.Tensor;
import java.lang.foreign.Arena;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.FieldSource;

/// Whole models: tape against central differences in F64; F32 kernels against F64.
class GradientsTest {
    static final List<Architecture> TINY = List.of(Models.gpt2(11, 9, 8, 2, 2), Models.llama(11, 9, 8, 2, 4, 2, 12));

    /// Sizes that are no multiples of a vector, more than one key block.
    static final List<Architecture> SMALL =
            List.of(Models.gpt2(65, 100, 36, 2, 3), Models.llama(65, 100, 36, 2, 6, 3, 52));

    private static final Sequences ROWS = new Sequences(0, 5, 8);
    private static final int[] INPUTS = {1, 4, 4, 9, 10, 0, 3, 1};
    private static final int[] TARGETS = {4, 4, 9, -1, 2, 3, 1, 7};

    private final Arena arena = Arena.ofShared();

    @AfterEach
    void close() {
        arena.close();
    }

    @ParameterizedTest
    @FieldSource("TINY")
    void modelAgainstCentralDifferences(Architecture architecture) {
        var parameters = Parameters.of(arena, DType.F64, architecture);
        parameters.start(3);
        roughen(parameters, 7);
        var model = parameters.model(architecture, arena);
        Tensor targets = Tensor.of(arena, TARGETS, TARGETS.length);
        var inputs = new LinkedHashMap<String, Tensor>();
        parameters.list().forEach(p -> inputs.put(p.name(), parameters.value(p.name())));
        Differences.check(inputs, ops -> ops.crossEntropy(model.forward(ForwardPass.of(ops, INPUTS, ROWS)), targets));
    }

    /// Norm weights that are not 1, biases that are not 0, weights that bite.
    private static void roughen(Parameters parameters, long seed) {
        var random = new Random(seed);
        for (Parameter p : parameters.list()) {
            Tensor t = parameters.value(p.name());
            for (long i = 0; i < t.size(); i++) {
                t.set(i, 5 * t.at(i) * (p.decays() ? 1 : 0.2) + 0.1 * random.nextGaussian());
            }
        }
    }

    @ParameterizedTest
    @FieldSource("SMALL")
    void float32AgainstFloat64(Architecture architecture) {
        var random = new Random(1);
        var rows = new Sequences(0, 91, 111, 112);
        int[] inputs = random.ints(rows.tokens(), 0, 65).toArray();
        int[] targets = random.ints(rows.tokens(), 0, 65).toArray();

        var exact = Parameters.of(arena, DType.F64, architecture);
        exact.start(3);
        roughen(exact, 7);
        var rounded = Parameters.of(arena, DType.F32, architecture);
        for (long i = 0; i < exact.values().size(); i++) {
            rounded.values().set(i, exact.values().at(i));
            exact.values().set(i, rounded.values().at(i));
        }
        double wanted;
        double got;
        try (var backend = new ReferenceBackend();
                var learner = new Learner(backend, exact.model(architecture, arena), exact)) {
            wanted = learner.learn(inputs, targets, rows, 1.0 / rows.tokens());
        }
        try (Backend backend = Backends.choose();
                var learner = new Learner(backend, rounded.model(architecture, arena), rounded)) {
            got = learner.learn(inputs, targets, rows, 1.0 / rows.tokens());
        }
        assertEquals(wanted, got, 1e-5 * wanted);
        for (Parameter p : exact.list()) {
            // GPT-2's query, key and value are one tensor of the checkpoint; the gradient of the
            // key's bias alone is 0 but for rounding.
            double largest = exact.list().stream()
                    .filter(o -> o.stored().name().equals(p.stored().name()))
                    .mapToDouble(o -> largest(exact.gradient(o.name())))
                    .max()
                    .orElseThrow();
            assertClose(exact.gradient(p.name()), rounded.gradient(p.name()), 1e-5 * largest, p.name());
        }
    }

    private static double largest(Tensor t) {
        double largest = 0;
        for (long i = 0; i < t.size(); i++) {
            largest = Math.max(largest, Math.abs(t.at(i)));
        }
        return largest;
    }

    private static void assertClose(Tensor wanted, Tensor got, double tolerance, String name) {
        double difference = 0;
        for (long i = 0; i < wanted.size(); i++) {
            difference = Math.max(difference, Math.abs(wanted.at(i) - got.at(i)));
        }
        assertTrue(difference <= tolerance, name + ": differs by " + difference + ", largest " + largest(wanted));
    }

    @ParameterizedTest
    @FieldSource("SMALL")
    void oneAndTwoThreadsGiveTheSameBits(Architecture architecture) {
        assertArrayEquals(threeSteps(architecture, 1), threeSteps(architecture, 2));
    }

    private float[] threeSteps(Architecture architecture, int threads) {
        var random = new Random(2);
        var rows = Sequences.equal(3, 70);
        var parameters = Parameters.of(arena, DType.F32, architecture);
        parameters.start(4);
        var optimizer = new AdamW(0.9, 0.95, 1e-8, 0.1, 1);
        try (Backend backend = Backends.best(threads);
                var learner = new Learner(backend, parameters.model(architecture, arena), parameters)) {
            for (int step = 1; step <= 3; step++) {
                int[] inputs = random.ints(rows.tokens(), 0, 65).toArray();
                int[] targets = random.ints(rows.tokens(), 0, 65).toArray();
                learner.learn(inputs, targets, rows, 1.0 / rows.tokens());
                optimizer.step(backend.updates(), parameters, step, 1e-3);
            }
        }
        return parameters.values().toFloats();
    }

    /// Gradients of two halves of a batch add up to the gradient of the whole.
    @Test
    void accumulationIsTheSumOfItsParts() {
        Architecture architecture = TINY.get(1);
        var whole = Parameters.of(arena, DType.F64, architecture);
        var halves = Parameters.of(arena, DType.F64, architecture);
        whole.start(1);
        halves.start(1);
        try (var backend = new ReferenceBackend();
                var learner = new Learner(backend, whole.model(architecture, arena), whole);
                var other = new Learner(backend, halves.model(architecture, arena), halves)) {
            double sum = learner.learn(INPUTS, TARGETS, ROWS, 0.125);
            double parts = other.learn(head(INPUTS, 0, 5), head(TARGETS, 0, 5), Sequences.one(5), 0.125)
                    + other.learn(head(INPUTS, 5, 8), head(TARGETS, 5, 8), Sequences.one(3), 0.125);
            assertEquals(sum, parts, 1e-12);
            for (Parameter p : whole.list()) {
                assertClose(whole.gradient(p.name()), halves.gradient(p.name()), 1e-13, p.name());
            }
        }
    }

    private static int[] head(int[] ids, int from, int to) {
        return java.util.Arrays.copyOfRange(ids, from, to);
    }

    /// A batch in two pieces drops the weights that it drops as a whole.
    @Test
    void dropoutIsTheSameInPieces() {
        Architecture architecture = TINY.get(1);
        var whole = Parameters.of(arena, DType.F64, architecture);
        var pieces = Parameters.of(arena, DType.F64, architecture);
        whole.start(5);
        pieces.start(5);
        roughen(whole, 9);
        roughen(pieces, 9);
        var inputs = new int[] {1, 2, 3, 4, 5, 6, 7, 8};
        var targets = new int[] {2, 3, 4, 5, 6, 7, 8, 1};
        try (var backend = new ReferenceBackend();
                var one = new Learner(backend, whole.model(architecture, arena), whole);
                var other = new Learner(backend, pieces.model(architecture, arena), pieces)) {
            var dropout = new Dropout(0.5, 11, 0);
            double sum = one.learn(inputs, targets, Sequences.equal(2, 4), 0.125, dropout);
            double parts = other.learn(head(inputs, 0, 4), head(targets, 0, 4), Sequences.one(4), 0.125, dropout)
                    + other.learn(
                            head(inputs, 4, 8), head(targets, 4, 8), Sequences.one(4), 0.125, new Dropout(0.5, 11, 1));
            assertEquals(sum, parts, 1e-12);
            assertTrue(Math.abs(sum - one.loss(inputs, targets, Sequences.equal(2, 4))) > 1e-6);
        }
        for (Parameter p : whole.list()) {
            assertClose(whole.gradient(p.name()), pieces.gradient(p.name()), 1e-12, p.name());
        }
    }
}
