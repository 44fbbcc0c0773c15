package clearhead.ops.cpu.vector;

import static clearhead.ops.cpu.vector.Lanes.COUNT;
import static clearhead.ops.cpu.vector.Lanes.FLOATS;
import static clearhead.ops.cpu.vector.Lanes.INTS;
import static clearhead.ops.cpu.vector.Lanes.ORDER;
import static clearhead.ops.cpu.vector.TileProduct.F32;

import clearhead.ops.KvView;
import clearhead.ops.score.Place;
import clearhead.ops.score.ScoreException;
import clearhead.ops.score.ScoreRule;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorShuffle;

/// A score function on one row of one block: 64 scores of one query, in place. An expression becomes
/// a class of its own, made by [ScoreCompiler], in which the compiler sees nothing but vector
/// arithmetic; Java code is called score by score.
///
/// Scores are in natural units, after scale and soft-cap. What is not visible is not looked at, and
/// undefined afterwards.
abstract class ScoreRow {
    /// Score functions that were compiled last, so that a layer finds its own again.
    private static final int KEPT = 64;

    private static final Map<ScoreRule, Compiled> COMPILED = new LinkedHashMap<>(KEPT, 0.75f, true) {
        private static final long serialVersionUID = 1;

        @Override
        protected boolean removeEldestEntry(Map.Entry<ScoreRule, Compiled> eldest) {
            return size() > KEPT;
        }
    };

    private static final ValueLayout.OfInt I32 = ValueLayout.JAVA_INT_UNALIGNED.withOrder(ORDER);
    /// 0, 1, 2, …
    static final IntVector STEPS = IntVector.zero(INTS).addIndex(1);
    static final VectorShuffle<Float> REVERSED = VectorShuffle.fromOp(FLOATS, lane -> COUNT - 1 - lane);
    static final VectorShuffle<Integer> REVERSED_INTS = VectorShuffle.fromOp(INTS, lane -> COUNT - 1 - lane);

    /// A compiled score function and the tables that it reads. Tables are equal when they lie at the same
    /// address, where one that is gone may have been before.
    record Compiled(ScoreRow row, List<MemorySegment> tables) {
        boolean isAlive() {
            return tables.stream().allMatch(table -> table.scope().isAlive());
        }
    }

    /// For a rule, compiled if it was not yet.
    static ScoreRow of(ScoreRule rule) {
        return switch (rule) {
            case ScoreRule.Plain _ -> new Plain(rule);
            case ScoreRule.Traced traced -> {
                synchronized (COMPILED) {
                    Compiled found = COMPILED.get(traced);
                    if (found == null || !found.isAlive()) {
                        found = ScoreCompiler.compile(traced);
                        COMPILED.put(traced, found);
                    }
                    yield found.row;
                }
            }
        };
    }

    /// Scores into what the function makes of them.
    ///
    /// @param at byte offset of the row's 64 scores in `m`
    /// @param visible bit j stands for key `key` + j
    /// @param query position of the query
    /// @param key position of the first key
    /// @throws ScoreException if the function fails at a visible key
    abstract void values(MemorySegment m, long at, long visible, int sequence, int head, int query, int key);

    /// As [#values], and the derivatives by the scores.
    ///
    /// @param slopes byte offset of the row's 64 derivatives in `m`
    abstract void slopes(
            MemorySegment m, long at, long slopes, long visible, int sequence, int head, int query, int key);

    /// Java code, called score by score.
    private static final class Plain extends ScoreRow {
        private final ScoreRule rule;

        Plain(ScoreRule rule) {
            this.rule = rule;
        }

        @Override
        void values(MemorySegment m, long at, long visible, int sequence, int head, int query, int key) {
            for (int j = 0; j < KvView.PAGE; j++) {
                if ((visible >>> j & 1) != 0) {
                    var place = new Place(m.get(F32, at + j * 4L), sequence, head, query, key + j);
                    m.set(F32, at + j * 4L, (float) rule.score(place));
                }
            }
        }

        @Override
        void slopes(MemorySegment m, long at, long slopes, long visible, int sequence, int head, int query, int key) {
            for (int j = 0; j < KvView.PAGE; j++) {
                if ((visible >>> j & 1) != 0) {
                    var place = new Place(m.get(F32, at + j * 4L), sequence, head, query, key + j);
                    m.set(F32, slopes + j * 4L, (float) rule.slope(place));
                    m.set(F32, at + j * 4L, (float) rule.score(place));
                }
            }
        }
    }

    // What compiled score functions call. Lanes in `active` are those whose result is used.

    static IntVector floorDiv(IntVector x, IntVector divisor) {
        int[] a = x.toArray();
        int[] b = divisor.toArray();
        for (int lane = 0; lane < COUNT; lane++) {
            a[lane] = b[lane] == 0 ? 0 : Math.floorDiv(a[lane], b[lane]);
        }
        return IntVector.fromArray(INTS, a, 0);
    }

    static IntVector floorMod(IntVector x, IntVector divisor) {
        return x.sub(floorDiv(x, divisor).mul(divisor));
    }

    /// Index `i` into an axis, the same for all lanes; brought inside if no lane is active.
    static int within(int i, int size, int axis, long active, int sequence, int head, int query, int key) {
        if (i < 0 || i >= size) {
            if (active != 0) {
                int lane = Long.numberOfTrailingZeros(active);
                throw outside(i, size, axis, sequence, head, query, key + lane);
            }
            return 0;
        }
        return i;
    }

    /// Indices into an axis; those of lanes that are not active are brought inside.
    static IntVector within(IntVector i, int size, int axis, long active, int sequence, int head, int query, int key) {
        var wrong = i.lt(0).or(i.compare(VectorOperators.GE, size));
        if (wrong.anyTrue()) {
            long found = wrong.toLong() & active;
            if (found != 0) {
                int lane = Long.numberOfTrailingZeros(found);
                throw outside(i.lane(lane), size, axis, sequence, head, query, key + lane);
            }
            return i.blend(0, wrong);
        }
        return i;
    }

    private static ScoreException outside(int i, int size, int axis, int sequence, int head, int query, int key) {
        return new ScoreException(
                new Place(Double.NaN, sequence, head, query, key),
                "reads index " + i + " of axis " + axis + " of a captured table, which has " + size + " entries,");
    }

    /// Whether elements `first`, `first` + step, … of an axis are all inside it.
    static boolean inside(int first, int step, int size) {
        int last = first + step * (COUNT - 1);
        return first >= 0 && first < size && last >= 0 && last < size;
    }

    static FloatVector floats(MemorySegment table, IntVector elements) {
        int[] at = elements.toArray();
        float[] found = new float[COUNT];
        for (int lane = 0; lane < COUNT; lane++) {
            found[lane] = table.get(F32, at[lane] * 4L);
        }
        return FloatVector.fromArray(FLOATS, found, 0);
    }

    static IntVector ints(MemorySegment table, IntVector elements) {
        int[] at = elements.toArray();
        for (int lane = 0; lane < COUNT; lane++) {
            at[lane] = table.get(I32, at[lane] * 4L);
        }
        return IntVector.fromArray(INTS, at, 0);
    }

    static float element(MemorySegment table, int element) {
        return table.get(F32, element * 4L);
    }

    static int intElement(MemorySegment table, int element) {
        return table.get(I32, element * 4L);
    }

    /// Fails where a function made NaN of a number.
    static void checked(
            FloatVector before, FloatVector after, long active, int sequence, int head, int query, int key) {
        var wrong = after.compare(VectorOperators.NE, after);
        if (wrong.anyTrue()) {
            long found =
                    wrong.andNot(before.compare(VectorOperators.NE, before)).toLong() & active;
            if (found != 0) {
                int lane = Long.numberOfTrailingZeros(found);
                throw new ScoreException(
                        new Place(before.lane(lane), sequence, head, query, key + lane),
                        "returned NaN for the score " + before.lane(lane));
            }
        }
    }
}
