package clearhead.inspect;

import clearhead.nn.ForwardPass;
import clearhead.nn.Probe;
import clearhead.nn.Site;
import clearhead.nn.Transformer;
import clearhead.ops.Ops;
import clearhead.tensor.Tensor;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/// Changes to one run, checked against its model and its texts, in the order in which they are made: tokens are swapped
/// before the pass; in every layer cells are cut out of the pattern, then heads are scaled, then values are patched.
///
/// ```java
/// var changes = Interventions.parse(List.of("head:2.1=0", "block:3"), model, ids.length, 0);
/// Probe probe = changes.probe(model, ops, ids, new int[0]);
/// Tensor logits = model.forward(ForwardPass.of(ops, changes.ids(ids)).with(probe));
/// ```
///
/// Nothing quadratic in the text is kept: rows that lose a key are rebuilt from queries, keys and lse.
public final class Interventions {
    /// No change: the run is the model's own, bit for bit.
    public static final Interventions NONE = new Interventions(List.of());

    private final List<Change> changes;

    private Interventions(List<Change> changes) {
        this.changes = changes;
    }

    /// Reads changes in the notation of [Change].
    ///
    /// @param tokens length of the text
    /// @param otherTokens length of the other text, from which patches take values; 0 where there is none
    /// @throws IllegalArgumentException that names the change, what was wanted and the remedy
    public static Interventions parse(List<String> texts, Transformer model, int tokens, int otherTokens) {
        Map<String, Change> targets = new HashMap<>();
        for (String text : texts) {
            Change change = new ChangeReader(text, model, tokens, otherTokens).read();
            Change before = targets.putIfAbsent(change.target(), change);
            if (before != null) {
                throw new IllegalArgumentException("the changes \"" + before.text() + "\" and \"" + change.text()
                        + "\" are about the same thing; leave one of them out");
            }
        }
        return of(targets.values());
    }

    /// @param changes checked against the model, no two of one target
    static Interventions of(Iterable<Change> changes) {
        var sorted = new ArrayList<Change>();
        changes.forEach(sorted::add);
        sorted.sort(ORDER);
        return sorted.isEmpty() ? NONE : new Interventions(List.copyOf(sorted));
    }

    private static final Comparator<Change> ORDER = Comparator.comparing(Interventions::key, (a, b) -> {
        for (int i = 0; i < Math.min(a.length, b.length); i++) {
            if (a[i] != b[i]) {
                return Integer.compare(a[i], b[i]);
            }
        }
        return Integer.compare(a.length, b.length);
    });

    private static int[] key(Change change) {
        return switch (change) {
            case Change.Swap c -> new int[] {0, c.position()};
            case Change.Block c -> new int[] {1, c.position()};
            case Change.Cut c -> new int[] {2, c.layer().orElse(-1), c.head().orElse(-1), c.query(), c.key()};
            case Change.HeadScale c -> new int[] {3, c.layer(), c.head()};
            case Change.HeadMean c -> new int[] {3, c.layer(), c.head()};
            case Change.Patch c ->
                new int[] {4, c.layer(), c.site().ordinal(), c.head().orElse(-1), c.position()};
        };
    }

    /// The changes, in canonical order.
    public List<Change> changes() {
        return changes;
    }

    /// The changes in their notation, in canonical order: equal lists are equal changes.
    public List<String> texts() {
        return changes.stream().map(Change::text).toList();
    }

    public boolean isEmpty() {
        return changes.isEmpty();
    }

    /// Whether a pass without the changes must run first: a mean is taken over it.
    public boolean needsUnchanged() {
        return changes.stream().anyMatch(c -> c instanceof Change.HeadMean);
    }

    /// Whether the other text must run first: values are taken from it.
    public boolean needsOther() {
        return changes.stream().anyMatch(c -> c instanceof Change.Patch);
    }

    /// The tokens that the changed run reads.
    ///
    /// @param ids of the text
    public int[] ids(int... ids) {
        int[] changed = ids.clone();
        for (Change change : changes) {
            if (change instanceof Change.Swap(int position, int id)) {
                changed[position] = id;
            }
        }
        return changed;
    }

    /// These changes and one more, which takes the place of one about the same thing.
    Interventions with(Change change) {
        var all = new ArrayList<>(changes);
        all.removeIf(c -> c.target().equals(change.target()));
        all.add(change);
        return of(all);
    }

    /// What makes the changes in a pass over [#ids] from its beginning, without a cache. Runs the unchanged text and
    /// the other one first, where that is needed.
    ///
    /// @param ops that the pass will run on
    /// @param ids of the text, without swaps
    /// @param other ids of the other text; empty where there is none
    public Intervention probe(Transformer model, Ops ops, int[] ids, int[] other) {
        var means = needsUnchanged() ? means(model, ops, ids) : new HashMap<Change, double[]>();
        var taken = needsOther() ? taken(model, ops, other) : new HashMap<Change, double[]>();
        means.putAll(taken);
        return new Intervention(this, ops, means);
    }

    /// What the changes do to the prediction after one token.
    ///
    /// @param row token whose next token is predicted
    public LogitEffect effect(Transformer model, Ops ops, int[] ids, int[] other, int row) {
        double[] before = logits(model, ops, ids, Probe.NONE, row);
        return new LogitEffect(before, logits(model, ops, ids(ids), probe(model, ops, ids, other), row));
    }

    static double[] logits(Transformer model, Ops ops, int[] ids, Probe probe, int row) {
        long mark = ops.workspace().mark();
        try {
            return model.forward(ForwardPass.of(ops, ids).with(probe).logitsOf(row))
                    .toDoubles();
        } finally {
            ops.workspace().release(mark);
        }
    }

    private Map<Change, double[]> means(Transformer model, Ops ops, int[] ids) {
        var means = new HashMap<Change, double[]>();
        run(model, ops, ids, (site, layer, value) -> {
            for (Change change : changes) {
                if (change instanceof Change.HeadMean(int at, int head) && site == Site.Z && at == layer) {
                    means.put(change, mean(value, head));
                }
            }
        });
        return means;
    }

    /// The mean over tokens of one head.
    ///
    /// @param z [tokens, heads, headDim]
    /// @return [headDim]
    static double[] mean(Tensor z, int head) {
        var mean = new double[z.dim(2)];
        for (int token = 0; token < z.dim(0); token++) {
            double[] said = Elements.head(z, token, head);
            for (int e = 0; e < mean.length; e++) {
                mean[e] += said[e];
            }
        }
        for (int e = 0; e < mean.length; e++) {
            mean[e] /= z.dim(0);
        }
        return mean;
    }

    private Map<Change, double[]> taken(Transformer model, Ops ops, int[] other) {
        var taken = new HashMap<Change, double[]>();
        run(model, ops, other, (site, layer, value) -> {
            for (Change change : changes) {
                if (change instanceof Change.Patch patch && patch.site() == site && patch.layer() == layer) {
                    taken.put(
                            patch,
                            patch.head().isPresent()
                                    ? Elements.head(
                                            value, patch.from(), patch.head().getAsInt())
                                    : Elements.row(value, patch.from()));
                }
            }
        });
        return taken;
    }

    private interface Reader {
        void read(Site site, int layer, Tensor value);
    }

    /// Runs a text without changes and reads what the changes need of it.
    private void run(Transformer model, Ops ops, int[] ids, Reader reader) {
        var probe = new Probe() {
            @Override
            public Interest wants(Site site, int layer) {
                for (Change change : changes) {
                    boolean wanted = switch (change) {
                        case Change.HeadMean c -> site == Site.Z && c.layer() == layer;
                        case Change.Patch c -> site == c.site() && c.layer() == layer;
                        case Change.Swap _, Change.Block _, Change.Cut _, Change.HeadScale _ -> false;
                    };
                    if (wanted) {
                        return Interest.READ;
                    }
                }
                return Interest.NONE;
            }

            @Override
            public Tensor see(Site site, int layer, Tensor value) {
                reader.read(site, layer, value);
                return value;
            }
        };
        long mark = ops.workspace().mark();
        try {
            model.forward(ForwardPass.of(ops, ids).with(probe).lastLogits());
        } finally {
            ops.workspace().release(mark);
        }
    }
}
