package clearhead.ops;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import clearhead.tensor.DType;
import clearhead.tensor.Tensor;
import clearhead.tensor.Workspace;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/// Causal convolution and linear attention on every backend: errors, gradients, and the same bits in
/// one pass and in parts, in a batch and alone.
class CarryingConformanceTest {
    private static final Sequences ROWS = new Sequences(0, 5, 5, 6, 41);

    static List<Subject> subjects() {
        return Subject.all();
    }

    @ParameterizedTest
    @MethodSource("subjects")
    void causalConvolution(Subject subject) {
        for (int channels : new int[] {1, 7, 16, 33, 130}) {
            for (int kernel : new int[] {1, 2, 4, 7}) {
                var data = new Data(channels + kernel);
                Tensor[] in = {
                    data.normal(ROWS.tokens(), channels),
                    data.normal(channels, kernel),
                    data.normal(channels),
                    data.normal(ROWS.count(), kernel - 1, channels),
                    data.normal(ROWS.tokens(), channels),
                    data.normal(channels, kernel),
                    data.normal(channels)
                };
                Kit.check(
                        subject,
                        "causal convolution of " + channels + " channels, kernel " + kernel,
                        2,
                        (d, t) -> {
                            Carried a =
                                    d.ops().causalConvolution(t[0], t[1], Optional.of(t[2]), ROWS, Optional.of(t[3]));
                            Carried b = d.ops().causalConvolution(t[0], t[1], Optional.empty(), ROWS, Optional.empty());
                            return List.of(a.out(), a.state(), b.out(), b.state());
                        },
                        in);
                Kit.checkGradient(
                        subject,
                        "causal convolution gradients of " + channels + " channels, kernel " + kernel,
                        10,
                        (d, t) -> {
                            Tensor dX = d.adjoints()
                                    .causalConvolution(
                                            t[0], t[1], ROWS, Optional.of(t[3]), t[4], t[5], Optional.of(t[6]));
                            Tensor fresh = d.adjoints()
                                    .causalConvolution(
                                            t[0], t[1], ROWS, Optional.empty(), t[4], t[5], Optional.empty());
                            return List.of(dX, fresh, t[5], t[6]);
                        },
                        in);
            }
        }
    }

    /// All rules, with decay per head and per row; made of the tensors from 4 on.
    private static final List<Function<Tensor[], StateUpdate>> RULES = List.of(
            t -> new StateUpdate.Sum(),
            t -> new StateUpdate.Gated(t[4]),
            t -> new StateUpdate.Gated(t[5]),
            t -> new StateUpdate.Delta(t[6]),
            t -> new StateUpdate.GatedDelta(t[4], t[6]),
            t -> new StateUpdate.GatedDelta(t[5], t[6]));

    /// query, key (of length 1), value, state, decay per head and per row (below 0), rate (0 to 1), dOut
    private static Tensor[] inputs(int heads, int kvHeads, int keyDim, int valueDim, Sequences rows) {
        var data = new Data(keyDim * 100L + valueDim);
        int tokens = rows.tokens();
        Tensor key = data.normal(tokens, kvHeads, keyDim);
        for (long row = 0; row < (long) tokens * kvHeads; row++) {
            double squares = 0;
            for (int d = 0; d < keyDim; d++) {
                squares += key.at(row * keyDim + d) * key.at(row * keyDim + d);
            }
            for (int d = 0; d < keyDim; d++) {
                key.set(row * keyDim + d, key.at(row * keyDim + d) / Math.sqrt(squares));
            }
        }
        return new Tensor[] {
            data.normal(tokens, heads, keyDim),
            key,
            data.normal(tokens, kvHeads, valueDim),
            data.normal(rows.count(), kvHeads, keyDim, valueDim),
            mapped(data.normal(tokens, kvHeads), x -> -Math.abs(x) / 4),
            mapped(data.normal(tokens, kvHeads, keyDim), x -> -Math.abs(x) / 4),
            mapped(data.normal(tokens, kvHeads), x -> 1 / (1 + Math.exp(-x))),
            data.normal(tokens, heads, valueDim)
        };
    }

    private static Tensor mapped(Tensor t, java.util.function.DoubleUnaryOperator f) {
        for (long i = 0; i < t.size(); i++) {
            t.set(i, f.applyAsDouble(t.at(i)));
        }
        return t;
    }

    @ParameterizedTest
    @MethodSource("subjects")
    void linearAttention(Subject subject) {
        for (int[] s : new int[][] {{2, 2, 8, 8}, {4, 2, 16, 33}, {3, 1, 5, 1}, {1, 1, 64, 130}, {2, 1, 1, 17}}) {
            Tensor[] in = inputs(s[0], s[1], s[2], s[3], ROWS);
            for (int rule = 0; rule < RULES.size(); rule++) {
                var update = RULES.get(rule);
                String what = "linear attention " + Arrays.toString(s) + ", rule " + rule;
                Kit.check(
                        subject,
                        what,
                        4,
                        (d, t) -> {
                            Carried a = d.ops()
                                    .linearAttention(t[0], t[1], t[2], update.apply(t), 0.3, ROWS, Optional.of(t[3]));
                            Carried b = d.ops()
                                    .linearAttention(t[0], t[1], t[2], update.apply(t), 0.3, ROWS, Optional.empty());
                            return List.of(a.out(), a.state(), b.out(), b.state());
                        },
                        in);
                Kit.checkGradient(
                        subject,
                        what + ", gradients",
                        20,
                        (d, t) -> {
                            var g = d.adjoints()
                                    .linearAttention(
                                            t[0], t[1], t[2], update.apply(t), 0.3, ROWS, Optional.of(t[3]), t[7]);
                            var all = new ArrayList<>(List.of(g.dQuery(), g.dKey(), g.dValue()));
                            g.dDecay().ifPresent(all::add);
                            g.dRate().ifPresent(all::add);
                            return all;
                        },
                        in);
            }
        }
    }

    private static Tensor[] part(Tensor[] all, int from, int to) {
        Tensor[] part = all.clone();
        for (int n = 0; n < part.length; n++) {
            part[n] = n == 3 ? all[n] : all[n].rows(from, to);
        }
        return part;
    }

    /// In chunks that carry the state on, and as one of a batch.
    @ParameterizedTest
    @MethodSource("subjects")
    void sameBitsInPartsAndInABatch(Subject subject) {
        int tokens = 70;
        var one = Sequences.one(tokens);
        // the reference rounds a state only when it hands it on: in F64 not even then
        DType type = subject.one().name().equals("reference") ? DType.F64 : DType.F32;
        Tensor[] in = inputs(4, 2, 24, 40, one);
        for (int n = 0; n < in.length; n++) {
            in[n] = in[n].to(Arena.ofAuto(), type);
        }
        Tensor x = in[0].reshape(tokens, 96);
        var data = new Data(4);
        Tensor weight = data.normal(96, 4);
        Tensor before = data.normal(1, 3, 96).to(Arena.ofAuto(), type);
        for (Backend backend : List.of(subject.one(), subject.two())) {
            try (var workspace = new Workspace()) {
                Ops ops = backend.ops(workspace);
                for (var update : RULES) {
                    Carried whole =
                            ops.linearAttention(in[0], in[1], in[2], update.apply(in), 0.3, one, Optional.of(in[3]));
                    Carried convolved = ops.causalConvolution(x, weight, Optional.empty(), one, Optional.of(before));
                    for (int chunk : new int[] {1, 2, 7, 32, 69}) {
                        Tensor state = in[3];
                        Tensor inputs = before;
                        for (int from = 0; from < tokens; from += chunk) {
                            int to = Math.min(tokens, from + chunk);
                            Tensor[] t = part(in, from, to);
                            var rows = Sequences.one(to - from);
                            Carried a = ops.linearAttention(
                                    t[0], t[1], t[2], update.apply(t), 0.3, rows, Optional.of(state));
                            state = a.state();
                            same(whole.out().rows(from, to), a.out());
                            Carried b = ops.causalConvolution(
                                    x.rows(from, to), weight, Optional.empty(), rows, Optional.of(inputs));
                            inputs = b.state();
                            same(convolved.out().rows(from, to), b.out());
                        }
                        same(whole.state(), state);
                        same(convolved.state(), inputs);
                    }
                    var batch = new Sequences(0, 30, 30, 70);
                    Carried together =
                            ops.linearAttention(in[0], in[1], in[2], update.apply(in), 0.3, batch, Optional.empty());
                    Tensor[] t = part(in, 30, 70);
                    Carried alone = ops.linearAttention(
                            t[0], t[1], t[2], update.apply(t), 0.3, Sequences.one(40), Optional.empty());
                    same(together.out().rows(30, 70), alone.out());
                    same(together.state().rows(2, 3), alone.state());
                }
            }
        }
    }

    private static void same(Tensor wanted, Tensor found) {
        assertArrayEquals(wanted.toDoubles(), found.toDoubles());
    }

    @Test
    void complaintsNameTheAxis() {
        var data = new Data(1);
        var rows = Sequences.one(3);
        var e = assertThrows(
                IllegalArgumentException.class,
                () -> StateChecks.causalConvolution(
                        data.normal(3, 4), data.normal(5, 2), Optional.empty(), rows, Optional.empty()));
        assertEquals(
                "causalConvolution: channels of weight [channels, kernel] must be 4 as in x [tokens, channels], found"
                        + " 5",
                e.getMessage());
        e = assertThrows(
                IllegalArgumentException.class,
                () -> StateChecks.linearAttention(
                        data.normal(3, 4, 8),
                        data.normal(3, 2, 8),
                        data.normal(3, 2, 5),
                        new StateUpdate.Delta(data.normal(3, 4)),
                        rows,
                        Optional.empty()));
        assertEquals("linearAttention: kvHeads of rate must be 2 as in key, found 4", e.getMessage());
    }
}
