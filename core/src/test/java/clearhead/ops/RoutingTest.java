package clearhead.ops;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import clearhead.tensor.DType;
import clearhead.tensor.Tensor;
import clearhead.tensor.Workspace;
import java.lang.foreign.Arena;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/// Choices of experts worked out by hand, and their gradients against differences.
class RoutingTest {
    private final Workspace workspace = new Workspace();
    private final Ops ops = Backends.named("reference", 1).ops(workspace);
    private final Adjoints adjoints = Backends.named("reference", 1).adjoints(workspace);

    private static Tensor logits(double... values) {
        Tensor t = Tensor.zeros(Arena.ofAuto(), DType.F64, 1, values.length);
        for (int i = 0; i < values.length; i++) {
            t.set(i, values[i]);
        }
        return t;
    }

    private void chooses(Routing routing, Tensor logits, int[] experts, double... weights) {
        Routed routed = ops.route(logits, routing);
        var found = new int[routed.experts().dim(1)];
        for (int i = 0; i < found.length; i++) {
            found[i] = routed.experts().intAt(i);
        }
        assertArrayEquals(experts, found);
        assertArrayEquals(weights, routed.weights().toDoubles(), 1e-12);
    }

    /// Logits ln 1, ln 4, ln 2, ln 3: softmax is 1/10, 4/10, 2/10, 3/10.
    @Test
    void softmax() {
        Tensor logits = logits(0, Math.log(4), Math.log(2), Math.log(3));
        chooses(Routing.softmax(2, false), logits, new int[] {1, 3}, 0.4, 0.3);
        chooses(Routing.softmax(2, true), logits, new int[] {1, 3}, 4 / 7.0, 3 / 7.0);
        chooses(Routing.softmax(2, true).times(7), logits, new int[] {1, 3}, 4, 3);
    }

    /// Of equals the first is chosen.
    @Test
    void ties() {
        chooses(Routing.softmax(1, true), logits(2, 2, 2), new int[] {0}, 1);
    }

    /// The correction moves the choice, not the weight.
    @Test
    void correction() {
        Tensor bias = Tensor.of(Arena.ofAuto(), new float[] {0, -1, 0, 0}, 4);
        Tensor logits = logits(0, Math.log(4), Math.log(2), Math.log(3));
        chooses(Routing.softmax(1, false).correctedBy(bias), logits, new int[] {3}, 0.3);
    }

    /// Groups of two: {1/10, 4/10} has the best expert, {3/10, 2/10} is as good together.
    @Test
    void groups() {
        Tensor logits = logits(0, Math.log(4), Math.log(3.5), Math.log(1.5));
        var best = new Routing.Groups(2, 1, Routing.Worth.BEST);
        chooses(Routing.softmax(2, false).in(best), logits, new int[] {0, 1}, 0.1, 0.4);
        Tensor other = logits(0, Math.log(4), Math.log(3.5), Math.log(3.5));
        var two = new Routing.Groups(2, 1, Routing.Worth.TWO_BEST);
        chooses(Routing.softmax(2, false).in(two), other, new int[] {2, 3}, 3.5 / 12, 3.5 / 12);
        var three = Routing.softmax(3, false).in(two);
        var e = assertThrows(IllegalArgumentException.class, () -> ops.route(logits, three));
        assertTrue(String.valueOf(e.getMessage()).contains("3 of 4 experts cannot be chosen from 1 of 2 groups"));
    }

    @Test
    void sigmoid() {
        chooses(Routing.sigmoid(1), logits(0, Math.log(3)), new int[] {1}, 0.75);
    }

    @Test
    void gradients() {
        var groups = new Routing.Groups(2, 1, Routing.Worth.TWO_BEST);
        for (Routing routing : List.of(
                Routing.softmax(2, false),
                Routing.softmax(3, true).times(2.5),
                Routing.sigmoid(2),
                new Routing(Routing.Score.SIGMOID, 2, true, 1.5, groups, Optional.empty()))) {
            Tensor logits = logits(0.3, -0.4, 1.1, 0.9, -0.2, 0.6);
            Tensor d = logits(0.7, -1.3, 0.4).reshape(3);
            Tensor dWeights = logits(Arrays.copyOf(d.toDoubles(), routing.chosen()));
            double[] found = adjoints.route(logits, routing, ops.route(logits, routing), dWeights)
                    .toDoubles();
            for (int i = 0; i < 6; i++) {
                double at = logits.at(i);
                logits.set(i, at + 1e-5);
                double up = loss(logits, routing, dWeights);
                logits.set(i, at - 1e-5);
                double down = loss(logits, routing, dWeights);
                logits.set(i, at);
                assertEquals((up - down) / 2e-5, found[i], 1e-9, routing + " " + i);
            }
        }
    }

    private double loss(Tensor logits, Routing routing, Tensor dWeights) {
        Tensor w = ops.route(logits, routing).weights();
        double sum = 0;
        for (int j = 0; j < routing.chosen(); j++) {
            sum += w.at(j) * dWeights.at(j);
        }
        return sum;
    }
}
