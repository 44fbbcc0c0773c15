package clearhead.ops.cpu.vector;

import clearhead.ops.Attended;
import clearhead.ops.AttentionSpec;
import clearhead.ops.Checks;
import clearhead.ops.KvView;
import clearhead.ops.Sequences;
import clearhead.ops.cpu.Workers;
import clearhead.tensor.DType;
import clearhead.tensor.Tensor;
import clearhead.tensor.Workspace;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/// Fused attention in linear memory, and the storing of keys and values.
/// FlashAttention-2, Dao 2023, arXiv:2307.08691, algorithm 1.
///
/// A [ForwardTile] is one sequence, one kv head and about 64 rows, where the rows of a kv head are all
/// its query heads of one token, then of the next: so a cached key is read once for its whole group.
/// Blocks of 64 keys lie at absolute positions and are taken in order, in segments that are merged
/// in order ([BlockSoftmax#SEGMENT]), and a row's arithmetic depends on nothing but its own query and
/// the keys it may see. Packed or paged, in chunks or token by token, alone or in a batch, on any
/// number of threads, the segments one after the other or at once: the same bits.
///
/// Keys and values are copied into arrays in the order in which they are read ([KeyBlocks]), a few heads
/// at a time, so that the copies stay in the cache and take at most 32 MiB, or one head's keys and values
/// where these are more.
final class AttentionForward {
    private static final int PAGE = KvView.PAGE;

    /// Up to so many keys, a kv head's blocks are made by the task that reads them, so that they never
    /// leave the second cache level.
    private static final int SHORT = 512;

    /// Floats of the blocks that are made at once, for each thread and in all.
    private static final long SHARED_EACH = 1 << 18;

    private static final long SHARED = 1 << 23;

    /// Floats of one head's blocks above which each tile makes its own, one at a time.
    private static final long LARGEST = 1 << 28;

    private final Workers workers;
    private final Tensor query;
    private final Sequences queries;
    private final KvView past;
    private final AttentionSpec spec;
    private final Optional<ScoreExtras> extras;
    private final Attended result;

    private AttentionForward(
            Workers workers, Tensor query, Sequences queries, KvView past, AttentionSpec spec, Attended result) {
        this.workers = workers;
        this.query = query;
        this.queries = queries;
        this.past = past;
        this.spec = spec;
        this.result = result;
        extras = ScoreExtras.areNeeded(spec) ? Optional.of(ScoreExtras.of(spec, queries, past)) : Optional.empty();
    }

    static void store(Workers workers, Tensor key, Tensor value, Sequences queries, KvView.Paged past) {
        Checks.store(key, value, queries, past);
        KeyPages.store(workers, key, value, queries, past);
    }

    static Attended attention(
            Workspace workspace, Workers workers, Tensor query, Sequences queries, KvView past, AttentionSpec spec) {
        Checks.attention(query, queries, past, spec);
        Checks.type("attention", "query", query, DType.F32);
        Tensor out = workspace.take(DType.F32, query.dim(0), spec.heads(), spec.valueDim());
        Tensor lse = workspace.take(DType.F32, spec.heads(), query.dim(0));
        var result = new Attended(out, lse);
        boolean[] few = AttentionDecode.few(queries, past, spec);
        if (past instanceof KvView.Paged paged && anyOf(few)) {
            long mark = workspace.mark();
            AttentionDecode.attention(workspace, workers, query, queries, paged, spec, few, result);
            workspace.release(mark);
        }
        new AttentionForward(workers, query, queries, past, spec, result).run(few);
        return result;
    }

    private static boolean anyOf(boolean[] flags) {
        for (boolean flag : flags) {
            if (flag) {
                return true;
            }
        }
        return false;
    }

    /// The rows and blocks of one kv head of one sequence.
    ///
    /// @param first number of the first block that a row sees
    /// @param count blocks from there to the last that a row sees
    private record Unit(int sequence, int kvHead, VisibleKeys visible, int rows, int first, int count) {
        long floats(AttentionSpec spec) {
            return (long) count * KeyBlocks.floats(spec.headDim(), spec.valueDim());
        }

        boolean isOneTile() {
            return rows <= ForwardTile.ROWS;
        }

        boolean isShort() {
            return count * PAGE <= SHORT;
        }
    }

    /// @param done sequences whose rows are not computed here
    private void run(boolean[] done) {
        List<Unit> alone = new ArrayList<>();
        List<Unit> shared = new ArrayList<>();
        boolean few = queries.count() * (long) spec.kvHeads() < 4;
        for (int s = 0; s < queries.count(); s++) {
            if (queries.length(s) == 0 || done[s]) {
                continue;
            }
            VisibleKeys visible = VisibleKeys.of(spec, s, queries.length(s), past.length(s));
            int first = Integer.MAX_VALUE;
            int end = 0;
            for (int i = 0; i < queries.length(s); i++) {
                if (visible.from(i) < visible.to(i)) {
                    first = Math.min(first, visible.from(i) / PAGE);
                    end = Math.max(end, Math.ceilDiv(visible.to(i), PAGE));
                }
            }
            int rows = Math.multiplyExact(queries.length(s), spec.heads() / spec.kvHeads());
            for (int h = 0; h < spec.kvHeads(); h++) {
                var unit = new Unit(s, h, visible, rows, Math.min(first, end), Math.max(0, end - first));
                boolean byItself = unit.isOneTile() || unit.isShort() && !few || unit.floats(spec) > LARGEST;
                (byItself ? alone : shared).add(unit);
            }
        }
        if (!alone.isEmpty()) {
            workers.run(alone.size(), task -> alone(alone.get(task)));
        }
        long most = Math.min(SHARED, SHARED_EACH * workers.threads());
        for (int from = 0; from < shared.size(); ) {
            int to = from;
            long floats = 0;
            while (to < shared.size() && (to == from || floats + shared.get(to).floats(spec) <= most)) {
                floats += shared.get(to++).floats(spec);
            }
            together(shared.subList(from, to), (int) floats);
            from = to;
        }
    }

    private ForwardTile tile(Unit unit) {
        float[] m = FloatScratch.of(FloatScratch.Use.TILE, ForwardTile.floats(spec));
        return new ForwardTile(query, queries, spec, extras, result, unit.sequence, unit.kvHead, unit.visible, m);
    }

    private KeyBlocks blocks(Unit unit, boolean one, float[] memory, int at) {
        return new KeyBlocks(
                past,
                unit.sequence,
                unit.kvHead,
                spec.headDim(),
                spec.valueDim(),
                unit.first,
                one,
                memory,
                at,
                new boolean[one ? 1 : unit.count]);
    }

    /// A whole unit in one task.
    private void alone(Unit unit) {
        boolean one = unit.isOneTile() || !unit.isShort();
        int floats = KeyBlocks.floats(spec.headDim(), spec.valueDim());
        float[] memory = FloatScratch.of(FloatScratch.Use.OWN_BLOCKS, one ? floats : unit.count * floats);
        KeyBlocks blocks = blocks(unit, one, memory, 0);
        ForwardTile tile = tile(unit);
        if (!one) {
            for (int block = unit.first; block < unit.first + unit.count; block++) {
                blocks.make(block);
            }
        }
        for (int from = 0; from < unit.rows; from += ForwardTile.ROWS) {
            tile.run(blocks, one, from, Math.min(unit.rows, from + ForwardTile.ROWS));
        }
    }

    /// Several units whose tiles are tasks, after their blocks have been made.
    private void together(List<Unit> units, int floats) {
        float[] memory = floats <= SHARED ? FloatScratch.of(FloatScratch.Use.SHARED_BLOCKS, floats) : new float[floats];
        var blocks = new KeyBlocks[units.size()];
        int[] firstBlock = new int[units.size() + 1];
        int[] firstTile = new int[units.size() + 1];
        int size = KeyBlocks.floats(spec.headDim(), spec.valueDim());
        for (int u = 0; u < units.size(); u++) {
            Unit unit = units.get(u);
            blocks[u] = blocks(unit, false, memory, firstBlock[u] * size);
            firstBlock[u + 1] = firstBlock[u] + unit.count;
            firstTile[u + 1] = Math.addExact(firstTile[u], Math.ceilDiv(unit.rows, ForwardTile.ROWS));
        }
        if (firstBlock[units.size()] > 0) {
            workers.run(firstBlock[units.size()], task -> {
                int u = Tasks.owner(firstBlock, task);
                blocks[u].make(units.get(u).first + task - firstBlock[u]);
            });
        }
        workers.run(firstTile[units.size()], task -> {
            int u = Tasks.owner(firstTile, task);
            Unit unit = units.get(u);
            // The last rows see most keys: they begin first.
            int from = (firstTile[u + 1] - 1 - task) * ForwardTile.ROWS;
            tile(unit).run(blocks[u], false, from, Math.min(unit.rows, from + ForwardTile.ROWS));
        });
    }
}
