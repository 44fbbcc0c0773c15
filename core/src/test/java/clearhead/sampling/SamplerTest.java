package clearhead.sampling;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.Arrays;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;

class SamplerTest {
    // probabilities 0.4, 0.3, 0.2, 0.1 of the tokens 2, 0, 3, 1
    private static float[] logits() {
        return new float[] {log(0.3), log(0.1), log(0.4), log(0.2)};
    }

    private static float log(double p) {
        return (float) Math.log(p);
    }

    private static Set<Integer> drawn(Sampling sampling) {
        var sampler = new Sampler(sampling);
        var ids = new TreeSet<Integer>();
        for (int i = 0; i < 500; i++) {
            ids.add(sampler.next(logits()));
        }
        return ids;
    }

    @Test
    void greedyTakesTheLowestOfEquals() {
        assertEquals(1, new Sampler(Sampling.GREEDY).next(new float[] {0, 3, 3, 1}));
    }

    @Test
    void topKKeepsTheMostLikely() {
        assertEquals(Set.of(0, 2), drawn(new Sampling(1, 2, 1, 0, 1, 7)));
        assertEquals(Set.of(0, 1, 2, 3), drawn(new Sampling(1, 0, 1, 0, 1, 7)));
    }

    @Test
    void topPKeepsTheFewestThatReachIt() {
        assertEquals(Set.of(0, 2), drawn(new Sampling(1, 0, 0.69, 0, 1, 7)));
        assertEquals(Set.of(0, 2, 3), drawn(new Sampling(1, 0, 0.72, 0, 1, 7)));
        assertEquals(Set.of(2), drawn(new Sampling(1, 0, 0.01, 0, 1, 7)));
    }

    @Test
    void topPCountsWhatTopKLeft() {
        // of 0.4 and 0.3 the first alone is 0.571
        assertEquals(Set.of(2), drawn(new Sampling(1, 2, 0.57, 0, 1, 7)));
        assertEquals(Set.of(0, 2), drawn(new Sampling(1, 2, 0.58, 0, 1, 7)));
    }

    @Test
    void minPIsRelativeToTheFirst() {
        assertEquals(Set.of(0, 2), drawn(new Sampling(1, 0, 1, 0.51, 1, 7)));
        assertEquals(Set.of(0, 2, 3), drawn(new Sampling(1, 0, 1, 0.49, 1, 7)));
    }

    @Test
    void frequenciesAreTheProbabilities() {
        var sampler = new Sampler(new Sampling(1, 0, 1, 0, 1, 42));
        var counts = new int[4];
        int draws = 20_000;
        for (int i = 0; i < draws; i++) {
            counts[sampler.next(logits())]++;
        }
        double[] wanted = {0.3, 0.1, 0.4, 0.2};
        for (int i = 0; i < 4; i++) {
            assertEquals(wanted[i], counts[i] / (double) draws, 0.015);
        }
    }

    @Test
    void temperatureSharpens() {
        var sampler = new Sampler(new Sampling(0.5, 0, 1, 0, 1, 42));
        int first = 0;
        int draws = 20_000;
        for (int i = 0; i < draws; i++) {
            first += sampler.next(logits()) == 2 ? 1 : 0;
        }
        // 0.4² / (0.3² + 0.1² + 0.4² + 0.2²)
        assertEquals(0.16 / 0.30, first / (double) draws, 0.015);
    }

    @Test
    void repeatPenaltyDividesPositiveAndMultipliesNegativeLogits() {
        var sampler = new Sampler(new Sampling(0, 0, 1, 0, 2, 0));
        sampler.accept(0);
        sampler.accept(2);
        float[] logits = {3, 1.6f, -1, -1.5f};
        assertEquals(1, sampler.next(logits));
        assertArrayEquals(new float[] {1.5f, 1.6f, -2, -1.5f}, logits);
    }

    @Test
    void repeatPenaltyForgetsAfterItsWindow() {
        var sampler = new Sampler(new Sampling(0, 0, 1, 0, 2, 0));
        sampler.accept(0);
        for (int i = 0; i < Sampling.REPEAT_WINDOW; i++) {
            sampler.accept(1);
        }
        assertEquals(0, sampler.next(new float[] {3, 5, 0}));
    }

    @Test
    void aSeedGivesTheSameTokensEverywhere() {
        var sampler = new Sampler(new Sampling(1, 0, 1, 0, 1, 1));
        int[] ids = new int[12];
        Arrays.setAll(ids, _ -> sampler.next(logits()));
        assertArrayEquals(new int[] {1, 2, 2, 2, 3, 2, 3, 0, 3, 1, 2, 2}, ids);
    }

    @Test
    void nonsenseIsRefused() {
        assertThrows(IllegalArgumentException.class, () -> new Sampling(-1, 0, 1, 0, 1, 0));
        assertThrows(IllegalArgumentException.class, () -> new Sampling(1, -1, 1, 0, 1, 0));
        assertThrows(IllegalArgumentException.class, () -> new Sampling(1, 0, 0, 0, 1, 0));
        assertThrows(IllegalArgumentException.class, () -> new Sampling(1, 0, 1, 2, 1, 0));
        assertThrows(IllegalArgumentException.class, () -> new Sampling(1, 0, 1, 0, 0, 0));
        assertThrows(IllegalArgumentException.class, () -> new Sampling(Double.NaN, 0, 1, 0, 1, 0));
    }
}
