package clearhead.train;

import static org.junit.jupiter.api.Assertions.assertEquals;

import clearhead.ops.Backend;
import clearhead.ops.Ops;
import clearhead.ops.cpu.reference.ReferenceBackend;
import clearhead.tensor.DType;
import clearhead.tensor.Tensor;
import clearhead.tensor.Workspace;
import java.lang.foreign.Arena;
import java.util.Map;
import java.util.Random;
import java.util.function.Function;

/// Compares a tape's gradients with central differences, all in F64 on the reference backend:
/// relative 1e-6, absolute floor 1e-9. The differences are of fourth order, so that their own error
/// stays far below the bar.
final class Differences {
    private static final double STEP = 1e-3;
    private static final double RELATIVE = 1e-6;
    private static final double FLOOR = 1e-9;
    private static final int MOST_ELEMENTS = 60;

    private Differences() {}

    /// @param inputs by name; every one is checked
    /// @param graph any number of operations, with one result
    static void check(Map<String, Tensor> inputs, Function<Ops, Tensor> graph) {
        try (Backend backend = new ReferenceBackend();
                var activations = new Workspace();
                var gradients = new Workspace();
                var arena = Arena.ofShared()) {
            var tape = new Tape(backend.ops(activations), backend, gradients);
            var found = new java.util.LinkedHashMap<String, Tensor>();
            inputs.forEach((name, t) -> {
                Tensor d = Tensor.zeros(arena, DType.F64, t.shape().dims());
                found.put(name, d);
                tape.watch(t, d);
            });
            Tensor out = graph.apply(tape);
            Tensor weights = random(arena, 99, out.shape().dims());
            tape.backward(out, weights);
            tape.reset();

            Ops ops = backend.ops(activations);
            var random = new Random(5);
            inputs.forEach((name, t) -> {
                int count = (int) Math.min(t.size(), MOST_ELEMENTS);
                for (int n = 0; n < count; n++) {
                    long i = t.size() <= MOST_ELEMENTS ? n : random.nextLong(t.size());
                    double wanted = derivative(ops, graph, weights, t, i);
                    double got =
                            java.util.Objects.requireNonNull(found.get(name)).at(i);
                    double tolerance = FLOOR + RELATIVE * Math.max(Math.abs(wanted), Math.abs(got));
                    assertEquals(wanted, got, tolerance, name + "[" + i + "]");
                }
            });
        }
    }

    private static double derivative(Ops ops, Function<Ops, Tensor> graph, Tensor weights, Tensor t, long i) {
        double old = t.at(i);
        double step = STEP * Math.max(1, Math.abs(old));
        var values = new double[4];
        for (int k = 0; k < 4; k++) {
            double shift = step * new double[] {-2, -1, 1, 2}[k];
            t.set(i, old + shift);
            values[k] = weighted(ops, graph, weights);
        }
        t.set(i, old);
        return (values[0] - 8 * values[1] + 8 * values[2] - values[3]) / (12 * step);
    }

    private static double weighted(Ops ops, Function<Ops, Tensor> graph, Tensor weights) {
        ops.workspace().reset();
        Tensor out = graph.apply(ops);
        double sum = 0;
        for (long i = 0; i < out.size(); i++) {
            sum += out.at(i) * weights.at(i);
        }
        return sum;
    }

    /// Normally distributed values.
    static Tensor random(Arena arena, long seed, int... dims) {
        Tensor t = Tensor.zeros(arena, DType.F64, dims);
        var random = new Random(seed);
        for (long i = 0; i < t.size(); i++) {
            t.set(i, random.nextGaussian());
        }
        return t;
    }
}
