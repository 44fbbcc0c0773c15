package clearhead.inspect;

import clearhead.nn.Attention;
import clearhead.nn.Block;
import clearhead.nn.ForwardPass;
import clearhead.nn.Probe;
import clearhead.nn.Site;
import clearhead.nn.Transformer;
import clearhead.ops.Ops;
import clearhead.tensor.DType;
import clearhead.tensor.Tensor;
import java.lang.foreign.Arena;
import java.util.EnumMap;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.CancellationException;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;

/// One text, run once through a model, perhaps with changes: all that is asked about it later is
/// answered from what is kept here. The run itself is not changed by a bit.
///
/// Kept are, of every layer, what enters it [tokens, dim], its rotated query, its key, value and
/// weighted sum z (each [tokens, heads or kvHeads, headDim]) and the log-sum-exp [heads, tokens]; and
/// what leaves the last block. So memory grows linearly with the text: about
/// 4·layers·(dim + headDim·(2·heads + 2·kvHeads) + heads) bytes a token, and up to
/// [#TILE_BYTES] more of tiles that were looked at. The rest is computed again by the same
/// operations, which give the same bits.
///
/// May be read by several threads at once; close it when nobody reads.
public final class Run implements AutoCloseable {
    /// Told after every layer, and asked whether to go on.
    @FunctionalInterface
    public interface Progress {
        /// Never cancels.
        Progress NONE = (done, of) -> true;

        /// @return false to cancel: [Run#of] then throws a [CancellationException]
        boolean layer(int done, int of);
    }

    /// Bytes a token that tiles of the attention map may take.
    public static final int TILE_BYTES = 1024;

    private final Transformer model;
    private final int[] ids;
    private final Arena arena;
    private final Layer[] layers;
    private final Tiles tiles;
    private final Tensor last;
    private final long bytes;
    private final Map<Integer, double[][]> norms = new ConcurrentHashMap<>();

    private Run(Transformer model, int[] ids, Keeping kept) {
        this.model = model;
        this.ids = ids;
        arena = kept.arena;
        layers = new Layer[kept.layers.length];
        long sum = 0;
        for (int n = 0; n < layers.length; n++) {
            layers[n] = kept.layers[n].layer();
            sum += layers[n].bytes();
        }
        tiles = new Tiles((long) TILE_BYTES * ids.length);
        last = Objects.requireNonNull(kept.last);
        bytes = sum + last.data().byteSize();
    }

    /// Runs a text as it is.
    public static Run of(Transformer model, Ops ops, int... ids) {
        return of(model, ops, ids, Probe.NONE, Progress.NONE);
    }

    /// Runs a text with changes.
    ///
    /// @param ids one text from its beginning; at least one token, at most the model's context
    /// @param changes a probe that replaces values, or [Probe#NONE]
    public static Run of(Transformer model, Ops ops, int[] ids, Probe changes, Progress progress) {
        if (ids.length == 0 || ids.length > model.context()) {
            throw new IllegalArgumentException(
                    "a run needs 1 to " + model.context() + " tokens (the model's context), got " + ids.length);
        }
        var keeping = new Keeping(model.layers(), changes, progress);
        long mark = ops.workspace().mark();
        try {
            model.forward(ForwardPass.of(ops, ids).with(keeping).lastLogits());
            return new Run(model, ids.clone(), keeping);
        } catch (RuntimeException | Error e) {
            keeping.arena.close();
            throw e;
        } finally {
            ops.workspace().release(mark);
        }
    }

    public Transformer model() {
        return model;
    }

    /// The text, swaps made.
    public int[] ids() {
        return ids.clone();
    }

    public int tokens() {
        return ids.length;
    }

    /// Memory kept: what there is outside the heap, and the most that tiles may take.
    public long bytes() {
        return bytes + (long) TILE_BYTES * ids.length;
    }

    /// Pooled tiles that somebody has looked at.
    Tiles tiles() {
        return tiles;
    }

    /// The attention pattern of a layer, row by row when somebody looks.
    public PatternRows pattern(int layer) {
        return layers[layer].pattern.orElseThrow(() -> without(layer));
    }

    /// What enters a layer.
    ///
    /// @return [tokens, dim]
    public Tensor residual(int layer) {
        return layers[layer].residual();
    }

    /// What leaves the last block.
    ///
    /// @return [tokens, dim]
    public Tensor lastResidual() {
        return last;
    }

    /// The heads' weighted sums of a layer as they went on to Wo, changes made.
    ///
    /// @return [tokens, heads, headDim]
    public Tensor z(int layer) {
        return layers[layer].z().orElseThrow(() -> without(layer));
    }

    private IllegalArgumentException without(int layer) {
        return new IllegalArgumentException("layer " + layer
                + " has no attention to see; the layers with attention are " + model.attentionLayers());
    }

    /// What the model predicts after a token.
    ///
    /// @return [vocab]
    public double[] logits(Ops ops, int position) {
        long mark = ops.workspace().mark();
        try {
            var pass = ForwardPass.of(ops, ids[position]);
            Tensor x = model.finalNorm().forward(pass, last.rows(position, position + 1));
            return model.logits(pass, x).toDoubles();
        } finally {
            ops.workspace().release(mark);
        }
    }

    /// ‖v·Wo‖: how long every value is once its head has written it to the residual stream. Made when
    /// first asked for.
    ///
    /// @return [heads][tokens]
    double[][] valueNorms(Ops ops, int layer) {
        return norms.computeIfAbsent(layer, at -> newNorms(ops, at));
    }

    private double[][] newNorms(Ops ops, int layer) {
        Attention attention = model.attention(layer);
        PatternRows rows = pattern(layer);
        var spec = rows.spec();
        var result = new double[spec.heads()][ids.length];
        for (int head = 0; head < spec.heads(); head++) {
            long mark = ops.workspace().mark();
            // The products of each two of Wo's columns of this head.
            Tensor columns = HeadOutput.columns(attention, ops, head); // [headDim, dim]
            Tensor gram = ops.linear(columns, columns); // [headDim, headDim]
            Tensor values = ops.workspace().take(DType.F32, ids.length, spec.valueDim());
            rows.copyValues(head, values);
            float[] product = ops.linear(values, gram).toFloats(); // [tokens, headDim]
            float[] value = values.toFloats();
            for (int t = 0; t < ids.length; t++) {
                double square = 0;
                for (int e = t * spec.valueDim(); e < (t + 1) * spec.valueDim(); e++) {
                    square += (double) product[e] * value[e];
                }
                result[head][t] = Math.sqrt(Math.max(0, square));
            }
            ops.workspace().release(mark);
        }
        return result;
    }

    /// Weights rebuilt and multiplied by the values, against the run's own.
    ///
    /// @param most how many query rows to compare at most
    public Parity parity(int layer, int head, int most) {
        return pattern(layer).parity(head, most);
    }

    /// One head and query with all that its layer computed. Close it when done looking; it may not
    /// outlive the run.
    @SuppressWarnings("MustBeClosedChecker") // the look closes it
    public Look look(Ops ops, int layer, int head, int query) {
        Attention attention = model.attention(layer);
        var spec = attention.spec();
        var values = new EnumMap<Site, Tensor>(Site.class);
        Arena own = Arena.ofShared();
        long mark = ops.workspace().mark();
        try {
            var pass = ForwardPass.of(ops, ids);
            Tensor x = residual(layer);
            Block block = model.blocks().get(layer);
            Tensor h = block.mixerInput(pass, x);
            var heads = attention.project(pass, h);
            Tensor q = heads.query();
            Tensor k = heads.key();
            Tensor v = heads.value();
            int width = spec.heads() * spec.valueDim();
            Tensor gated = attention.gate().forward(pass, h, z(layer).reshape(ids.length, width));
            Tensor out = block.mixerOutput(pass, attention.output().forward(pass, gated));
            Tensor mid = block.afterMixer(pass, x, out);
            values.put(Site.RESID_PRE, x);
            values.put(Site.Z, z(layer));
            for (Map.Entry<Site, Tensor> made : Map.of(
                            Site.ATTN_NORM, h,
                            Site.Q_PRE, q,
                            Site.K_PRE, k,
                            Site.V, v,
                            Site.ATTN_OUT, out,
                            Site.RESID_MID, mid)
                    .entrySet()) {
                values.put(made.getKey(), made.getValue().copy(own));
            }
        } catch (RuntimeException | Error e) {
            own.close();
            throw e;
        } finally {
            ops.workspace().release(mark);
        }
        return new Look(
                model,
                ids,
                layer,
                head,
                query,
                values,
                pattern(layer),
                Elements.row(last, query),
                logits(ops, query),
                own);
    }

    @Override
    public void close() {
        arena.close();
    }

    /// @param residual [tokens, dim]: what enters
    /// @param changed [tokens, heads, headDim]: z, if it is not the pattern's own
    /// @param pattern where the layer has attention
    private record Layer(Tensor residual, Optional<Tensor> changed, Optional<PatternRows> pattern) {
        Optional<Tensor> z() {
            return changed.or(() -> pattern.map(PatternRows::out));
        }

        long bytes() {
            return residual.data().byteSize()
                    + pattern.map(PatternRows::bytes).orElse(0L)
                    + changed.map(z -> z.data().byteSize()).orElse(0L);
        }
    }

    /// What is kept of a layer while it runs.
    private static final class Growing {
        private @Nullable Tensor residual;
        private @Nullable Tensor z;
        private @Nullable PatternRows pattern;

        Layer layer() {
            return new Layer(Objects.requireNonNull(residual), Optional.ofNullable(z), Optional.ofNullable(pattern));
        }
    }

    /// Makes the changes and keeps what [Run] needs.
    private static final class Keeping implements Probe {
        private final Arena arena = Arena.ofShared();
        private final Growing[] layers;
        private final Probe changes;
        private final Progress progress;
        private @Nullable Tensor last;

        Keeping(int layers, Probe changes, Progress progress) {
            this.layers = new Growing[layers];
            for (int n = 0; n < layers; n++) {
                this.layers[n] = new Growing();
            }
            this.changes = changes;
            this.progress = progress;
        }

        @Override
        public Interest wants(Site site, int layer) {
            Interest wanted = changes.wants(site, layer);
            boolean kept = switch (site) {
                case RESID_PRE, PATTERN, RESID_POST -> true;
                default -> false;
            };
            return wanted == Interest.NONE && kept ? Interest.READ : wanted;
        }

        @Override
        public Tensor see(Site site, int layer, Tensor value) {
            Tensor seen = changes.wants(site, layer) == Interest.NONE ? value : changes.see(site, layer, value);
            switch (site) {
                case RESID_PRE -> layers[layer].residual = seen.copy(arena);
                case Z -> layers[layer].z = seen.copy(arena);
                case RESID_POST -> {
                    if (layer == layers.length - 1) {
                        last = seen.copy(arena);
                    }
                    if (!progress.layer(layer + 1, layers.length)) {
                        throw new CancellationException("the run was cancelled after layer " + layer);
                    }
                }
                default -> {}
            }
            return seen;
        }

        @Override
        public void attended(int layer, Attention attention) {
            if (changes.wants(Site.PATTERN, layer) == Interest.READ
                    || changes.wants(Site.SCORES, layer) == Interest.READ) {
                changes.attended(layer, attention);
            }
            layers[layer].pattern = changes instanceof Intervention made
                    ? made.pattern(layer)
                            .map(cut -> cut.copy(arena))
                            .orElseGet(() -> PatternRows.copy(attention, 0, arena))
                    : PatternRows.copy(attention, 0, arena);
        }
    }
}
