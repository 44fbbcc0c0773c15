package clearhead.ops.cpu.vector;

import static clearhead.ops.cpu.vector.Lanes.COUNT;
import static clearhead.ops.cpu.vector.Lanes.FLOATS;
import static clearhead.ops.cpu.vector.Lanes.ORDER;
import static clearhead.ops.cpu.vector.TileArrays.SIDE;
import static clearhead.ops.cpu.vector.TileProduct.F32;

import clearhead.ops.AttentionSpec;
import clearhead.ops.Bias;
import clearhead.ops.Broadcast;
import clearhead.ops.KvView;
import clearhead.ops.Sequences;
import clearhead.tensor.DType;
import clearhead.tensor.Tensor;
import clearhead.tensor.Workspace;
import java.lang.foreign.MemorySegment;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import jdk.incubator.vector.FloatVector;

/// The gradient of a bias: sums of score gradients over all the places where an element was added, in
/// one order.
///
/// A relative bias: each task sums by distance, then by bucket, and the tasks' sums are added up at the
/// end in the order of sequences, heads and ranges. An added bias with an axis of keys: its elements
/// belong to the task that has the keys ([#isShared] says whether to all heads and sequences at once).
/// An added bias without: sums of rows are kept for each query and head, a range after the other, and
/// added up at the end.
final class BiasGradient {
    private final AttentionSpec spec;
    private final Sequences queries;
    private final Tensor gradient;
    private final boolean byRows;
    private final boolean shared;
    private final double[] rows; // [tokens, heads], by rows only
    private final Map<Long, double[]> parts = new TreeMap<>(); // of a relative bias: of each task and head

    private BiasGradient(AttentionSpec spec, Sequences queries, Tensor gradient, boolean byRows, boolean shared) {
        this.spec = spec;
        this.queries = queries;
        this.gradient = gradient;
        this.byRows = byRows;
        this.shared = shared;
        this.rows = new double[byRows ? Math.multiplyExact(queries.tokens(), spec.heads()) : 0];
    }

    /// Of a bias that has a gradient.
    static Optional<BiasGradient> of(Workspace workspace, AttentionSpec spec, Sequences queries, KvView.Packed past) {
        return switch (spec.bias()) {
            case Bias.None(), Bias.Alibi(double[] _) -> Optional.empty();
            case Bias.Relative(Tensor table, boolean _, int _) ->
                Optional.of(new BiasGradient(spec, queries, zeros(workspace, table), false, false));
            case Bias.Added(Tensor values) -> {
                boolean byRows = values.dim(-1) == 1;
                boolean heads = (values.rank() < 3 || values.dim(-3) == 1) && spec.kvHeads() > 1;
                boolean sequences = (values.rank() < 4 || values.dim(-4) == 1) && past.sequences() > 1;
                yield Optional.of(new BiasGradient(
                        spec, queries, zeros(workspace, values), byRows, !byRows && (heads || sequences)));
            }
        };
    }

    private static Tensor zeros(Workspace workspace, Tensor like) {
        Tensor t = workspace.take(DType.F32, like.shape());
        t.data().fill((byte) 0);
        return t;
    }

    /// Whether a task must have its keys in all heads and sequences.
    boolean isShared() {
        return shared;
    }

    /// What one task adds to it.
    Part part(int sequence, int kvHead, VisibleKeys seen, int from, int to) {
        return new Part(sequence, kvHead, seen, from, to);
    }

    /// The gradient, when all tasks are done.
    Tensor finish() {
        MemorySegment sums = gradient.data();
        if (byRows) {
            for (int s = 0; s < queries.count(); s++) {
                for (int i = 0; i < queries.length(s); i++) {
                    for (int h = 0; h < spec.heads(); h++) {
                        long at = Broadcast.offset(gradient, s, h, i, 0) * 4;
                        double row = rows[(queries.start(s) + i) * spec.heads() + h];
                        sums.set(F32, at, (float) (sums.get(F32, at) + row));
                    }
                }
            }
        }
        if (spec.bias() instanceof Bias.Relative) {
            double[] total = new double[Math.toIntExact(gradient.size())];
            for (double[] part : parts.values()) {
                int head = (int) part[0];
                for (int bucket = 0; bucket < gradient.dim(0); bucket++) {
                    total[bucket * spec.heads() + head] += part[bucket + 1];
                }
            }
            for (int i = 0; i < total.length; i++) {
                sums.set(F32, i * 4L, (float) total[i]);
            }
        }
        return gradient;
    }

    /// Of one range of keys of one kv head of one sequence.
    final class Part {
        private final int sequence;
        private final int kvHead;
        private final int from;
        private final int firstDistance;
        private final float[][] lines; // of each head of the group: sums by distance
        private final double[] rowSums = new double[SIDE];

        private Part(int sequence, int kvHead, VisibleKeys seen, int from, int to) {
            this.sequence = sequence;
            this.kvHead = kvHead;
            this.from = from;
            int count = queries.length(sequence);
            this.firstDistance = from - seen.position(Math.max(0, count - 1));
            boolean line = spec.bias() instanceof Bias.Relative;
            int group = spec.heads() / spec.kvHeads();
            this.lines = line ? new float[group][count + to - from + SIDE] : new float[0][];
        }

        /// Adds one row of a block.
        ///
        /// @param dScores score gradients at `at`, 0 where nothing is seen
        /// @param lo, hi columns, multiples of 16
        /// @param key position of the block's first key
        void add(float[] dScores, int at, int lo, int hi, int head, int query, int position, int key) {
            if (lines.length > 0) {
                float[] line = lines[head % lines.length];
                int to = key - position - firstDistance;
                for (int k = lo; k < hi; k += COUNT) {
                    FloatVector.fromArray(FLOATS, line, to + k)
                            .add(FloatVector.fromArray(FLOATS, dScores, at + k))
                            .intoArray(line, to + k);
                }
            } else if (byRows) {
                double sum = 0;
                for (int k = lo; k < hi; k++) {
                    sum += dScores[at + k];
                }
                rowSums[query % SIDE] += sum;
            } else {
                long first = Broadcast.offset(gradient, sequence, head, query, key) * 4;
                int end = first < 0 ? 0 : Math.min(hi, gradient.dim(-1) - key);
                MemorySegment sums = gradient.data();
                int k = lo;
                for (; k + COUNT <= end; k += COUNT) {
                    FloatVector.fromMemorySegment(FLOATS, sums, first + k * 4L, ORDER)
                            .add(FloatVector.fromArray(FLOATS, dScores, at + k))
                            .intoMemorySegment(sums, first + k * 4L, ORDER);
                }
                for (; k < end; k++) {
                    sums.set(F32, first + k * 4L, sums.get(F32, first + k * 4L) + dScores[at + k]);
                }
            }
        }

        /// Adds the sums of rows of a block of queries, when it is this range's turn.
        void endRows(int head, int row, int count) {
            for (int i = 0; byRows && i < count; i++) {
                rows[(queries.start(sequence) + row + i) * spec.heads() + head] += rowSums[i];
                rowSums[i] = 0;
            }
        }

        /// Adds up by buckets.
        void finish() {
            if (!(spec.bias() instanceof Bias.Relative relative)) {
                return;
            }
            for (int g = 0; g < lines.length; g++) {
                int head = kvHead * lines.length + g;
                double[] sums = new double[gradient.dim(0) + 1];
                sums[0] = head;
                for (int i = 0; i < lines[g].length; i++) {
                    if (lines[g][i] != 0) {
                        sums[relative.bucket(firstDistance + i) + 1] += lines[g][i];
                    }
                }
                long order = ((long) sequence * spec.heads() + head << 32) + from;
                synchronized (parts) {
                    parts.put(order, sums);
                }
            }
        }
    }
}
