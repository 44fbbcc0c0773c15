package clearhead.ops;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import clearhead.tensor.DType;
import clearhead.tensor.Tensor;
import clearhead.tensor.Workspace;
import java.lang.foreign.Arena;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/// Products, selective scans and RWKV's average on every backend: errors, and the same bits in one pass
/// and in parts, in a batch and alone.
class StateSpaceConformanceTest {
    private static final Sequences ROWS = new Sequences(0, 5, 5, 6, 31);

    static List<Subject> subjects() {
        return Subject.all();
    }

    @ParameterizedTest
    @MethodSource("subjects")
    void multiply(Subject subject) {
        for (int dim : new int[] {1, 7, 16, 33, 130}) {
            var data = new Data(dim);
            Kit.check(
                    subject,
                    "products of rows of " + dim,
                    2,
                    (d, t) -> List.of(
                            d.ops().multiply(t[0], t[1]),
                            d.ops().multiply(t[0], t[2]),
                            d.ops().multiply(t[2], t[2])),
                    data.normal(3, 5, dim),
                    data.normal(3, 5, dim),
                    data.normal(dim));
        }
    }

    /// x, step, input, output, decay of a head and of every number, skip, bias, state
    private static Tensor[] inputs(int heads, int headDim, int groups, int stateDim, Sequences rows) {
        var data = new Data(heads * 1000L + stateDim);
        int tokens = rows.tokens();
        return new Tensor[] {
            data.normal(tokens, heads, headDim),
            data.normal(tokens, heads),
            data.normal(tokens, groups, stateDim),
            data.normal(tokens, groups, stateDim),
            negative(data.normal(heads)),
            negative(data.normal(heads, stateDim)),
            data.normal(heads),
            data.normal(heads),
            data.normal(rows.count(), heads, headDim, stateDim)
        };
    }

    private static Tensor negative(Tensor t) {
        for (long i = 0; i < t.size(); i++) {
            t.set(i, -Math.abs(t.at(i)));
        }
        return t;
    }

    @ParameterizedTest
    @MethodSource("subjects")
    void selectiveScan(Subject subject) {
        for (int[] s : new int[][] {{3, 1, 1, 6}, {40, 1, 1, 16}, {6, 8, 2, 8}, {4, 5, 1, 33}, {2, 4, 2, 128}}) {
            Kit.check(
                    subject,
                    "selective scan " + Arrays.toString(s),
                    4,
                    (d, t) -> {
                        var one = new StateSpace(t[4], t[6], t[7]);
                        var each = new StateSpace(t[5], t[6], t[7], 0.1, 0.9);
                        Carried a = d.ops().selectiveScan(t[0], t[1], t[2], t[3], one, ROWS, Optional.of(t[8]));
                        Carried b = d.ops().selectiveScan(t[0], t[1], t[2], t[3], each, ROWS, Optional.empty());
                        return List.of(a.out(), a.state(), b.out(), b.state());
                    },
                    inputs(s[0], s[1], s[2], s[3], ROWS));
        }
    }

    @ParameterizedTest
    @MethodSource("subjects")
    void wkv(Subject subject) {
        for (int channels : new int[] {1, 7, 16, 33, 130}) {
            var data = new Data(channels);
            Tensor state = data.normal(ROWS.count(), 3, channels);
            for (int i = 0; i < channels; i++) {
                state.set(channels + i, 1 + Math.abs(state.at(channels + i))); // a denominator is at least 1
            }
            Kit.check(
                    subject,
                    "weighted average of " + channels + " channels",
                    6,
                    (d, t) -> {
                        Carried a = d.ops().wkv(t[0], t[1], t[2], t[3], ROWS, Optional.empty());
                        Carried b = d.ops().wkv(t[0], t[1], t[2], t[3], ROWS, Optional.of(a.state()));
                        return List.of(a.out(), a.state(), b.out(), b.state());
                    },
                    data.normal(ROWS.tokens(), channels),
                    data.normal(ROWS.tokens(), channels),
                    negative(data.normal(channels)),
                    data.normal(channels));
        }
    }

    /// Keys of any size: what e^key cannot hold.
    @ParameterizedTest
    @MethodSource("subjects")
    void wkvOfLargeKeys(Subject subject) {
        try (var workspace = new Workspace()) {
            Ops ops = subject.one().ops(workspace);
            Arena arena = Arena.ofAuto();
            Tensor key = Tensor.of(arena, new float[] {-500, 500, -500}, 3, 1);
            Tensor value = Tensor.of(arena, new float[] {2, 3, 5}, 3, 1);
            Tensor decay = Tensor.of(arena, new float[] {-0.5f}, 1);
            Tensor first = Tensor.of(arena, new float[] {0}, 1);
            Carried y = ops.wkv(key, value, decay, first, Sequences.one(3), Optional.empty());
            assertArrayEquals(new float[] {2, 3, 3}, y.out().toFloats());
        }
    }

    private static Tensor[] part(Tensor[] all, int from, int to) {
        Tensor[] part = all.clone();
        for (int n = 0; n < 4; n++) {
            part[n] = all[n].rows(from, to);
        }
        return part;
    }

    /// In chunks that carry the state on, and as one of a batch.
    @ParameterizedTest
    @MethodSource("subjects")
    void sameBitsInPartsAndInABatch(Subject subject) {
        int tokens = 40;
        var one = Sequences.one(tokens);
        // the reference rounds a state only when it hands it on: in F64 not even then
        DType type = subject.one().name().equals("reference") ? DType.F64 : DType.F32;
        Tensor[] in = inputs(6, 4, 2, 24, one);
        for (int n = 0; n < in.length; n++) {
            in[n] = in[n].to(Arena.ofAuto(), type);
        }
        Tensor key = in[0].reshape(tokens, 24);
        Tensor value = in[2].reshape(tokens, 48).rows(0, tokens / 2).reshape(tokens, 24);
        Tensor decay = in[5].reshape(144).rows(0, 24);
        Tensor first = in[8].reshape(576).rows(0, 24);
        for (Backend backend : List.of(subject.one(), subject.two())) {
            try (var workspace = new Workspace()) {
                Ops ops = backend.ops(workspace);
                for (int decays : new int[] {4, 5}) {
                    var space = new StateSpace(in[decays], in[6], in[7]);
                    Carried whole = ops.selectiveScan(in[0], in[1], in[2], in[3], space, one, Optional.empty());
                    Carried averaged = ops.wkv(key, value, decay, first, one, Optional.empty());
                    for (int chunk : new int[] {1, 2, 7, 39}) {
                        Optional<Tensor> state = Optional.empty();
                        Optional<Tensor> sums = Optional.empty();
                        for (int from = 0; from < tokens; from += chunk) {
                            int to = Math.min(tokens, from + chunk);
                            Tensor[] t = part(in, from, to);
                            var rows = Sequences.one(to - from);
                            Carried a = ops.selectiveScan(t[0], t[1], t[2], t[3], space, rows, state);
                            state = Optional.of(a.state());
                            same(whole.out().rows(from, to), a.out());
                            Carried b = ops.wkv(key.rows(from, to), value.rows(from, to), decay, first, rows, sums);
                            sums = Optional.of(b.state());
                            same(averaged.out().rows(from, to), b.out());
                        }
                        same(whole.state(), state.orElseThrow());
                        same(averaged.state(), sums.orElseThrow());
                    }
                    var batch = new Sequences(0, 10, 10, 40);
                    Carried together = ops.selectiveScan(in[0], in[1], in[2], in[3], space, batch, Optional.empty());
                    Tensor[] t = part(in, 10, 40);
                    Carried alone =
                            ops.selectiveScan(t[0], t[1], t[2], t[3], space, Sequences.one(30), Optional.empty());
                    same(together.out().rows(10, 40), alone.out());
                    same(together.state().rows(2, 3), alone.state());
                    Carried both = ops.wkv(key, value, decay, first, batch, Optional.empty());
                    Carried single = ops.wkv(
                            key.rows(10, 40), value.rows(10, 40), decay, first, Sequences.one(30), Optional.empty());
                    same(both.out().rows(10, 40), single.out());
                    same(both.state().rows(2, 3), single.state());
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
        var e = assertThrows(IllegalArgumentException.class, () -> Checks.multiply(data.normal(3, 4), data.normal(5)));
        assertEquals("multiply: dim of b must be 4 as in a [.., dim], found 5", String.valueOf(e.getMessage()));
        e = assertThrows(
                IllegalArgumentException.class,
                () -> StateChecks.selectiveScan(
                        data.normal(3, 4, 2),
                        data.normal(3, 4),
                        data.normal(3, 3, 5),
                        data.normal(3, 3, 5),
                        new StateSpace(data.normal(4), data.normal(4), data.normal(4)),
                        Sequences.one(3),
                        Optional.empty()));
        assertEquals(
                "selectiveScan: heads of x must be a multiple of groups, found 4 heads and 3 groups",
                String.valueOf(e.getMessage()));
    }
}
