package clearhead.measure;

import clearhead.ops.Attended;
import clearhead.ops.AttentionSpec;
import clearhead.ops.Backend;
import clearhead.ops.KvView;
import clearhead.ops.Mask;
import clearhead.ops.Sequences;
import clearhead.ops.score.BlockMask;
import clearhead.tensor.DType;
import clearhead.tensor.Tensor;
import clearhead.tensor.Workspace;
import java.lang.foreign.Arena;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.SplittableRandom;

/// One attention of known size. One query a sequence reads its keys and values from the pages of a
/// cache, as decoding does; more read them as a layer made them.
///
/// @param batch sequences
/// @param queries of each sequence
/// @param keys of each sequence
/// @param backward whether gradients of query, key and value follow
public record AttentionWork(int batch, AttentionSpec spec, int queries, int keys, boolean backward) {

    /// Random inputs of this work.
    ///
    /// @param query [batch·queries, heads, headDim]
    /// @param key [batch·keys, kvHeads, headDim]
    /// @param value [batch·keys, kvHeads, headDim]
    /// @param dOut [batch·queries, heads, headDim]
    public record Inputs(Tensor query, Tensor key, Tensor value, Tensor dOut) {}

    /// The work, ready to be run again and again.
    @FunctionalInterface
    public interface Pass {
        /// What attention gave; valid until the next run.
        Attended run();
    }

    /// Floating point operations by the usual account: 4·queries·keys·headDim a head forward, 14 forward
    /// and backward, half of it for causal; for windows and other masks of intervals or blocks, of the scores
    /// that are seen.
    public double operations() {
        double width = (spec.headDim() + spec.valueDim()) / 2.0;
        return (backward ? 14.0 : 4.0) * batch * spec.heads() * width * pairs();
    }

    /// Scores of one head of one sequence.
    private double pairs() {
        if (spec.mask() instanceof Mask.Interval interval
                && !(interval instanceof Mask.Causal)
                && !(interval instanceof Mask.Bidirectional)) {
            double seen = 0;
            for (int query = 0; query < queries; query++) {
                int position = keys - queries + query;
                seen += Math.max(0, Math.min(keys, interval.to(0, position)) - Math.max(0, interval.from(0, position)));
            }
            return seen;
        }
        if (spec.mask() instanceof Mask.Blocks(BlockMask blocks)) {
            double seen = 0;
            for (int query = 0; query < queries; query++) {
                for (int block = 0; block < Math.ceilDiv(keys, BlockMask.SIDE); block++) {
                    seen += Long.bitCount(blocks.word(0, 0, keys - queries + query, block));
                }
            }
            return seen;
        }
        double all = (double) queries * keys;
        return spec.mask() instanceof Mask.Causal && queries > 1 ? all / 2 : all;
    }

    /// Whether this is softmax(q·kᵀ·scale)·v, all of it or causal: what every library has.
    public boolean isPlain() {
        boolean known = spec.mask() instanceof Mask.Causal || spec.mask() instanceof Mask.Bidirectional;
        return known && spec.hasPlainScores() && spec.sinks().isEmpty();
    }

    /// Bytes of keys and values, which decoding reads once.
    public double cacheBytes() {
        return 2.0 * Float.BYTES * batch * keys * spec.kvHeads() * spec.headDim();
    }

    /// Standard normal inputs, the same for the same seed.
    public Inputs inputs(Arena arena, long seed) {
        var random = new SplittableRandom(seed);
        int tokens = Math.multiplyExact(batch, queries);
        int rows = Math.multiplyExact(batch, keys);
        return new Inputs(
                normal(arena, random, tokens, spec.heads(), spec.headDim()),
                normal(arena, random, rows, spec.kvHeads(), spec.headDim()),
                normal(arena, random, rows, spec.kvHeads(), spec.headDim()),
                normal(arena, random, tokens, spec.heads(), spec.headDim()));
    }

    /// The work itself, ready to be run again and again; each run begins by emptying `workspace`.
    ///
    /// @param arena holds the cache of decoding
    public Pass on(Backend backend, Workspace workspace, Arena arena, Inputs inputs) {
        var ops = backend.ops(workspace);
        var rows = Sequences.equal(batch, queries);
        var contexts = Sequences.equal(batch, keys);
        if (queries == 1 && !backward) {
            KvView.Paged cache = cache(arena);
            ops.store(inputs.key(), inputs.value(), contexts, cache);
            return () -> {
                workspace.reset();
                return ops.attention(inputs.query(), rows, cache, spec);
            };
        }
        var adjoints = backend.adjoints(workspace);
        var packed = new KvView.Packed(inputs.key(), inputs.value(), contexts);
        return () -> {
            workspace.reset();
            var forward = ops.attention(inputs.query(), rows, packed, spec);
            if (backward) {
                adjoints.attention(inputs.query(), rows, packed, spec, forward, inputs.dOut());
            }
            return forward;
        };
    }

    private KvView.Paged cache(Arena arena) {
        int pages = Math.ceilDiv(keys, KvView.PAGE);
        int[][] table = new int[batch][pages];
        for (int s = 0; s < batch; s++) {
            int first = s * pages;
            Arrays.setAll(table[s], p -> first + p);
        }
        int[] lengths = new int[batch];
        Arrays.fill(lengths, keys);
        int all = Math.multiplyExact(batch, pages);
        return new KvView.Paged(
                Tensor.zeros(arena, DType.F32, all, spec.kvHeads(), spec.headDim(), KvView.PAGE),
                Tensor.zeros(arena, DType.F32, all, spec.kvHeads(), KvView.PAGE, spec.headDim()),
                table,
                lengths);
    }

    /// A new tensor of standard normal numbers.
    public static Tensor normal(Arena arena, SplittableRandom random, int... dims) {
        Tensor tensor = Tensor.zeros(arena, DType.F32, dims);
        for (long i = 0; i < tensor.size(); i++) {
            tensor.data().setAtIndex(ValueLayout.JAVA_FLOAT, i, (float) random.nextGaussian());
        }
        return tensor;
    }
}
