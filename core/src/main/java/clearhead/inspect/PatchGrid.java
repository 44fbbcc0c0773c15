package clearhead.inspect;

import clearhead.nn.ForwardPass;
import clearhead.nn.Probe;
import clearhead.nn.Site;
import clearhead.nn.Transformer;
import clearhead.ops.Ops;
import clearhead.tensor.Tensor;
import java.lang.foreign.Arena;
import java.util.List;
import java.util.OptionalInt;
import java.util.concurrent.CancellationException;
import java.util.stream.IntStream;

/// One value at a time taken from another text's run, for every layer and position: where the
/// difference between the two texts is carried. Causal tracing, Meng et al. 2022, arXiv:2202.05262;
/// activation patching, Wang et al. 2022, arXiv:2211.00593.
///
/// @param ids of the text, without swaps
/// @param other ids of the text that values are taken from
/// @param changes of the run itself
/// @param row token whose next token is predicted
public record PatchGrid(Transformer model, Ops ops, int[] ids, int[] other, Interventions changes, int row) {

    /// What is patched, and where.
    ///
    /// @param site one of [#sites]
    /// @param head at Z: one query head; absent means all
    /// @param layers to patch, each alone
    /// @param positions to patch, each alone
    /// @param from [positions]: the other text's position that each takes its value from
    public record Plan(Site site, OptionalInt head, int[] layers, int[] positions, int[] from) {}

    /// What came of it, as logit(a) − logit(b) after the row.
    ///
    /// @param unpatched of the run as it is
    /// @param source of the other text's run after its last token
    /// @param patched [layers][positions]
    public record Grid(Plan plan, int a, int b, double unpatched, double source, double[][] patched) {

        /// How much of the way from this run's difference to the other's a patch goes: 0 nothing, 1
        /// all. NaN where the two do not differ.
        public double share(int layer, int position) {
            return (patched[layer][position] - unpatched) / (source - unpatched) + 0.0; // no −0
        }
    }

    /// Values that can be patched.
    public static List<Site> sites() {
        return ChangeReader.PATCHES;
    }

    /// The two tokens that tell the runs apart: the likeliest of this run and the likeliest of the
    /// other; where they are the same, this run's likeliest and its second.
    ///
    /// @return [2]
    public int[] contrast() {
        double[] here = changes.effect(model, ops, ids, other, row).after();
        double[] there = Interventions.logits(model, ops, other, Probe.NONE, other.length - 1);
        int a = NextTokens.top(here, 1).getFirst().id();
        int b = NextTokens.top(there, 1).getFirst().id();
        return new int[] {a, a == b ? NextTokens.top(here, 2).getLast().id() : b};
    }

    /// Runs it: one run from the patched layer on for every cell.
    ///
    /// @throws CancellationException if `each` says so
    public Grid run(Plan plan, int a, int b, HeadSweep.Progress each) {
        int of = plan.layers().length * plan.positions().length;
        try (Arena arena = Arena.ofShared();
                var inputs = new LayerInputs(model, ops, changes, ids, other, row, false)) {
            var there = new Tensor[model.layers()];
            double[] source = source(plan.site(), there, arena);
            double[] here = inputs.logits();
            var patched = new double[plan.layers().length][plan.positions().length];
            int done = 0;
            for (int l = 0; l < patched.length; l++) {
                for (int p = 0; p < patched[l].length; p++) {
                    if (!each.done(done, of)) {
                        throw new CancellationException("cancelled after " + done + " of " + of + " patches");
                    }
                    done++;
                    int layer = plan.layers()[l];
                    int from = plan.from()[p];
                    var patch = new Change.Patch(plan.site(), layer, plan.head(), plan.positions()[p], from);
                    double[] value = plan.head().isPresent()
                            ? Elements.head(there[layer], from, plan.head().getAsInt())
                            : Elements.row(there[layer], from);
                    double[] after = inputs.logits(layer, patch, value);
                    patched[l][p] = after[a] - after[b];
                }
            }
            each.done(of, of);
            return new Grid(plan, a, b, here[a] - here[b], source[a] - source[b], patched);
        }
    }

    /// Runs the other text and keeps its values.
    ///
    /// @return [vocab]: its prediction after its last token
    private double[] source(Site wanted, Tensor[] there, Arena arena) {
        var probe = new Probe() {
            @Override
            public Interest wants(Site site, int layer) {
                return site == wanted ? Interest.READ : Interest.NONE;
            }

            @Override
            public Tensor see(Site site, int layer, Tensor value) {
                there[layer] = value.copy(arena);
                return value;
            }
        };
        long mark = ops.workspace().mark();
        try {
            return model.forward(ForwardPass.of(ops, other).with(probe).lastLogits())
                    .toDoubles();
        } finally {
            ops.workspace().release(mark);
        }
    }

    /// A plan over all layers and the positions up to the row that the two texts share.
    public Plan plan(Site site, OptionalInt head, Alignment alignment) {
        int[][] pairs = alignment.spans().stream()
                .filter(s -> s.aligned() && s.toA() <= row + 1)
                .map(s -> new int[] {s.toA() - 1, s.toB() - 1})
                .toArray(int[][]::new);
        return new Plan(
                site,
                head,
                IntStream.range(0, model.layers()).toArray(),
                IntStream.range(0, pairs.length).map(i -> pairs[i][0]).toArray(),
                IntStream.range(0, pairs.length).map(i -> pairs[i][1]).toArray());
    }
}
