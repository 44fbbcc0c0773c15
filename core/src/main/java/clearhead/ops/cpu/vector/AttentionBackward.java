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
import jdk.incubator.vector.FloatVector;

/// Backward of fused attention in linear memory: the weights of a block are rebuilt from its scores
/// and the forward pass's log-sum-exp. FlashAttention-2, Dao 2023, arXiv:2307.08691, algorithm 2.
///
/// ```
/// S = Q·Kᵀ   P = exp(S·scale − lse)   dV += Pᵀ·dO   dP = dO·Vᵀ
/// dS = P∘(dP − rowsum(dO∘O))·scale    dK += dSᵀ·Q   dQ += dS·K
/// ```
///
/// A task is a range of key blocks of one kv head of one sequence. It takes the query heads of the
/// group in order, for each the blocks of 64 queries that see the keys, for each its key blocks in
/// order. dKey and dValue of the range are its own. What it has for dQuery of a block it adds when
/// all ranges before have added theirs ([Turns]). How long a range is depends on the sequence and on
/// the model alone, so every sum has one order whatever the number of threads, and alone or in a
/// batch.
final class AttentionBackward {
    private static final int PAGE = KvView.PAGE;

    /// Floats of keys and values of a range: with all that is made of them and the tiles of a block of
    /// queries, two thirds of a second cache level of 1 MB.
    private static final int RANGE = 256 * 128;

    /// Tasks of a sequence that are enough for many cores.
    private static final int TASKS = 32;

    /// Heads whose queries are gone through at the same time.
    private static final int ABREAST = 4;

    private final Tensor query;
    private final Sequences queries;
    private final KvView.Packed past;
    private final AttentionSpec spec;
    private final Attended forward;
    private final Tensor dOut;
    private final Adjoints.Attention gradient;
    private final Tensor delta;

    private AttentionBackward(
            Tensor query,
            Sequences queries,
            KvView.Packed past,
            AttentionSpec spec,
            Attended forward,
            Tensor dOut,
            Adjoints.Attention gradient,
            Tensor delta) {
        this.query = query;
        this.queries = queries;
        this.past = past;
        this.spec = spec;
        this.forward = forward;
        this.dOut = dOut;
        this.gradient = gradient;
        this.delta = delta;
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
        var gradient = new Adjoints.Attention(
                workspace.take(DType.F32, query.shape()),
                workspace.take(DType.F32, past.key().shape()),
                workspace.take(DType.F32, past.value().shape()));
        long mark = workspace.mark();
        Tensor delta = workspace.take(DType.F32, query.dim(0), spec.heads());
        new AttentionBackward(query, queries, past, spec, forward, dOut, gradient, delta).run(workers);
        workspace.release(mark);
        return gradient;
    }

    private void run(Workers workers) {
        workers.run(Math.ceilDiv(query.dim(0), PAGE), task -> {
            int from = task * PAGE;
            deltas(from, Math.min(query.dim(0), from + PAGE));
        });
        int[] firstTask = new int[queries.count() + 1];
        int[] firstBlock = new int[queries.count() + 1];
        for (int s = 0; s < queries.count(); s++) {
            int ranges = Math.ceilDiv(Math.ceilDiv(past.length(s), PAGE), blocksOfRange(s));
            firstTask[s + 1] = Math.addExact(firstTask[s], Math.multiplyExact(ranges, spec.kvHeads()));
            firstBlock[s + 1] = firstBlock[s] + Math.ceilDiv(queries.length(s), PAGE);
        }
        var turns = new Turns(Math.multiplyExact(firstBlock[queries.count()], spec.heads()));
        workers.run(firstTask[queries.count()], task -> {
            int s = Tasks.owner(firstTask, task);
            int ranges = (firstTask[s + 1] - firstTask[s]) / spec.kvHeads();
            int local = task - firstTask[s];
            int firstHead = local / (ABREAST * ranges) * ABREAST;
            int heads = Math.min(ABREAST, spec.kvHeads() - firstHead);
            local -= firstHead * ranges;
            try {
                range(s, firstHead + local % heads, local / heads, turns, firstBlock[s]);
            } catch (Throwable t) {
                turns.fail();
                throw t;
            }
        });
    }

    private int blocksOfRange(int sequence) {
        int most = RANGE / PAGE / Math.max(spec.headDim(), spec.valueDim());
        long blocks = (long) Math.ceilDiv(past.length(sequence), PAGE) * spec.kvHeads();
        return (int) Math.clamp(blocks / TASKS, 1, Math.max(1, most));
    }

    private void range(int sequence, int kvHead, int number, Turns turns, int firstTurn) {
        int group = spec.heads() / spec.kvHeads();
        int blocks = blocksOfRange(sequence);
        int from = number * blocks * PAGE;
        int to = Math.min(past.length(sequence), from + blocks * PAGE);
        int count = queries.length(sequence);
        int seeing = Visible.firstQuery(spec.mask(), count, past.length(sequence), from);
        var tile = new BackwardTile(
                query, queries, past, spec, forward, dOut, gradient, delta, sequence, kvHead, from, to);
        tile.loadKeys();
        for (int g = 0; g < group; g++) {
            int head = kvHead * group + g;
            for (int row = seeing / PAGE * PAGE; row < count; row += PAGE) {
                tile.queries(head, row);
                int turn = (firstTurn + row / PAGE) * spec.heads() + head;
                turns.await(turn, number);
                tile.addQueries(head, row);
                turns.end(turn);
            }
        }
        tile.storeKeys();
    }

    /// rowsum(dO∘O) of every head of some tokens; and their dQuery = 0.
    private void deltas(int from, int to) {
        int dim = spec.valueDim();
        MemorySegment out = forward.out().data();
        long heads = spec.heads();
        TileProduct.clear(
                gradient.dQuery().data(),
                from * heads * spec.headDim() * 4,
                heads * spec.headDim() * 4,
                to - from,
                (int) heads * spec.headDim());
        for (long row = from * heads; row < to * heads; row++) {
            float tail = 0;
            var sum = FloatVector.zero(FLOATS);
            int column = 0;
            for (; column + COUNT <= dim; column += COUNT) {
                long at = (row * dim + column) * 4;
                sum = FloatVector.fromMemorySegment(FLOATS, dOut.data(), at, ORDER)
                        .fma(FloatVector.fromMemorySegment(FLOATS, out, at, ORDER), sum);
            }
            for (; column < dim; column++) {
                long at = (row * dim + column) * 4;
                tail = Math.fma(dOut.data().get(F32, at), out.get(F32, at), tail);
            }
            delta.data().set(F32, row * 4, BlockSoftmax.sum(sum) + tail);
        }
    }
}
