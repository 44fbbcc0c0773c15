package clearhead.inspect;

import clearhead.nn.Probe;
import clearhead.nn.Site;
import clearhead.ops.Ops;
import clearhead.tensor.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;

/// [Interventions] at work in one pass over one sequence, without a cache. Other probes that read the same pass must be
/// told of each value after this one.
public final class Intervention implements Probe {
    private final List<Change> changes;
    private final Ops ops;
    private final Map<Change, double[]> values;
    private final Map<Integer, Cuts> cuts = new HashMap<>();
    private Optional<PatternRows> pattern = Optional.empty();
    private int patternLayer = -1;

    /// @param values the mean of every [Change.HeadMean] and the vector of every [Change.Patch]
    Intervention(Interventions interventions, Ops ops, Map<Change, double[]> values) {
        this.changes = interventions.changes();
        this.ops = ops;
        this.values = values;
    }

    Map<Change, double[]> values() {
        return values;
    }

    private Cuts cuts(int layer) {
        return cuts.computeIfAbsent(layer, at -> Cuts.of(changes, at));
    }

    @Override
    public Interest wants(Site site, int layer) {
        if (site == Site.PATTERN) {
            return cuts(layer).isEmpty() ? Interest.NONE : Interest.READ;
        }
        if (site == Site.Z && !cuts(layer).isEmpty()) {
            return Interest.REPLACE;
        }
        for (Change change : changes) {
            if (acts(change, site, layer)) {
                return Interest.REPLACE;
            }
        }
        return Interest.NONE;
    }

    private static boolean acts(Change change, Site site, int layer) {
        return switch (change) {
            case Change.HeadScale c -> site == Site.Z && c.layer() == layer;
            case Change.HeadMean c -> site == Site.Z && c.layer() == layer;
            case Change.Patch c -> site == c.site() && c.layer() == layer;
            case Change.Swap _, Change.Block _, Change.Cut _ -> false;
        };
    }

    /// Cuts cells out of the layer's pattern, as soon as there is one.
    @Override
    public void attended(int layer, Attention attention) {
        pattern = cuts(layer).isEmpty() ? Optional.empty() : Optional.of(cut(layer, attention));
        patternLayer = layer;
    }

    private PatternRows cut(int layer, Attention attention) {
        if (attention.queries().count() != 1) {
            throw new IllegalArgumentException("changes are made in a pass over one text, this one has "
                    + attention.queries().count());
        }
        PatternRows whole = PatternRows.of(attention, 0, Arena.ofAuto());
        return whole.cut(
                cuts(layer),
                copy(attention.result().lse()),
                copy(attention.result().out()));
    }

    /// The pattern of the layer after the changes, from within [#attended] on until the next layer;
    /// absent where none of its cells is cut. Valid as long as the pass's own memory.
    Optional<PatternRows> pattern(int layer) {
        return layer == patternLayer ? pattern : Optional.empty();
    }

    @Override
    public Tensor see(Site site, int layer, Tensor value) {
        Optional<PatternRows> cut = site == Site.Z ? pattern(layer) : Optional.empty();
        Tensor changed = copy(cut.map(PatternRows::out).orElse(value));
        for (Change change : changes) {
            if (acts(change, site, layer)) {
                apply(change, changed);
            }
        }
        return changed;
    }

    private void apply(Change change, Tensor value) {
        switch (change) {
            case Change.HeadScale scaled -> scale(value, scaled.head(), scaled.factor());
            case Change.HeadMean mean -> {
                for (int token = 0; token < value.dim(0); token++) {
                    put(
                            value,
                            ((long) token * value.dim(1) + mean.head()) * value.dim(2),
                            Objects.requireNonNull(values.get(change)));
                }
            }
            case Change.Patch patch -> {
                long row = patch.position() * (value.size() / value.dim(0));
                long from = patch.head().isPresent() ? row + (long) patch.head().getAsInt() * value.dim(2) : row;
                put(value, from, Objects.requireNonNull(values.get(change)));
            }
            case Change.Swap _, Change.Block _, Change.Cut _ -> {}
        }
    }

    /// @param z [tokens, heads, headDim]
    private static void scale(Tensor z, int head, double factor) {
        int headDim = z.dim(2);
        for (int token = 0; token < z.dim(0); token++) {
            long from = ((long) token * z.dim(1) + head) * headDim;
            for (int e = 0; e < headDim; e++) {
                z.set(from + e, factor == 0 ? 0 : z.at(from + e) * factor);
            }
        }
    }

    private static void put(Tensor into, long from, double[] vector) {
        for (int e = 0; e < vector.length; e++) {
            into.set(from + e, vector[e]);
        }
    }

    /// A copy that lives as long as the pass's other values.
    private Tensor copy(Tensor t) {
        Tensor copy = ops.workspace().take(t.type(), t.shape());
        MemorySegment.copy(t.data(), 0, copy.data(), 0, t.data().byteSize());
        return copy;
    }
}
