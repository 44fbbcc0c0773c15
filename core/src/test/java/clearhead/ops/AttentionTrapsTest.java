package clearhead.ops;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import clearhead.tensor.DType;
import clearhead.tensor.Tensor;
import clearhead.tensor.Workspace;
import java.lang.foreign.Arena;
import java.util.Arrays;
import java.util.List;
import java.util.function.BiConsumer;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/// What attention means differently in different systems, one named test each, with numbers worked
/// out by hand: where not said otherwise all scores are 0, so that a row is the mean of the values
/// that it sees, and the value of key j is 2^j, so that a mean tells which keys they were.
class AttentionTrapsTest {
    private static final double LN2 = Math.log(2);

    static List<Subject> subjects() {
        return Subject.all();
    }

    private static void with(Subject subject, BiConsumer<Ops, Arena> body) {
        try (var workspace = new Workspace();
                Arena arena = Arena.ofShared()) {
            body.accept(subject.two().ops(workspace), arena);
        }
    }

    private static Tensor filled(Arena arena, double value, int... dims) {
        Tensor t = Tensor.zeros(arena, DType.F32, dims);
        for (long i = 0; i < t.size(); i++) {
            t.set(i, value);
        }
        return t;
    }

    /// [keys, 1, 1]: 1, 2, 4, …
    private static Tensor powers(Arena arena, int keys) {
        Tensor t = Tensor.zeros(arena, DType.F32, keys, 1, 1);
        for (int j = 0; j < keys; j++) {
            t.set(j, Math.pow(2, j));
        }
        return t;
    }

    /// One head of size 1, all scores 0.
    private static AttentionSpec zeros(Mask mask) {
        return new AttentionSpec(1, 1, 1, 1, mask);
    }

    private static Attended attend(Ops ops, Arena arena, int queries, int keys, AttentionSpec spec) {
        var past = new KvView.Packed(filled(arena, 0, keys, 1, 1), powers(arena, keys), Sequences.one(keys));
        return ops.attention(filled(arena, 0, queries, 1, 1), Sequences.one(queries), past, spec);
    }

    private static void rows(Attended found, double... wanted) {
        assertArrayEquals(
                wanted,
                found.out().toDoubles(),
                1e-6,
                () -> Arrays.toString(found.out().toDoubles()));
    }

    /// Trap 1: with 2 queries and 4 keys, the first query sees 1 key (top-left), 3 keys
    /// (bottom-right), or as many as an offset says.
    @ParameterizedTest
    @MethodSource("subjects")
    void causalAlignmentOfFewerQueriesThanKeys(Subject subject) {
        with(subject, (ops, arena) -> {
            var causal = zeros(Mask.CAUSAL);
            rows(attend(ops, arena, 2, 4, causal), 7 / 3.0, 15 / 4.0);
            rows(attend(ops, arena, 2, 4, causal.withAlignment(Alignment.TOP_LEFT)), 1, 3 / 2.0);
            rows(attend(ops, arena, 2, 4, causal.withAlignment(new Alignment.Offset(1))), 3 / 2.0, 7 / 3.0);
        });
    }

    /// Trap 1, more queries than keys: bottom-right leaves the first queries without a key.
    @ParameterizedTest
    @MethodSource("subjects")
    void causalAlignmentOfMoreQueriesThanKeys(Subject subject) {
        with(subject, (ops, arena) -> {
            var causal = zeros(Mask.CAUSAL);
            rows(attend(ops, arena, 4, 2, causal), 0, 0, 1, 3 / 2.0);
            rows(attend(ops, arena, 4, 2, causal.withAlignment(Alignment.TOP_LEFT)), 1, 1.5, 1.5, 1.5);
            rows(attend(ops, arena, 3, 2, causal.withAlignment(new Alignment.Offset(-2))), 0, 0, 1);
        });
    }

    /// Trap 2: `left` and `right` do not count the query's own key.
    @ParameterizedTest
    @MethodSource("subjects")
    void windowsAreInclusive(Subject subject) {
        with(subject, (ops, arena) -> {
            rows(attend(ops, arena, 4, 4, zeros(new Mask.Window(1, 0))), 1, 3 / 2.0, 6 / 2.0, 12 / 2.0);
            rows(attend(ops, arena, 4, 4, zeros(new Mask.Window(0, 0))), 1, 2, 4, 8);
            rows(attend(ops, arena, 4, 4, zeros(new Mask.Window(0, 1))), 3 / 2.0, 6 / 2.0, 12 / 2.0, 8);
            rows(attend(ops, arena, 4, 4, zeros(new Mask.Window(-1, 0))), 1, 3 / 2.0, 7 / 3.0, 15 / 4.0);
            rows(attend(ops, arena, 4, 4, zeros(new Mask.Window(1, -1))), 15 / 4.0, 15 / 4.0, 14 / 3.0, 12 / 2.0);
        });
    }

    /// Trap 3: query heads 0 and 1 read kv head 0, 2 and 3 read kv head 1; not 0, 2 and 1, 3.
    @ParameterizedTest
    @MethodSource("subjects")
    void groupedHeadsAreNeighbours(Subject subject) {
        with(subject, (ops, arena) -> {
            Tensor value = Tensor.of(arena, new float[] {10, 20}, 1, 2, 1);
            var past = new KvView.Packed(filled(arena, 0, 1, 2, 1), value, Sequences.one(1));
            var spec = new AttentionSpec(4, 2, 1, 1, Mask.CAUSAL);
            rows(ops.attention(filled(arena, 0, 1, 4, 1), Sequences.one(1), past, spec), 10, 10, 20, 20);
        });
    }

    /// Trap 4: a masked score is −∞, not softCap·tanh(−∞) = −softCap.
    @ParameterizedTest
    @MethodSource("subjects")
    void softCapComesBeforeTheMask(Subject subject) {
        with(subject, (ops, arena) -> {
            rows(attend(ops, arena, 2, 2, zeros(Mask.CAUSAL).withSoftCap(0.5)), 1, 3 / 2.0);
            Tensor hidden = Tensor.of(arena, new float[] {0, Float.NEGATIVE_INFINITY}, 2);
            var added = zeros(Mask.BIDIRECTIONAL).withSoftCap(0.5).withBias(new Bias.Added(hidden));
            rows(attend(ops, arena, 1, 2, added), 1);
        });
    }

    /// Trap 4, the other order of bias and soft-cap: a bias is not capped.
    @ParameterizedTest
    @MethodSource("subjects")
    void aBiasIsNotCapped(Subject subject) {
        with(subject, (ops, arena) -> {
            Tensor bias = Tensor.of(arena, new float[] {0, (float) LN2}, 2);
            var spec = zeros(Mask.BIDIRECTIONAL).withSoftCap(0.001).withBias(new Bias.Added(bias));
            rows(attend(ops, arena, 1, 2, spec), (1 + 2 * 2) / 3.0);
        });
    }

    /// Trap 5: a row that sees nothing is zero with lse −∞, under every mask.
    @ParameterizedTest
    @MethodSource("subjects")
    void aRowThatSeesNothingIsZero(Subject subject) {
        with(subject, (ops, arena) -> {
            Tensor none = Tensor.zeros(arena, DType.BOOL, 1, 3);
            Tensor minus = filled(arena, Double.NEGATIVE_INFINITY, 1, 3);
            for (var spec : List.of(
                    zeros(new Mask.Allowed(none)),
                    zeros(Mask.BIDIRECTIONAL).withBias(new Bias.Added(minus)),
                    zeros(Mask.CAUSAL).withAlignment(new Alignment.Offset(-1)))) {
                var found = attend(ops, arena, 1, 3, spec);
                rows(found, 0);
                assertEquals(Double.NEGATIVE_INFINITY, found.lse().at(0));
            }
            var found = attend(ops, arena, 1, 0, zeros(Mask.BIDIRECTIONAL));
            rows(found, 0);
            assertEquals(Double.NEGATIVE_INFINITY, found.lse().at(0));
        });
    }

    /// Trap 6: a masked key is left out, not multiplied by 0: what stands there may be anything.
    @ParameterizedTest
    @MethodSource("subjects")
    void whatIsMaskedIsNotTouched(Subject subject) {
        with(subject, (ops, arena) -> {
            for (float poison : new float[] {Float.NaN, Float.POSITIVE_INFINITY, Float.NEGATIVE_INFINITY}) {
                Tensor key = Tensor.of(arena, new float[] {0, poison, 0}, 3, 1, 1);
                Tensor value = Tensor.of(arena, new float[] {1, poison, 4}, 3, 1, 1);
                var past = new KvView.Packed(key, value, Sequences.one(3));
                Tensor allowed = Tensor.zeros(arena, DType.BOOL, 3);
                allowed.set(0, 1);
                allowed.set(2, 1);
                Tensor bias = Tensor.of(arena, new float[] {0, Float.NEGATIVE_INFINITY, 0}, 3);
                for (var spec : List.of(
                        zeros(new Mask.Allowed(allowed)),
                        zeros(new Mask.Documents(new int[] {1, 2, 1})).withAlignment(Alignment.TOP_LEFT),
                        zeros(Mask.BIDIRECTIONAL).withBias(new Bias.Added(bias)),
                        zeros(Mask.BIDIRECTIONAL).withSoftCap(2).withBias(new Bias.Added(bias)))) {
                    rows(ops.attention(filled(arena, 0, 1, 1, 1), Sequences.one(1), past, spec), 5 / 2.0);
                }
            }
        });
    }

    /// Trap 7: a mask of rank 3 is [heads, queries, keys]; rank 4 has the sequences first.
    @ParameterizedTest
    @MethodSource("subjects")
    void rankThreeIsHeadsQueriesKeys(Subject subject) {
        with(subject, (ops, arena) -> {
            var past = new KvView.Packed(filled(arena, 0, 4, 1, 1), powers(arena, 4), Sequences.equal(2, 2));
            Tensor query = filled(arena, 0, 2, 2, 1);
            Tensor three = Tensor.zeros(arena, DType.BOOL, 2, 1, 2); // head h sees key h
            three.set(0, 1);
            three.set(3, 1);
            var spec = new AttentionSpec(2, 1, 1, 1, new Mask.Allowed(three));
            rows(ops.attention(query, Sequences.equal(2, 1), past, spec), 1, 2, 4, 8);
            Tensor four = three.reshape(2, 1, 1, 2); // sequence s sees its key s
            rows(ops.attention(query, Sequences.equal(2, 1), past, spec.withMask(new Mask.Allowed(four))), 1, 1, 8, 8);
        });
    }

    /// Keys beyond the end of a mask are masked.
    @ParameterizedTest
    @MethodSource("subjects")
    void aMaskShorterThanTheKeysHidesTheRest(Subject subject) {
        with(subject, (ops, arena) -> {
            Tensor allowed = Tensor.zeros(arena, DType.BOOL, 1, 2);
            allowed.set(0, 1);
            allowed.set(1, 1);
            rows(attend(ops, arena, 1, 4, zeros(new Mask.Allowed(allowed))), 3 / 2.0);
            Tensor bias = filled(arena, 0, 1, 2);
            rows(attend(ops, arena, 1, 4, zeros(Mask.BIDIRECTIONAL).withBias(new Bias.Added(bias))), 3 / 2.0);
        });
    }

    /// Trap 8: the scale is applied once, to the product: √scale on q and on k would be another
    /// rounding, and none at all for a negative scale.
    @ParameterizedTest
    @MethodSource("subjects")
    void theScaleIsOneFactorOfTheProduct(Subject subject) {
        with(subject, (ops, arena) -> {
            Tensor key = Tensor.of(arena, new float[] {0, 1}, 2, 1, 1);
            var past = new KvView.Packed(key, powers(arena, 2), Sequences.one(2));
            Tensor query = filled(arena, 1, 1, 1, 1);
            var spec = zeros(Mask.BIDIRECTIONAL);
            rows(ops.attention(query, Sequences.one(1), past, spec.withScale(LN2)), (1 + 2 * 2) / 3.0);
            rows(ops.attention(query, Sequences.one(1), past, spec.withScale(-LN2)), (1 + 2 / 2.0) / 1.5);
            rows(ops.attention(query, Sequences.one(1), past, spec.withScale(0)), 3 / 2.0);
        });
    }

    /// Trap 9: lse is a natural logarithm, and a sink is inside it.
    @ParameterizedTest
    @MethodSource("subjects")
    void theLogSumExpIsNaturalAndHoldsTheSink(Subject subject) {
        with(subject, (ops, arena) -> {
            var spec = zeros(Mask.BIDIRECTIONAL);
            assertEquals(Math.log(3), attend(ops, arena, 1, 3, spec).lse().at(0), 1e-6);
            Tensor sink = Tensor.of(arena, new float[] {(float) LN2}, 1);
            var found = attend(ops, arena, 1, 3, spec.withSinks(sink));
            assertEquals(Math.log(5), found.lse().at(0), 1e-6);
            rows(found, 7 / 5.0);
            Tensor none = Tensor.of(arena, new float[] {Float.NEGATIVE_INFINITY}, 1);
            rows(attend(ops, arena, 1, 3, spec.withSinks(none)), 7 / 3.0);
            // a row that sees only its sink
            Tensor hidden = Tensor.zeros(arena, DType.BOOL, 3);
            var alone = attend(ops, arena, 1, 3, zeros(new Mask.Allowed(hidden)).withSinks(sink));
            rows(alone, 0);
            assertEquals(LN2, alone.lse().at(0), 1e-6);
        });
    }

    /// Trap 12: half-precision keys do not make half-precision scores: 256·256·80 is beyond F16.
    @ParameterizedTest
    @MethodSource("subjects")
    void scoresOfHalfPrecisionKeysDoNotOverflow(Subject subject) {
        with(subject, (ops, arena) -> {
            int dim = 80;
            Tensor query = filled(arena, 256, 1, 1, dim);
            var past = new KvView.Packed(
                    filled(arena, 256, 2, 1, dim).to(arena, DType.F16),
                    Tensor.of(arena, new float[] {1, 3}, 2, 1, 1).to(arena, DType.F16),
                    Sequences.one(2));
            var spec = new AttentionSpec(1, 1, dim, 1, Mask.BIDIRECTIONAL).withValueDim(1);
            var found = ops.attention(query, Sequences.one(1), past, spec);
            rows(found, 2);
            assertEquals(256.0 * 256 * dim + LN2, found.lse().at(0), 1);
        });
    }

    /// Infinite and undefined scores follow IEEE and stay in their row.
    @ParameterizedTest
    @MethodSource("subjects")
    void nanStaysInItsRow(Subject subject) {
        with(subject, (ops, arena) -> {
            Tensor query = Tensor.of(arena, new float[] {0, Float.NaN, 0}, 3, 1, 1);
            var past = new KvView.Packed(filled(arena, 0, 3, 1, 1), powers(arena, 3), Sequences.one(3));
            double[] out = ops.attention(query, Sequences.one(3), past, zeros(Mask.CAUSAL))
                    .out()
                    .toDoubles();
            assertEquals(1, out[0], 1e-6);
            assertTrue(Double.isNaN(out[1]));
            assertEquals(7 / 3.0, out[2], 1e-6);
        });
    }

    /// Values may be narrower or wider than keys.
    @ParameterizedTest
    @MethodSource("subjects")
    void valuesHaveAWidthOfTheirOwn(Subject subject) {
        with(subject, (ops, arena) -> {
            Tensor value = Tensor.of(arena, new float[] {1, 2, 3, 5, 6, 7}, 2, 1, 3);
            var past = new KvView.Packed(filled(arena, 0, 2, 1, 1), value, Sequences.one(2));
            var spec = zeros(Mask.BIDIRECTIONAL).withValueDim(3);
            rows(ops.attention(filled(arena, 0, 1, 1, 1), Sequences.one(1), past, spec), 3, 4, 5);
        });
    }

    /// A prefix is seen by all; chunks hide what came before them; ALiBi counts distances both ways.
    @ParameterizedTest
    @MethodSource("subjects")
    void otherKinds(Subject subject) {
        with(subject, (ops, arena) -> {
            rows(attend(ops, arena, 4, 4, zeros(new Mask.Prefix(2))), 1.5, 1.5, 7 / 3.0, 15 / 4.0);
            rows(attend(ops, arena, 4, 4, zeros(new Mask.Chunked(2))), 1, 1.5, 4, 6);
            var alibi = zeros(Mask.BIDIRECTIONAL).withBias(new Bias.Alibi(LN2));
            rows(
                    attend(ops, arena, 3, 3, alibi),
                    (1 + 2 / 2.0 + 4 / 4.0) / 1.75,
                    (1 / 2.0 + 2 + 4 / 2.0) / 2,
                    (1 / 4.0 + 2 / 2.0 + 4) / 1.75);
        });
    }
}
