package clearhead.ops.score;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import clearhead.ops.AttentionSpec;
import clearhead.ops.Bias;
import clearhead.tensor.Tensor;
import java.lang.foreign.Arena;
import java.util.List;
import org.junit.jupiter.api.Test;

class ScoreModTest {
    private static final AttentionSpec SPEC = AttentionSpec.causal(4, 2, 16).withScale(1);

    private static double score(AttentionSpec spec, double product, int head, int query, int key) {
        return spec.score(product, 0, head, query, query, key);
    }

    @Test
    void alibiWrittenAsALambdaIsAlibi() {
        var alibi = Bias.Alibi.of(4);
        try (var arena = Arena.ofConfined()) {
            var slopes = Table.of(Tensor.of(arena, new float[] {0.25f, 0.0625f, 0.015625f, 0.00390625f}, 4));
            var spec = SPEC.withScoreMod((score, batch, head, query, key) ->
                    score.minus(slopes.at(head).times(query.minus(key).abs())));
            for (int head = 0; head < 4; head++) {
                double wanted = score(SPEC.withBias(alibi), 0.7, head, 9, 3);
                assertEquals(wanted, score(spec, 0.7, head, 9, 3), 1e-15);
                assertEquals(1, spec.slope(0.7, 0, head, 9, 3));
            }
        }
    }

    @Test
    void softCapWrittenAsALambdaIsTheSoftCap() {
        var spec = SPEC.withScoreMod(
                (score, batch, head, query, key) -> score.over(30).tanh().times(30));
        var built = SPEC.withSoftCap(30);
        for (double product : new double[] {-1000, -40, -1, 0, 0.1, 29, 300}) {
            assertEquals(score(built, product, 0, 2, 1), score(spec, product, 0, 2, 1), 1e-12);
            assertEquals(built.slope(product, 0, 0, 2, 1), spec.slope(product, 0, 0, 2, 1), 1e-12);
        }
    }

    /// Every operation, by central differences.
    @Test
    void derivatives() {
        List<ScoreMod> mods = List.of(
                (s, b, h, q, k) -> s.exp().plus(s.square()).minus(s.times(q)),
                (s, b, h, q, k) -> s.abs().plus(1).log().over(s.square().plus(2)),
                (s, b, h, q, k) -> s.square().plus(1).sqrt().sigmoid(),
                (s, b, h, q, k) -> s.min(0.5).max(-0.25).plus(s.over(k.plus(1).toValue())),
                (s, b, h, q, k) -> q.minus(k).mod(2).equalTo(0).choose(s.times(3), s.negate()),
                (s, b, h, q, k) -> Value.of(2).over(s.plus(5)),
                (s, b, h, q, k) -> k.lessThan(q).or(h.atMost(1)).choose(s.tanh(), Value.of(1)));
        for (ScoreMod mod : mods) {
            var rule = ScoreRule.Traced.of(mod);
            for (double x : new double[] {-2.3, -0.2, 0.3, 1.7}) {
                for (int key = 0; key < 3; key++) {
                    double slope = rule.slope(new Place(x, 0, 2, 5, key));
                    double step = 1e-6;
                    double up = rule.score(new Place(x + step, 0, 2, 5, key));
                    double down = rule.score(new Place(x - step, 0, 2, 5, key));
                    assertEquals((up - down) / (2 * step), slope, 1e-8 * Math.max(1, Math.abs(slope)));
                }
            }
        }
    }

    @Test
    void aFunctionThatThrowsIsNamedWithItsPlace() {
        var spec = SPEC.withScoreFunction((score, batch, head, query, key) -> score / (1 / (key - 2)));
        var failure = assertThrows(ScoreException.class, () -> score(spec, 1, 3, 5, 2));
        assertTrue(String.valueOf(failure.getMessage()).contains("head 3, query 5, key 2"), failure.getMessage());
        assertTrue(String.valueOf(failure.getMessage()).contains("/ by zero"), failure.getMessage());
    }

    @Test
    void aFunctionThatMakesNanIsNamedWithItsPlace() {
        var spec = SPEC.withScoreMod((score, batch, head, query, key) -> score.sqrt());
        var failure = assertThrows(ScoreException.class, () -> score(spec, -1, 1, 5, 4));
        assertTrue(String.valueOf(failure.getMessage()).contains("NaN for the score -1.0 at head 1, query 5, key 4"));
        assertTrue(Double.isNaN(score(spec, Double.NaN, 1, 5, 4)), "NaN in is NaN out");
    }

    @Test
    void aTableReadBeyondItsEndIsNamedWithItsPlace() {
        try (var arena = Arena.ofConfined()) {
            var table = Table.of(Tensor.of(arena, new float[] {1, 2, 3}, 3));
            var spec = SPEC.withScoreMod((score, batch, head, query, key) -> score.plus(table.at(query.minus(key))));
            var failure = assertThrows(ScoreException.class, () -> score(spec, 1, 0, 7, 1));
            assertTrue(String.valueOf(failure.getMessage()).contains("index 6 into axis 0"), failure.getMessage());
            assertTrue(String.valueOf(failure.getMessage()).contains("head 0, query 7, key 1"), failure.getMessage());
        }
    }

    @Test
    void aLambdaThatThrowsWhileItIsTracedSaysSo() {
        ScoreMod mod = (score, batch, head, query, key) -> {
            throw new IllegalStateException("no numbers here");
        };
        var failure = assertThrows(IllegalArgumentException.class, () -> SPEC.withScoreMod(mod));
        assertTrue(String.valueOf(failure.getMessage()).contains("while it was traced"), failure.getMessage());
    }

    @Test
    void plainFunctionsAreDifferentiatedInDouble() {
        var plain = SPEC.withScoreFunction((score, batch, head, query, key) -> 30 * Math.tanh(score / 30));
        var traced = SPEC.withSoftCap(30);
        for (double product : new double[] {-70, -3, 0, 0.01, 12, 45}) {
            assertEquals(traced.slope(product, 0, 0, 2, 1), plain.slope(product, 0, 0, 2, 1), 1e-9);
        }
    }

    @Test
    void blockMaskAgreesWithItsLambda() {
        MaskMod mod = (batch, head, query, key) -> key <= query && (query - key) % (head + 2) == 0 || key == batch;
        for (int positions : new int[] {0, 1, 63, 64, 65, 200}) {
            var mask = BlockMask.of(mod, 2, 3, positions);
            for (int s = 0; s < 2; s++) {
                for (int h = 0; h < 3; h++) {
                    for (int q = 0; q < positions; q++) {
                        for (int k = 0; k < positions; k++) {
                            assertEquals(mod.sees(s, h, q, k), mask.sees(s, h, q, k));
                        }
                    }
                }
            }
        }
        var window = BlockMask.of((batch, head, query, key) -> key <= query && query - key < 64, 640);
        assertEquals(BlockMask.State.NONE, window.state(0, 0, 5, 1));
        assertEquals(BlockMask.State.SOME, window.state(0, 0, 5, 4));
        assertEquals(BlockMask.State.NONE, window.state(0, 0, 5, 6));
    }

    @Test
    void aMaskFunctionThatThrowsIsNamedWithItsPlace() {
        MaskMod mod = (batch, head, query, key) -> 1 / (key - 3) >= 0;
        var failure = assertThrows(IllegalArgumentException.class, () -> BlockMask.of(mod, 8));
        assertTrue(String.valueOf(failure.getMessage()).contains("head 0, query 0, key 3"), failure.getMessage());
    }
}
