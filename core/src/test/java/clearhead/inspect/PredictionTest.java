package clearhead.inspect;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import clearhead.inspect.Prediction.Cut;
import clearhead.inspect.Prediction.Entry;
import clearhead.sampling.Sampler;
import clearhead.sampling.Sampling;
import clearhead.tensor.Tensor;
import java.lang.foreign.Arena;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class PredictionTest {
    /// Probabilities 0.4, 0.3, 0.2, 0.1 of the tokens 2, 0, 3, 1.
    private static final double[] LOGITS = {log(0.3), log(0.1), log(0.4), log(0.2)};

    private static double log(double p) {
        return (float) Math.log(p);
    }

    private static Sampling sampling(double temperature, int topK, double topP, double minP) {
        return new Sampling(temperature, topK, topP, minP, 1, 7);
    }

    @Test
    void aSoftmaxByHand() {
        var p = Prediction.of(LOGITS, sampling(0.5, 0, 1, 0));
        Entry best = p.ranked(1);
        assertEquals(2, best.id());
        assertEquals(0.4, best.probability(), 1e-7);
        // 0.4² / (0.4² + 0.3² + 0.2² + 0.1²)
        assertEquals(0.16 / 0.30, best.tempered(), 1e-7);
        assertEquals(0.16 / 0.30, best.drawn(), 1e-7);
        assertEquals(4, p.of(1).rank());
        assertEquals(0, p.lse(), 1e-7);
        assertEquals(
                -(0.4 * Math.log(0.4) + 0.3 * Math.log(0.3) + 0.2 * Math.log(0.2) + 0.1 * Math.log(0.1)),
                p.entropy(),
                1e-7);
        assertEquals(List.of(), p.lines());
    }

    /// Of the first three, top-p counts 0.4/0.9, 0.3/0.9; min-p then asks 0.8 of the first.
    @Test
    void everyCutByHand() {
        var p = Prediction.of(LOGITS, sampling(2, 3, 0.75, 0.8));
        assertEquals(
                List.of(Cut.TOP_K, Cut.TOP_P, Cut.MIN_P),
                p.lines().stream().map(Prediction.Line::rule).toList());
        assertEquals(
                List.of(3, 2, 1), p.lines().stream().map(Prediction.Line::kept).toList());
        assertEquals(0.9, p.lines().get(0).probability(), 1e-7);
        assertEquals(0.7, p.lines().get(1).probability(), 1e-7);
        assertEquals(
                List.of(Cut.NONE, Cut.MIN_P, Cut.TOP_P, Cut.TOP_K),
                p.top(4).stream().map(Entry::cut).toList());
        double root = Math.sqrt(0.4) + Math.sqrt(0.3) + Math.sqrt(0.2) + Math.sqrt(0.1);
        assertEquals(Math.sqrt(0.4) / root, p.ranked(1).tempered(), 1e-7);
        assertEquals(1, p.ranked(1).drawn());
        assertEquals(0, p.ranked(2).drawn());
    }

    @Test
    void temperatureZeroTakesTheFirst() {
        var p = Prediction.of(LOGITS, sampling(0, 3, 1, 0));
        assertEquals(1, p.kept());
        assertEquals(
                List.of(Cut.NONE, Cut.GREEDY, Cut.GREEDY, Cut.TOP_K),
                p.top(9).stream().map(Entry::cut).toList());
        assertEquals(1, p.ranked(1).drawn());
        assertArrayEquals(new int[] {2, 2, 2}, p.draw(3));
    }

    /// Against sorting and summing in double, over many vocabularies and rules.
    @Test
    void cutsAreThoseOfADirectComputation() {
        var random = new Random(5);
        for (int round = 0; round < 60; round++) {
            int vocab = 1 + random.nextInt(400);
            double[] logits = new double[vocab];
            Arrays.setAll(logits, _ -> (float) (3 * random.nextGaussian()));
            int topK = random.nextInt(3) == 0 ? 0 : 1 + random.nextInt(vocab);
            double topP = random.nextInt(3) == 0 ? 1 : 0.05 + 0.9 * random.nextDouble();
            double minP = random.nextInt(3) == 0 ? 0 : 0.3 * random.nextDouble();
            double temperature = 0.2 + 2 * random.nextDouble();
            var p = Prediction.of(logits, sampling(temperature, topK, topP, minP));
            List<Integer> order = IntStream.range(0, vocab)
                    .boxed()
                    .sorted(Comparator.comparingDouble((Integer id) -> -logits[id]))
                    .toList();
            double whole =
                    order.stream().mapToDouble(id -> Math.exp(logits[id])).sum();
            List<Integer> kept = topK == 0 ? order : order.subList(0, Math.min(topK, vocab));
            double some = kept.stream().mapToDouble(id -> Math.exp(logits[id])).sum();
            double reached = 0;
            int n = 0;
            while (n < kept.size() && (topP == 1 || reached < topP)) {
                reached += Math.exp(logits[kept.get(n++)]) / some;
            }
            kept = kept.subList(0, n);
            double most = Math.exp(logits[order.getFirst()]);
            kept = kept.stream()
                    .filter(id -> Math.exp(logits[id]) >= minP * most)
                    .toList();
            assertEquals(kept.size(), p.kept());
            double sum = kept.stream()
                    .mapToDouble(id -> Math.exp(logits[id] / temperature))
                    .sum();
            double hot = order.stream()
                    .mapToDouble(id -> Math.exp(logits[id] / temperature))
                    .sum();
            for (int place = 0; place < vocab; place++) {
                int id = order.get(place);
                Entry e = p.of(id);
                assertEquals(place + 1, e.rank());
                assertEquals(Math.exp(logits[id]) / whole, e.probability(), 1e-14);
                assertEquals(Math.exp(logits[id] / temperature) / hot, e.tempered(), 1e-14);
                assertEquals(place < kept.size() ? Math.exp(logits[id] / temperature) / sum : 0, e.drawn(), 1e-14);
                assertEquals(place < kept.size(), e.cut() == Cut.NONE);
            }
        }
    }

    /// The page computes the same in the browser: rules.test.ts has these numbers, too.
    @Test
    void thePagesNumbersAreThese() {
        var logits = new double[500];
        Arrays.setAll(logits, i -> (float) (i * 7919 % 1000 / 97.0 - 5));
        var p = Prediction.of(logits, sampling(0.7, 40, 0.6, 0.8));
        assertEquals(
                List.of(40, 20, 11),
                p.lines().stream().map(Prediction.Line::kept).toList());
        assertEquals(9.182106386176066, p.lse(), 1e-12);
        assertEquals(4.891773705421016, p.entropy(), 1e-12);
        double[][] wanted = {
            {1, 321, 0.02058614263060604, 0.029526053210768243, 0.10798318513508315},
            {4, 210, 0.018762012870429827, 0.02586070318122069, 0.09457820452354757},
            {21, 124, 0.013214554926699183, 0.01567376551276253, 0}
        };
        for (double[] w : wanted) {
            Entry e = p.ranked((int) w[0]);
            assertEquals(w[1], e.id());
            assertEquals(w[2], e.probability(), 1e-14);
            assertEquals(w[3], e.tempered(), 1e-14);
            assertEquals(w[4], e.drawn(), 1e-14);
        }
    }

    /// The same tokens in the same order as generating draws them, and all of them among those kept.
    @Test
    void drawsAreTheSamplers() {
        var random = new Random(9);
        var logits = new double[200];
        Arrays.setAll(logits, _ -> (float) (2 * random.nextGaussian()));
        int[] text = {3, 17, 3, 150};
        for (double penalty : new double[] {1, 1.3}) {
            var sampling = new Sampling(0.9, 60, 0.9, 0.02, penalty, 42);
            var p = Prediction.of(logits, text, sampling);
            var sampler = new Sampler(sampling);
            for (int id : text) {
                sampler.accept(id);
            }
            try (Arena arena = Arena.ofConfined()) {
                for (int id : p.draw(300)) {
                    assertEquals(id, sampler.next(Tensor.of(arena, floats(logits), logits.length)));
                    assertTrue(p.of(id).drawn() > 0);
                }
            }
        }
    }

    private static float[] floats(double[] values) {
        var floats = new float[values.length];
        for (int i = 0; i < floats.length; i++) {
            floats[i] = (float) values[i];
        }
        return floats;
    }

    @Test
    void frequenciesAreTheProbabilities() {
        var p = Prediction.of(LOGITS, sampling(1, 0, 1, 0));
        var counts = new int[4];
        for (int id : p.draw(20_000)) {
            counts[id]++;
        }
        for (int id = 0; id < 4; id++) {
            assertEquals(p.of(id).drawn(), counts[id] / 20_000.0, 0.015);
        }
    }

    @Test
    void idsOutsideAreRefused() {
        var p = Prediction.of(LOGITS, sampling(1, 0, 1, 0));
        assertThrows(IllegalArgumentException.class, () -> p.of(4));
        assertThrows(IllegalArgumentException.class, () -> p.of(-1));
    }
}
