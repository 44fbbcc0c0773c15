package clearhead.ops;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import clearhead.ops.cpu.reference.ReferenceBackend;
import clearhead.tensor.DType;
import clearhead.tensor.Tensor;
import clearhead.tensor.Workspace;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;

/// Wrong arguments name the operation, the axes, what was wanted and what was found.
class ChecksTest {
    private final Data data = new Data(1);

    private static void rejects(String wanted, Executable call) {
        var e = assertThrows(IllegalArgumentException.class, call);
        String message = String.valueOf(e.getMessage());
        assertEquals(wanted, message);
    }

    @Test
    void linear() {
        rejects(
                "linear: in of weight [out, in] must be 4 as in x [tokens, in], found 5",
                () -> Checks.linear(data.normal(2, 4), data.normal(3, 5)));
        rejects(
                "linear: out of bias must be 3 as in weight [out, in], found 4",
                () -> Checks.linear(data.normal(2, 5), data.normal(3, 5), data.normal(4)));
        rejects("linear: x must be [tokens, in], found F32[4]", () -> Checks.linear(data.normal(4), data.normal(3, 4)));
        rejects(
                "linear: x must be F32 or F64, found I32[4]",
                () -> Checks.linear(data.ints(1, 2, 3, 4), data.normal(3, 4)));
        rejects(
                "linear: weight must hold real numbers, found I32[4]",
                () -> Checks.linear(data.normal(1, 4), data.ints(1, 2, 3, 4)));
    }

    @Test
    void indices() {
        rejects(
                "embed: ids must be from 0 to 2 (vocab is 3), found 3",
                () -> Checks.embed(data.normal(3, 4), data.ints(0, 3)));
        rejects(
                "select: rows must be from 0 to 2 (tokens is 3), found -1",
                () -> Checks.select(data.normal(3, 4), data.ints(-1)));
        rejects(
                "crossEntropy: targets must be from 0 to 3 (vocab is 4), found 4",
                () -> Checks.crossEntropy(data.normal(3, 4), data.ints(-1, 0, 4)));
        rejects("embed: ids must be I32, found F32[2]", () -> Checks.embed(data.normal(3, 4), data.normal(2)));
    }

    @Test
    void rope() {
        Tensor[] tables = data.rotary(5, 3);
        rejects(
                "rope: cos [positions, pairs] has 3 pairs, which turn 6 elements, but headDim of x" + " is 4",
                () -> Checks.rope(data.normal(1, 1, 4), tables[0], tables[1], data.ints(0)));
        rejects(
                "rope: positions must be from 0 to 4 (positions of the table is 5), found 5",
                () -> Checks.rope(data.normal(1, 1, 6), tables[0], tables[1], data.ints(5)));
    }

    @Test
    void attention() {
        var spec = AttentionSpec.causal(4, 2, 8);
        var past = new KvView.Packed(data.normal(3, 2, 8), data.normal(3, 2, 8), Sequences.one(3));
        Checks.attention(data.normal(3, 4, 8), Sequences.one(3), past, spec);
        rejects(
                "attention: heads of query [tokens, heads, headDim] must be 4 as in spec, found 2",
                () -> Checks.attention(data.normal(3, 2, 8), Sequences.one(3), past, spec));
        rejects(
                "attention: tokens of query [tokens, …] must be 2 as in queries, found 3",
                () -> Checks.attention(data.normal(3, 4, 8), Sequences.one(2), past, spec));
        rejects("scores: sequence 1 of past, which has 1", () -> Checks.scores(data.normal(3, 4, 8), past, 1, spec));
        Tensor keys = data.zeros(2, 2, 8, KvView.PAGE);
        Tensor values = data.zeros(2, 2, KvView.PAGE, 8);
        rejects(
                "attention: sequence 0 of length 65 needs 2 pages, its block table has 1",
                () -> Checks.attention(
                        data.normal(3, 4, 8),
                        Sequences.one(3),
                        new KvView.Paged(keys, values, new int[][] {{0}}, new int[] {65}),
                        spec));
        rejects(
                "attention: the block table of sequence 0 names page 2, there are 2",
                () -> Checks.attention(
                        data.normal(3, 4, 8),
                        Sequences.one(3),
                        new KvView.Paged(keys, values, new int[][] {{2}}, new int[] {64}),
                        spec));
        rejects(
                "store: sequence 0 of past has length 2, which must already count its 3 new tokens",
                () -> Checks.store(
                        data.normal(3, 2, 8),
                        data.normal(3, 2, 8),
                        Sequences.one(3),
                        new KvView.Paged(keys, values, new int[][] {{1}}, new int[] {2})));
    }

    /// The same complaints from the operations of every backend.
    @Test
    void everyBackendChecks() {
        for (Subject subject : Subject.all()) {
            try (var workspace = new Workspace()) {
                Ops ops = subject.one().ops(workspace);
                Map<String, Executable> calls = Map.of(
                        "linear",
                        () -> ops.linear(data.normal(2, 4), data.normal(3, 5)),
                        "add",
                        () -> ops.add(data.normal(2, 4), data.normal(4, 2)),
                        "rmsNorm",
                        () -> ops.rmsNorm(data.normal(2, 4), data.normal(3), 0),
                        "embed",
                        () -> ops.embed(data.normal(2, 4), data.ints(2)),
                        "softmax",
                        () -> ops.softmax(data.ints(2)));
                calls.forEach((name, call) -> {
                    var e = assertThrows(IllegalArgumentException.class, call);
                    assertTrue(
                            String.valueOf(e.getMessage()).startsWith(name + ": "),
                            () -> subject + ": " + e.getMessage());
                });
            }
        }
    }

    @Test
    void f64StaysF64() {
        try (var workspace = new Workspace()) {
            Ops ops = new ReferenceBackend().ops(workspace);
            Tensor table = data.normal(3, 4).to(java.lang.foreign.Arena.ofAuto(), DType.F64);
            Tensor x = ops.embed(table, data.ints(1));
            for (Tensor t : List.of(x, ops.linear(x, table), ops.rmsNorm(x, data.normal(4), 0))) {
                assertEquals(DType.F64, t.type());
            }
        }
    }
}
