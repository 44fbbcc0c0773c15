package clearhead.ops.cpu.vector;

import static clearhead.ops.cpu.vector.Lanes.COUNT;
import static clearhead.ops.cpu.vector.Lanes.FLOATS;
import static clearhead.ops.cpu.vector.Lanes.ORDER;
import static clearhead.ops.cpu.vector.TileProduct.F32;

import clearhead.ops.Adjoints;
import clearhead.ops.Attended;
import clearhead.ops.AttentionSpec;
import clearhead.ops.Checks;
import clearhead.ops.KvView;
import clearhead.ops.Sequences;
import clearhead.ops.cpu.Workers;
import clearhead.tensor.DType;
import clearhead.tensor.Tensor;
import clearhead.tensor.Workspace;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import jdk.incubator.vector.FloatVector;

/// Backward of fused attention in linear memory: the weights of a block are rebuilt from its scores
/// and the forward pass's log-sum-exp. FlashAttention-2, Dao 2023, arXiv:2307.08691, algorithm 2.
///
/// ```
/// S = Q·Kᵀ   P = exp(S·scale − lse)   dV += Pᵀ·dO   dP = dO·Vᵀ
/// dS = P∘(dP − rowsum(dO∘O))·scale    dK += dSᵀ·Q   dQ += dS·K
/// ```
///
/// A task is a range of key blocks of one kv head of one sequence. It takes the blocks of 64 queries
/// that see the keys from the last to the first, for each the query heads of the group, for each its
/// key blocks in order. dKey and dValue of the range are its own. What it has for dQuery of a block it
/// adds when all ranges before have added theirs ([Turns]); from the last block on, because that is
/// where a causal mask or a window lets neighbouring ranges begin without waiting for each other. How
/// long a range is depends on the sequence and on the model alone, so every sum has one order whatever
/// the number of threads, and alone or in a batch.
///
/// Where a bias is shared by heads or sequences, a task is a range of keys of all of them, so that the
/// bias's gradient at these keys is its own as well.
final class AttentionBackward {
    private static final int PAGE = KvView.PAGE;

    /// Floats of keys and values of a range: with all that is made of them and the tiles of a block of
    /// queries, two thirds of a second cache level of 1 MB.
    private static final int RANGE = 256 * 128;

    /// Tasks of a sequence that are enough for many cores.
    private static final int TASKS = 32;

    private final BackwardCall call;
    private final List<Ranges> ranges = new ArrayList<>();
    private final int[] firstTurn;
    private final Turns turns;

    private AttentionBackward(BackwardCall call, boolean together) {
        this.call = call;
        int sequences = call.queries().count();
        firstTurn = new int[sequences + 1];
        for (int s = 0; s < sequences; s++) {
            int count = call.queries().length(s);
            ranges.add(Ranges.of(call.seen().get(s), count, call.past().length(s), together ? 1 : blocksOfRange(s)));
            firstTurn[s + 1] = firstTurn[s] + Math.ceilDiv(count, PAGE);
        }
        turns = new Turns(Math.multiplyExact(firstTurn[sequences], call.spec().heads()));
    }

    static Adjoints.Attention attention(
            Workspace workspace,
            Workers workers,
            Tensor query,
            Sequences queries,
            KvView.Packed past,
            AttentionSpec spec,
            Attended forward,
            Tensor dOut) {
        Checks.attentionAdjoint(query, queries, past, spec, forward, dOut);
        Tensor dQuery = workspace.take(DType.F32, query.shape());
        Tensor dKey = workspace.take(DType.F32, past.key().shape());
        Tensor dValue = workspace.take(DType.F32, past.value().shape());
        Optional<Tensor> dSinks = spec.sinks().map(_ -> workspace.take(DType.F32, spec.heads()));
        Optional<BiasGradient> dBias = BiasGradient.of(workspace, spec, queries, past);
        long mark = workspace.mark();
        Tensor delta = workspace.take(DType.F32, query.dim(0), spec.heads());
        List<VisibleKeys> seen = new ArrayList<>();
        for (int s = 0; s < queries.count(); s++) {
            seen.add(VisibleKeys.of(spec, s, queries.length(s), past.length(s)));
        }
        boolean more = ScoreExtras.areNeeded(spec) || !spec.dropout().isNone();
        var call = new BackwardCall(
                query,
                queries,
                past,
                spec,
                forward,
                dOut,
                dQuery,
                dKey,
                dValue,
                delta,
                seen,
                more ? Optional.of(ScoreExtras.of(spec, queries, past)) : Optional.empty(),
                dBias);
        workers.run(Math.ceilDiv(query.dim(0), PAGE), task -> {
            int from = task * PAGE;
            begin(call, from, Math.min(query.dim(0), from + PAGE));
        });
        boolean together = dBias.isPresent() && dBias.get().isShared();
        new AttentionBackward(call, together).run(workers, together);
        dSinks.ifPresent(sums -> sinks(call, sums));
        Optional<Tensor> bias = dBias.map(BiasGradient::finish);
        workspace.release(mark);
        return new Adjoints.Attention(dQuery, dKey, dValue, dSinks, bias);
    }

    private int blocksOfRange(int sequence) {
        AttentionSpec spec = call.spec();
        int most = RANGE / PAGE / Math.max(spec.headDim(), spec.valueDim());
        long blocks = (long) Math.ceilDiv(call.past().length(sequence), PAGE) * spec.kvHeads();
        return (int) Math.clamp(blocks / TASKS, 1, Math.max(1, most));
    }

    private void run(Workers workers, boolean together) {
        int kvHeads = call.spec().kvHeads();
        if (together) {
            int most = ranges.stream().mapToInt(Ranges::count).max().orElse(0);
            workers.run(
                    most,
                    task -> guarded(() -> {
                        for (int s = 0; s < ranges.size(); s++) {
                            for (int h = 0; h < kvHeads && task < ranges.get(s).count(); h++) {
                                range(s, h, task);
                            }
                        }
                    }));
            return;
        }
        int[] firstTask = new int[ranges.size() + 1];
        for (int s = 0; s < ranges.size(); s++) {
            int tasks = Math.multiplyExact(ranges.get(s).count(), kvHeads);
            firstTask[s + 1] = Math.addExact(firstTask[s], tasks);
        }
        workers.run(
                firstTask[ranges.size()],
                task -> guarded(() -> {
                    int s = Tasks.owner(firstTask, task);
                    int count = ranges.get(s).count();
                    int local = task - firstTask[s];
                    range(s, local / count, local % count);
                }));
    }

    private void guarded(Runnable task) {
        try {
            task.run();
        } catch (Throwable t) {
            turns.fail();
            throw t;
        }
    }

    private void range(int sequence, int kvHead, int number) {
        int heads = call.spec().heads();
        int group = heads / call.spec().kvHeads();
        Ranges own = ranges.get(sequence);
        int from = number * own.blocks() * PAGE;
        int to = Math.min(call.past().length(sequence), from + own.blocks() * PAGE);
        var tile = new BackwardTile(call, sequence, kvHead, from, to);
        int[] before = own.before(number);
        tile.loadKeys();
        for (int block = own.end()[number] - 1; block >= own.first()[number]; block--) {
            for (int head = kvHead * group; head < (kvHead + 1) * group; head++) {
                tile.queries(head, block * PAGE);
                int turn = (firstTurn[sequence] + block) * heads + head;
                turns.await(turn, before[block]);
                tile.addQueries(head, block * PAGE);
                turns.end(turn);
            }
        }
        tile.storeKeys();
        tile.finishBias();
    }

    /// Ranges of keys of one sequence, and the blocks of queries that see something of each.
    ///
    /// @param blocks of 64 keys in a range
    /// @param count of ranges
    /// @param first block of queries of each range
    /// @param end one past the last
    private record Ranges(int blocks, int count, int[] first, int[] end) {
        static Ranges of(VisibleKeys seen, int queries, int context, int blocks) {
            int count = Math.ceilDiv(Math.ceilDiv(context, PAGE), blocks);
            int[] first = new int[count];
            int[] end = new int[count];
            for (int row = 0; row < queries; row += PAGE) {
                int from = Integer.MAX_VALUE;
                int to = 0;
                for (int i = row; i < Math.min(queries, row + PAGE); i++) {
                    if (seen.from(i) < seen.to(i)) {
                        from = Math.min(from, seen.from(i));
                        to = Math.max(to, seen.to(i));
                    }
                }
                for (int r = from / (blocks * PAGE); r < Math.ceilDiv(to, blocks * PAGE); r++) {
                    first[r] = end[r] == 0 ? row / PAGE : first[r];
                    end[r] = row / PAGE + 1;
                }
            }
            return new Ranges(blocks, count, first, end);
        }

        /// How many ranges before this one add to each block of queries.
        int[] before(int range) {
            int[] counts = new int[end[range]];
            for (int r = 0; r < range; r++) {
                for (int block = Math.max(first[r], first[range]); block < Math.min(end[r], counts.length); block++) {
                    counts[block]++;
                }
            }
            return counts;
        }
    }

    /// rowsum(dO∘O) of every head of some tokens; and their dQuery = 0.
    private static void begin(BackwardCall call, int from, int to) {
        int dim = call.spec().valueDim();
        MemorySegment out = call.forward().out().data();
        MemorySegment dOut = call.dOut().data();
        long heads = call.spec().heads();
        int width = Math.toIntExact(heads * call.spec().headDim());
        TileProduct.clear(call.dQuery().data(), from * 4L * width, width * 4L, to - from, width);
        for (long row = from * heads; row < to * heads; row++) {
            float tail = 0;
            var sum = FloatVector.zero(FLOATS);
            int column = 0;
            for (; column + COUNT <= dim; column += COUNT) {
                long at = (row * dim + column) * 4;
                sum = FloatVector.fromMemorySegment(FLOATS, dOut, at, ORDER)
                        .fma(FloatVector.fromMemorySegment(FLOATS, out, at, ORDER), sum);
            }
            for (; column < dim; column++) {
                long at = (row * dim + column) * 4;
                tail = Math.fma(dOut.get(F32, at), out.get(F32, at), tail);
            }
            call.delta().data().set(F32, row * 4, BlockSoftmax.sum(sum) + tail);
        }
    }

    /// dSink = −Σ exp(sink − lse)·delta over all tokens.
    private static void sinks(BackwardCall call, Tensor sums) {
        Tensor sinks = call.spec().sinks().orElseThrow();
        int heads = call.spec().heads();
        int tokens = call.query().dim(0);
        for (int head = 0; head < heads; head++) {
            double sink = sinks.at(head);
            double sum = 0;
            for (int token = 0; token < tokens && sink != Double.NEGATIVE_INFINITY; token++) {
                float lse = call.forward().lse().data().get(F32, ((long) head * tokens + token) * 4);
                float delta = call.delta().data().get(F32, ((long) token * heads + head) * 4);
                sum -= Math.exp(sink - lse) * delta;
            }
            sums.data().set(F32, head * 4L, (float) sum);
        }
    }
}
