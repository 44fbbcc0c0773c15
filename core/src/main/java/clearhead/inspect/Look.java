package clearhead.inspect;

import clearhead.nn.ForwardPass;
import clearhead.nn.Probe;
import clearhead.nn.Site;
import clearhead.nn.Transformer;
import clearhead.ops.Ops;
import clearhead.tensor.Tensor;
import java.lang.foreign.Arena;
import java.util.EnumMap;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;

/// One pass over one text, and all that one layer computed in it. Close it when done looking.
///
/// Where layer or head are not said, the head with the strongest single look is taken: the one that
/// gives the query's largest weight to one earlier token, the first token (where many heads put what
/// they have no use for) not counted; of equals the first.
public final class Look implements AutoCloseable {
    private final Transformer model;
    private final int[] ids;
    private final int layer;
    private final int head;
    private final int query;
    private final Map<Site, Tensor> values;
    private final PatternRows pattern;
    private final double[] finalResidual;
    private final double[] logits;
    private final Arena arena;

    /// @param values what the layer computed, for all tokens
    /// @param finalResidual [dim]: what leaves the last block at the query
    /// @param logits [vocab]: what the model predicts after the query
    /// @param arena closed with this look
    Look(
            Transformer model,
            int[] ids,
            int layer,
            int head,
            int query,
            Map<Site, Tensor> values,
            PatternRows pattern,
            double[] finalResidual,
            double[] logits,
            Arena arena) {
        this.model = model;
        this.ids = ids;
        this.layer = layer;
        this.head = head;
        this.query = query;
        this.values = values;
        this.pattern = pattern;
        this.finalResidual = finalResidual;
        this.logits = logits;
        this.arena = arena;
    }

    /// Runs the model once and looks.
    ///
    /// @param ids one text from its beginning; at least one token, at most the model's context
    /// @param layer the layer to look at, if said
    /// @param head the head to look at, if said
    /// @param query row of the query
    public static Look at(Transformer model, Ops ops, int[] ids, OptionalInt layer, OptionalInt head, int query) {
        if (layer.isPresent()) {
            require("layer", layer.getAsInt(), model.layers());
        }
        require("query", query, ids.length);
        model.requireAttention();
        layer.ifPresent(model::attention);
        for (int attending : model.attentionLayers()) {
            if (head.isPresent()) {
                require(
                        "head",
                        head.getAsInt(),
                        model.attention(attending).spec().heads());
            }
        }
        var choosing = new Choosing(model.layers() - 1, layer, head, query);
        long mark = ops.workspace().mark();
        try {
            Tensor logits =
                    model.forward(ForwardPass.of(ops, ids).with(choosing).logitsOf(query));
            Kept best = choosing.best;
            if (choosing.current != best) {
                choosing.current.arena.close();
            }
            return new Look(
                    model,
                    ids.clone(),
                    choosing.bestLayer,
                    choosing.bestHead,
                    query,
                    best.values,
                    best.pattern.orElseThrow(),
                    choosing.finalResidual,
                    logits.toDoubles(),
                    best.arena);
        } catch (RuntimeException | Error e) {
            choosing.close();
            throw e;
        } finally {
            ops.workspace().release(mark);
        }
    }

    private static void require(String what, int index, int count) {
        if (index < 0 || index >= count) {
            throw new IllegalArgumentException(
                    what + " " + index + " is out of range: there are " + count + ", numbered 0 to " + (count - 1));
        }
    }

    public Transformer model() {
        return model;
    }

    /// The text.
    public int[] ids() {
        return ids.clone();
    }

    public int layer() {
        return layer;
    }

    public int head() {
        return head;
    }

    public int query() {
        return query;
    }

    /// The pattern of the layer.
    public PatternRows pattern() {
        return pattern;
    }

    /// The row of the chosen head and query.
    public AttentionRow row() {
        return pattern().row(head(), query);
    }

    /// What the layer computed at a site, for all tokens: RESID_PRE, ATTN_NORM, Q_PRE, K_PRE, V, Z,
    /// ATTN_OUT or RESID_MID.
    public Tensor at(Site site) {
        Tensor t = values.get(site);
        if (t == null) {
            throw new IllegalArgumentException("a look does not keep " + site.label());
        }
        return t;
    }

    /// What leaves the last block at the query.
    ///
    /// @return [dim]
    public double[] finalResidual() {
        return finalResidual.clone();
    }

    /// The model's prediction after the query.
    ///
    /// @return [vocab]
    public double[] logits() {
        return logits.clone();
    }

    @Override
    public void close() {
        arena.close();
    }

    /// Copies of one layer's values.
    private static final class Kept {
        private final Arena arena = Arena.ofShared();
        private final Map<Site, Tensor> values = new EnumMap<>(Site.class);
        private Optional<PatternRows> pattern = Optional.empty();
    }

    /// Keeps the layer whose row is the strongest so far.
    private static final class Choosing implements Probe {
        private final int lastLayer;
        private final OptionalInt layer;
        private final OptionalInt head;
        private final int query;
        private Kept current = new Kept();
        private Kept best = current;
        private int bestLayer = -1;
        private int bestHead;
        private double bestWeight = -1;
        private double[] finalResidual = {};

        Choosing(int lastLayer, OptionalInt layer, OptionalInt head, int query) {
            this.lastLayer = lastLayer;
            this.layer = layer;
            this.head = head;
            this.query = query;
        }

        @Override
        public Interest wants(Site site, int at) {
            if (site == Site.RESID_POST) {
                return at == lastLayer ? Interest.READ : Interest.NONE;
            }
            if (!site.perLayer() || (layer.isPresent() && layer.getAsInt() != at)) {
                return Interest.NONE;
            }
            return switch (site) {
                case RESID_PRE, ATTN_NORM, Q_PRE, K_PRE, V, PATTERN -> Interest.READ;
                case Z, ATTN_OUT, RESID_MID -> at == bestLayer ? Interest.READ : Interest.NONE;
                default -> Interest.NONE;
            };
        }

        @Override
        public Tensor see(Site site, int at, Tensor value) {
            if (site == Site.RESID_POST) {
                finalResidual = Elements.row(value, query);
                return value;
            }
            if (site == Site.RESID_PRE && current == best && bestLayer >= 0) {
                current = new Kept();
            }
            Kept into = at == bestLayer ? best : current;
            into.values.put(site, value.copy(into.arena));
            return value;
        }

        @Override
        public void attended(int at, Attention attention) {
            int strongest = -1;
            double weight = bestWeight;
            try (Arena arena = Arena.ofConfined()) {
                PatternRows rows = PatternRows.of(attention, 0, arena);
                int heads = attention.spec().heads();
                int from = head.orElse(0);
                int to = head.isPresent() ? from + 1 : heads;
                for (int h = from; h < to; h++) {
                    double look = look(rows.row(h, query), rows.position(query));
                    if (look > weight) {
                        weight = look;
                        strongest = h;
                    }
                }
            }
            if (strongest < 0) {
                current.arena.close();
                current = new Kept();
                return;
            }
            if (best != current) {
                best.arena.close();
            }
            best = current;
            bestLayer = at;
            bestHead = strongest;
            bestWeight = weight;
            best.pattern = Optional.of(PatternRows.copy(attention, 0, best.arena));
        }

        /// The largest weight on an earlier token that is not the first; NaN counts as none.
        private static double look(AttentionRow row, int position) {
            double largest = 0;
            for (int key = 1; key < position; key++) {
                if (row.weights()[key] > largest) {
                    largest = row.weights()[key];
                }
            }
            return largest;
        }

        void close() {
            if (current != best) {
                current.arena.close();
            }
            best.arena.close();
        }
    }
}
