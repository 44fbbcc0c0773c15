package clearhead.ops.cpu.vector;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import clearhead.ops.score.Condition;
import clearhead.ops.score.Derivative;
import clearhead.ops.score.Index;
import clearhead.ops.score.Place;
import clearhead.ops.score.ScoreException;
import clearhead.ops.score.ScoreMod;
import clearhead.ops.score.ScoreRule;
import clearhead.ops.score.Table;
import clearhead.ops.score.Value;
import clearhead.tensor.DType;
import clearhead.tensor.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Random;
import org.junit.jupiter.api.Test;

/// Compiled score functions against the interpreter in double precision.
class ScoreRowTest {
    private static final int SEQUENCE = 2;
    private static final int HEAD = 3;

    /// Values and slopes of one row at several places, visible keys only.
    private static void check(ScoreRule rule, int query, int key, long visible) {
        try (var arena = Arena.ofConfined()) {
            MemorySegment m = arena.allocate(1024, 64);
            var random = new Random(query * 64L + key);
            float[] scores = new float[64];
            for (int j = 0; j < 64; j++) {
                scores[j] = (float) random.nextGaussian() * 2;
            }
            ScoreRow row = ScoreRow.of(rule);
            MemorySegment.copy(scores, 0, m, ValueLayout.JAVA_FLOAT, 256, 64);
            row.values(m, 256, visible, SEQUENCE, HEAD, query, key);
            float[] values = m.asSlice(256, 256).toArray(ValueLayout.JAVA_FLOAT);
            MemorySegment.copy(scores, 0, m, ValueLayout.JAVA_FLOAT, 256, 64);
            row.slopes(m, 256, 512, visible, SEQUENCE, HEAD, query, key);
            float[] again = m.asSlice(256, 256).toArray(ValueLayout.JAVA_FLOAT);
            float[] slopes = m.asSlice(512, 256).toArray(ValueLayout.JAVA_FLOAT);
            for (int j = 0; j < 64; j++) {
                if ((visible >>> j & 1) != 0) {
                    var place = new Place(scores[j], SEQUENCE, HEAD, query, key + j);
                    double value = rule.score(place);
                    double slope = rule.slope(place);
                    assertEquals(value, values[j], 3e-6 * Math.max(1, Math.abs(value)), rule + " at " + place);
                    assertEquals(values[j], again[j]);
                    assertEquals(slope, slopes[j], 3e-6 * Math.max(1, Math.abs(slope)), rule + " slope at " + place);
                }
            }
        }
    }

    private static void check(ScoreMod mod) {
        var rule = ScoreRule.Traced.of(mod);
        check(rule, 100, 64, -1);
        check(rule, 70, 64, (1L << 7) - 1);
        check(rule, 5, 0, 0x0f0f_0f0f_0f0f_0f0fL);
        check(rule, 5, 0, 0);
    }

    @Test
    void arithmetic() {
        check((s, b, h, q, k) -> s.exp().plus(s.square()).minus(s.times(q)));
        check((s, b, h, q, k) -> s.abs().plus(1).log().over(s.square().plus(2)));
        check((s, b, h, q, k) -> s.square().plus(1).sqrt().sigmoid());
        check((s, b, h, q, k) -> s.min(0.5).max(-0.25).plus(s.over(k.plus(1).toValue())));
        check((s, b, h, q, k) -> s.over(50).tanh().times(50));
        check((s, b, h, q, k) -> Value.of(3));
        check((s, b, h, q, k) -> s);
        check((s, b, h, q, k) -> s.plus(b.times(3)
                .minus(h.over(2))
                .plus(q.mod(7))
                .max(k.min(90))
                .toValue()
                .times(0.01)));
        check((s, b, h, q, k) -> s.times(k.mod(5).plus(k.over(3)).toValue().times(0.1)));
    }

    @Test
    void conditions() {
        check((s, b, h, q, k) -> q.minus(k).mod(2).equalTo(0).choose(s.times(3), s.negate()));
        check((s, b, h, q, k) -> k.lessThan(q).or(h.atMost(1)).choose(s.tanh(), Value.of(1)));
        check((s, b, h, q, k) -> h.atMost(2).choose(s, s.times(2)));
        check((s, b, h, q, k) -> h.atMost(2).not().and(b.equalTo(2)).choose(s.plus(k), s.times(2)));
        check((s, b, h, q, k) -> s.atMost(0.3).choose(s.square(), s));
    }

    @Test
    void tables() {
        try (var arena = Arena.ofConfined()) {
            float[] numbers = new float[4 * 200];
            int[] whole = new int[200];
            for (int i = 0; i < numbers.length; i++) {
                numbers[i] = (float) Math.sin(i);
            }
            for (int i = 0; i < whole.length; i++) {
                whole[i] = i * 37 % 200;
            }
            var perHead = Table.of(Tensor.of(arena, numbers.clone(), 4, 200));
            var line = Table.of(Tensor.of(arena, java.util.Arrays.copyOf(numbers, 200), 200));
            var order = Table.of(Tensor.of(arena, whole, 200));
            check((s, b, h, q, k) -> s.plus(perHead.at(h, k)));
            check((s, b, h, q, k) -> s.plus(perHead.at(h, q.minus(k).max(0))));
            check((s, b, h, q, k) -> s.plus(line.at(q.minus(k).plus(99))));
            check((s, b, h, q, k) -> s.times(line.at(h)).plus(line.at(k.plus(3))));
            check((s, b, h, q, k) -> s.plus(perHead.at(k.mod(4), order.indexAt(k))));
            check((s, b, h, q, k) -> order.indexAt(q).equalTo(order.indexAt(k)).choose(s, s.minus(5)));
            // where the distance is out of the table, the other side is taken
            check((s, b, h, q, k) -> k.atMost(q).and(q.minus(k).lessThan(50)).choose(s.plus(line.at(q.minus(k))), s));
        }
    }

    @Test
    void javaCode() {
        check(new ScoreRule.Plain((s, b, h, q, k) -> s * 0.5 + Math.sin(q - k) + h), 70, 64, 0x7f);
    }

    @Test
    void randomExpressions() {
        var random = new Random(7);
        for (int n = 0; n < 150; n++) {
            Value value = value(random, 4);
            check(new ScoreRule.Traced(value, Derivative.of(value)), 100, 64, random.nextLong());
        }
    }

    private static Value value(Random random, int depth) {
        if (depth == 0) {
            return switch (random.nextInt(3)) {
                case 0 -> Value.SCORE;
                case 1 -> Value.of(random.nextInt(5) / 4.0);
                default -> index(random, 2).toValue().times(1 / 128.0);
            };
        }
        return switch (random.nextInt(9)) {
            case 0 -> value(random, depth - 1).plus(value(random, depth - 1));
            case 1 -> value(random, depth - 1).minus(value(random, depth - 1));
            case 2 -> value(random, depth - 1).tanh().times(value(random, depth - 1));
            case 3 -> value(random, depth - 1).tanh();
            case 4 -> value(random, depth - 1).abs().plus(1).log();
            case 5 -> value(random, depth - 1).square().plus(1).sqrt();
            case 6 -> value(random, depth - 1).tanh().exp();
            case 7 -> condition(random, 2).choose(value(random, depth - 1), value(random, depth - 1));
            default ->
                value(random, depth - 1).over(value(random, depth - 1).square().plus(1));
        };
    }

    private static Index index(Random random, int depth) {
        if (depth == 0) {
            return switch (random.nextInt(5)) {
                case 0 -> Index.BATCH;
                case 1 -> Index.HEAD;
                case 2 -> Index.QUERY;
                case 3 -> Index.KEY;
                default -> Index.of(random.nextInt(9) - 4);
            };
        }
        Index a = index(random, depth - 1);
        return switch (random.nextInt(7)) {
            case 0 -> a.plus(index(random, depth - 1));
            case 1 -> a.minus(index(random, depth - 1));
            case 2 -> a.times(random.nextInt(3));
            case 3 -> a.over(1 + random.nextInt(9));
            case 4 -> a.mod(-3);
            case 5 -> a.min(index(random, depth - 1));
            default -> a.abs();
        };
    }

    private static Condition condition(Random random, int depth) {
        if (depth == 0) {
            return random.nextBoolean()
                    ? index(random, 1).atMost(index(random, 1))
                    : index(random, 1).lessThan(random.nextInt(100));
        }
        return switch (random.nextInt(3)) {
            case 0 -> condition(random, depth - 1).and(condition(random, depth - 1));
            case 1 -> condition(random, depth - 1).or(condition(random, depth - 1));
            default -> condition(random, depth - 1).not();
        };
    }

    @Test
    void failuresNameHeadQueryAndKey() {
        try (var arena = Arena.ofConfined()) {
            MemorySegment m = Tensor.zeros(arena, DType.F32, 64).data();
            m.set(ValueLayout.JAVA_FLOAT, 4 * 21L, -1);
            var root = ScoreRow.of(ScoreRule.Traced.of((s, b, h, q, k) -> s.sqrt()));
            var failure = assertThrows(ScoreException.class, () -> root.values(m, 0, -1, 0, 3, 90, 64));
            assertTrue(String.valueOf(failure.getMessage()).contains("head 3, query 90, key 85"), failure.getMessage());
            root.values(m, 0, ~(1L << 21), 0, 3, 90, 64); // what is not visible does not fail
            var table = Table.of(Tensor.zeros(arena, DType.F32, 10));
            var beyond = ScoreRow.of(ScoreRule.Traced.of((s, b, h, q, k) -> s.plus(table.at(q.minus(k)))));
            var outside = assertThrows(ScoreException.class, () -> beyond.values(m, 0, -1, 1, 2, 70, 0));
            assertTrue(String.valueOf(outside.getMessage()).contains("index 70 of axis 0"), outside.getMessage());
            assertTrue(
                    String.valueOf(outside.getMessage()).contains("head 2, query 70, key 0 of sequence 1"),
                    outside.getMessage());
        }
    }

    /// A table may come to lie where one that is gone lay: the function compiled for that one is of no use.
    @Test
    void aTableAtTheAddressOfOneThatIsGone() {
        for (int round = 0; round < 20; round++) {
            try (var arena = Arena.ofConfined()) {
                var table = Table.of(Tensor.of(arena, new float[] {round, 2, 3, 4}, 4));
                MemorySegment m = Tensor.zeros(arena, DType.F32, 64).data();
                ScoreRow.of(ScoreRule.Traced.of((s, b, h, q, k) -> s.plus(table.at(h))))
                        .values(m, 0, -1, 0, 0, 9, 0);
                assertEquals(round, m.get(ValueLayout.JAVA_FLOAT, 0));
            }
        }
    }
}
