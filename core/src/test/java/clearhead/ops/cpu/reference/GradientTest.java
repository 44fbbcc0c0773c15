package clearhead.ops.cpu.reference;

import static org.junit.jupiter.api.Assertions.assertEquals;

import clearhead.ops.Activation;
import clearhead.ops.Adjoints;
import clearhead.ops.Attended;
import clearhead.ops.AttentionGradients;
import clearhead.ops.AttentionSpec;
import clearhead.ops.Cell;
import clearhead.ops.Data;
import clearhead.ops.KvView;
import clearhead.ops.Mask;
import clearhead.ops.Ops;
import clearhead.ops.Pairing;
import clearhead.ops.Recurred;
import clearhead.ops.Recurrence;
import clearhead.ops.RecurrentCases;
import clearhead.ops.Sequences;
import clearhead.ops.StateUpdate;
import clearhead.tensor.DType;
import clearhead.tensor.Tensor;
import clearhead.tensor.Workspace;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/// Every adjoint of the reference in F64 against central differences of its operation: relative 1e-6
/// with an absolute floor of 1e-9.
class GradientTest {
    /// Five-point differences: their own error is h⁴·f⁽⁵⁾/30.
    private static final double STEP = 1e-3;

    private final Arena arena = Arena.ofAuto();
    private final Workspace workspace = new Workspace();
    private final Ops ops = new ReferenceBackend().ops(workspace);
    private final Adjoints adjoints = new ReferenceBackend().adjoints(workspace);
    private final Data data = new Data(5);

    @FunctionalInterface
    private interface Function {
        Tensor of(Tensor[] in);
    }

    @FunctionalInterface
    private interface Gradient {
        /// @return the gradient by each input
        List<Tensor> of(Tensor[] in, Tensor dOut);
    }

    /// Compares with differences of Σ dOut·f(in), by every element of every input.
    private void check(Function f, Gradient gradient, Tensor... inputs) {
        Tensor y = f.of(inputs).copy(arena);
        Tensor dOut = wide(data.normal(y.shape().dims()));
        var found = new ArrayList<double[]>();
        for (Tensor t : gradient.of(inputs, dOut)) {
            found.add(t.toDoubles());
        }
        assertEquals(inputs.length, found.size());
        for (int n = 0; n < inputs.length; n++) {
            for (int i = 0; i < inputs[n].size(); i++) {
                double wanted = difference(f, dOut, inputs, n, i);
                double bound = Math.max(1e-6 * Math.abs(wanted), 1e-9);
                assertEquals(wanted, found.get(n)[i], bound, "input " + n + ", element " + i);
            }
        }
    }

    private double difference(Function f, Tensor dOut, Tensor[] inputs, int n, int i) {
        double at = inputs[n].at(i);
        var loss = new double[5];
        for (int step = -2; step <= 2; step++) {
            inputs[n].set(i, at + step * STEP);
            workspace.reset();
            Tensor y = f.of(inputs);
            for (long k = 0; k < y.size(); k++) {
                loss[step + 2] += dOut.at(k) * y.at(k);
            }
        }
        inputs[n].set(i, at);
        return (loss[0] - 8 * loss[1] + 8 * loss[3] - loss[4]) / (12 * STEP);
    }

    private Tensor wide(Tensor t) {
        return t.to(arena, DType.F64);
    }

    private Tensor normal(int... dims) {
        return wide(data.normal(dims));
    }

    private Tensor zeros(int... dims) {
        return Tensor.zeros(arena, DType.F64, dims);
    }

    @Test
    void linear() {
        check(
                in -> ops.linear(in[0], in[1], in[2]),
                (in, dOut) -> {
                    Tensor dW = zeros(5, 4);
                    Tensor dB = zeros(5);
                    adjoints.linearWeight(in[0], dOut, dW);
                    adjoints.linearBias(dOut, dB);
                    return List.of(adjoints.linearInput(dOut, in[1]), dW, dB);
                },
                normal(3, 4),
                normal(5, 4),
                normal(5));
    }

    @Test
    void embed() {
        Tensor ids = data.ints(2, 0, 2, 3);
        check(
                in -> ops.embed(in[0], ids),
                (in, dOut) -> {
                    Tensor d = zeros(5, 3);
                    adjoints.embed(ids, dOut, d);
                    return List.of(d);
                },
                normal(5, 3));
    }

    @Test
    void select() {
        Tensor rows = data.ints(4, 1, 1);
        check(in -> ops.select(in[0], rows), (in, dOut) -> List.of(adjoints.select(rows, dOut, 5)), normal(5, 3));
    }

    @Test
    void combine() {
        Tensor rows = data.ints(0, 3, 2, 2, 4, 0).reshape(3, 2);
        check(
                in -> ops.combine(List.of(in[0], in[1]), rows, in[2]),
                (in, dOut) -> {
                    var d = adjoints.combine(List.of(in[0], in[1]), rows, in[2], dOut);
                    return List.of(d.dParts().get(0), d.dParts().get(1), d.dWeights());
                },
                normal(3, 4),
                normal(2, 4),
                normal(3, 2));
    }

    @Test
    void clamp() {
        check(
                in -> ops.clamp(in[0], -0.5, 0.8),
                (in, dOut) -> List.of(adjoints.clamp(in[0], -0.5, 0.8, dOut)),
                normal(3, 5));
    }

    @Test
    void sumsAddTheirGradient() {
        check(
                in -> ops.add(ops.scale(in[0], -1.7), in[1]),
                (in, dOut) -> {
                    Tensor d = zeros(2, 3);
                    adjoints.accumulate(dOut, d);
                    return List.of(ops.scale(dOut, -1.7), d);
                },
                normal(2, 3),
                normal(2, 3));
    }

    @Test
    void layerNorm() {
        check(
                in -> ops.layerNorm(in[0], in[1], in[2], 1e-2),
                (in, dOut) -> {
                    Tensor dW = zeros(6);
                    Tensor dB = zeros(6);
                    Tensor dX = adjoints.layerNorm(in[0], in[1], 1e-2, dOut, dW, dB);
                    return List.of(dX, dW, dB);
                },
                normal(3, 6),
                normal(6),
                normal(6));
    }

    @Test
    void rmsNorm() {
        check(
                in -> ops.rmsNorm(in[0], in[1], 1e-2),
                (in, dOut) -> {
                    Tensor dW = zeros(6);
                    return List.of(adjoints.rmsNorm(in[0], in[1], 1e-2, dOut, dW), dW);
                },
                normal(3, 6),
                normal(6));
    }

    /// Values from −4 to 4, none within two steps of the kink of RELU.
    private Tensor spread(int count) {
        Tensor x = zeros(1, count);
        for (int i = 0; i < count; i++) {
            x.set(i, -4 + 8 * (i + 0.5) / count);
        }
        return x;
    }

    @ParameterizedTest
    @EnumSource
    void activations(Activation act) {
        check(in -> ops.activate(act, in[0]), (in, dOut) -> List.of(adjoints.activate(act, in[0], dOut)), spread(24));
    }

    @ParameterizedTest
    @EnumSource
    void gates(Activation act) {
        check(
                in -> ops.gate(act, in[0], in[1]),
                (in, dOut) -> {
                    Adjoints.Gated g = adjoints.gate(act, in[0], in[1], dOut);
                    return List.of(g.dGate(), g.dUp());
                },
                spread(24),
                normal(1, 24));
    }

    @ParameterizedTest
    @EnumSource
    void rope(Pairing pairing) {
        Tensor[] tables = data.rotary(9, 2);
        Tensor cos = wide(tables[0]);
        Tensor sin = wide(tables[1]);
        Tensor positions = data.ints(8, 3, 0);
        check(
                in -> ops.rope(in[0], cos, sin, positions, pairing),
                (in, dOut) -> List.of(adjoints.rope(dOut, cos, sin, positions, pairing)),
                normal(3, 2, 6));
    }

    @Test
    void softmax() {
        check(
                in -> ops.softmax(in[0]),
                (in, dOut) -> List.of(adjoints.softmax(ops.softmax(in[0]), dOut)),
                normal(2, 2, 5));
    }

    @Test
    void crossEntropy() {
        Tensor targets = data.ints(3, -1, 0);
        check(
                in -> ops.crossEntropy(in[0], targets),
                (in, dOut) -> List.of(adjoints.crossEntropy(in[0], targets, dOut)),
                normal(3, 5));
    }

    /// Every cell without kinks, all its parts, in both directions, with none, with one and with two outputs.
    @Test
    void recurrences() {
        var batch = new Sequences(0, 3, 3, 5);
        for (Cell cell : RecurrentCases.cells()) {
            if (RecurrentCases.isSmooth(cell)) {
                for (boolean whole : new boolean[] {false, true}) {
                    checkRecurrence(cell, batch, whole);
                }
            }
        }
    }

    /// Where a kink is, no two of the sums are nearer to it than a step.
    @Test
    void recurrencesWithKinks() {
        var batch = new Sequences(0, 2, 4);
        for (Cell cell : RecurrentCases.cells()) {
            if (!RecurrentCases.isSmooth(cell)) {
                checkRecurrence(cell, batch, true);
            }
        }
    }

    private void checkRecurrence(Cell cell, Sequences batch, boolean whole) {
        boolean lstm = cell instanceof Cell.Lstm;
        Tensor[] parts = RecurrentCases.tensors(new Data(14), cell, 3, batch);
        var inputs = new ArrayList<Tensor>();
        for (int i = 0; i < (whole ? lstm ? 6 : 4 : 2); i++) {
            inputs.add(wide(parts[i]));
        }
        check(
                in -> {
                    Recurred r = ops.recur(
                            in[0],
                            batch,
                            RecurrentCases.recurrence(cell, whole, in, whole),
                            RecurrentCases.start(cell, in, whole));
                    return r.cells().map(c -> ops.join(r.out(), c)).orElse(r.out());
                },
                (in, dOut) -> {
                    Recurrence r = RecurrentCases.recurrence(cell, whole, in, whole);
                    var start = RecurrentCases.start(cell, in, whole);
                    Recurred forward = ops.recur(in[0], batch, r, start);
                    var into = new Recurrence(
                            cell,
                            whole,
                            adjoints.zerosLike(in[1]),
                            r.bias().map(adjoints::zerosLike),
                            r.peepholes().map(adjoints::zerosLike));
                    Adjoints.Joined d = adjoints.split(dOut, 3);
                    Adjoints.Recurrent g = adjoints.recur(
                            batch,
                            r,
                            start,
                            forward,
                            d.dLeft(),
                            lstm ? Optional.of(d.dRight()) : Optional.empty(),
                            into);
                    var all = new ArrayList<>(List.of(g.dInputs(), into.weight()));
                    if (whole) {
                        all.add(into.bias().orElseThrow());
                        all.add(g.dStart().hidden());
                        g.dStart().cell().ifPresent(all::add);
                        into.peepholes().ifPresent(all::add);
                    }
                    return all;
                },
                inputs.toArray(new Tensor[0]));
    }

    @Test
    void causalConvolution() {
        var rows = new Sequences(0, 4, 4, 5, 9);
        Tensor state = normal(4, 2, 3);
        check(
                in -> ops.causalConvolution(in[0], in[1], Optional.of(in[2]), rows, Optional.of(state))
                        .out(),
                (in, dOut) -> {
                    Tensor dW = zeros(3, 3);
                    Tensor dB = zeros(3);
                    Tensor dX = adjoints.causalConvolution(
                            in[0], in[1], rows, Optional.of(state), dOut, dW, Optional.of(dB));
                    return List.of(dX, dW, dB);
                },
                normal(9, 3),
                normal(3, 3),
                normal(3));
    }

    /// The update's own inputs last.
    private void checkLinearAttention(java.util.function.Function<Tensor[], StateUpdate> update, Tensor... more) {
        var rows = new Sequences(0, 4, 4, 7);
        Tensor state = normal(3, 2, 3, 4);
        var inputs = new ArrayList<>(List.of(normal(7, 4, 3), normal(7, 2, 3), normal(7, 2, 4)));
        inputs.addAll(List.of(more));
        check(
                in -> ops.linearAttention(in[0], in[1], in[2], update.apply(in), 0.7, rows, Optional.of(state))
                        .out(),
                (in, dOut) -> {
                    Adjoints.LinearAttention g = adjoints.linearAttention(
                            in[0], in[1], in[2], update.apply(in), 0.7, rows, Optional.of(state), dOut);
                    var all = new ArrayList<>(List.of(g.dQuery(), g.dKey(), g.dValue()));
                    g.dDecay().ifPresent(all::add);
                    g.dRate().ifPresent(all::add);
                    return all;
                },
                inputs.toArray(new Tensor[0]));
    }

    @Test
    void linearAttention() {
        checkLinearAttention(in -> new StateUpdate.Sum());
        checkLinearAttention(in -> new StateUpdate.Gated(in[3]), normal(7, 2));
        checkLinearAttention(in -> new StateUpdate.Gated(in[3]), normal(7, 2, 3));
        checkLinearAttention(in -> new StateUpdate.Delta(in[3]), normal(7, 2));
        checkLinearAttention(in -> new StateUpdate.GatedDelta(in[3], in[4]), normal(7, 2), normal(7, 2));
        checkLinearAttention(in -> new StateUpdate.GatedDelta(in[3], in[4]), normal(7, 2, 3), normal(7, 2));
    }

    private void checkAttention(Mask mask, Sequences queries, Sequences keys) {
        var spec = new AttentionSpec(4, 2, 3, 0.7, mask);
        check(
                in -> ops.attention(in[0], queries, new KvView.Packed(in[1], in[2], keys), spec)
                        .out(),
                (in, dOut) -> {
                    var past = new KvView.Packed(in[1], in[2], keys);
                    Attended forward = ops.attention(in[0], queries, past, spec);
                    Adjoints.Attention g = adjoints.attention(in[0], queries, past, spec, forward, dOut);
                    return List.of(g.dQuery(), g.dKey(), g.dValue());
                },
                normal(queries.tokens(), 4, 3),
                normal(keys.tokens(), 2, 3),
                normal(keys.tokens(), 2, 3));
    }

    @Test
    void attention() {
        var rows = new Sequences(0, 4, 5, 8);
        checkAttention(Mask.CAUSAL, rows, rows);
        checkAttention(Mask.BIDIRECTIONAL, rows, rows);
        checkAttention(Mask.CAUSAL, new Sequences(0, 2, 3), new Sequences(0, 5, 9));
        // the first query of the second sequence sees no key
        checkAttention(Mask.CAUSAL, new Sequences(0, 1, 4), new Sequences(0, 1, 3));
    }

    @Test
    void attentionOfEveryKind() {
        for (var c : AttentionGradients.cases(7)) {
            Tensor[] inputs = c.inputs(data);
            for (int n = 0; n < inputs.length; n++) {
                inputs[n] = wide(inputs[n]);
            }
            check(
                    in -> c.forward(ops, in).out(),
                    (in, dOut) -> c.gradients(adjoints, in, c.forward(ops, in), dOut),
                    inputs);
        }
    }

    /// scores, softmax and weigh one after the other are what fused attention computes.
    @Test
    void plainPathEqualsFused() {
        var spec = AttentionSpec.causal(4, 2, 3);
        Tensor query = normal(5, 4, 3);
        var past = new KvView.Packed(normal(7, 2, 3), normal(7, 2, 3), Sequences.one(7));
        Tensor pattern = ops.softmax(ops.scores(query, past, 0, spec));
        double[] plain = ops.weigh(pattern, past, 0, spec).toDoubles();
        double[] fused =
                ops.attention(query, Sequences.one(5), past, spec).out().toDoubles();
        for (int i = 0; i < plain.length; i++) {
            assertEquals(fused[i], plain[i], 1e-14);
        }
    }
}
