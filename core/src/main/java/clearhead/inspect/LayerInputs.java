package clearhead.inspect;

import clearhead.nn.ForwardPass;
import clearhead.nn.Probe;
import clearhead.nn.Site;
import clearhead.nn.Transformer;
import clearhead.ops.Ops;
import clearhead.tensor.Tensor;
import java.lang.foreign.Arena;
import java.util.HashMap;
import java.util.Map;

/// A run with its changes, and what enters each of its layers: more changes to one layer need only the layers from
/// there on. Memory grows with layers × tokens × dim.
final class LayerInputs implements AutoCloseable {
    private final Transformer model;
    private final Ops ops;
    private final Interventions changes;
    private final int[] ids;
    private final int row;
    private final Map<Change, double[]> values;
    private final Arena arena = Arena.ofShared();
    private final Tensor[] inputs; // [layers], each [tokens, dim]
    private final double[][][] means; // [layers][heads][headDim], empty where not wanted
    private final double[] logits;

    /// Runs the text once, and before that what its changes need.
    ///
    /// @param ids of the text, without swaps
    /// @param other ids of the other text; empty where there is none
    /// @param row token whose next token is predicted
    /// @param meansWanted whether the mean of every head over the unchanged run is wanted
    LayerInputs(
            Transformer model, Ops ops, Interventions changes, int[] ids, int[] other, int row, boolean meansWanted) {
        this.model = model;
        this.ops = ops;
        this.changes = changes;
        this.ids = changes.ids(ids);
        this.row = row;
        inputs = new Tensor[model.layers()];
        means = new double[meansWanted ? model.layers() : 0][][];
        try {
            if (meansWanted) {
                Interventions.logits(model, ops, ids, new Means(), row);
            }
            Intervention made = changes.probe(model, ops, ids, other);
            values = made.values();
            logits = Interventions.logits(model, ops, this.ids, new Keeping(made), row);
        } catch (RuntimeException | Error e) {
            arena.close();
            throw e;
        }
    }

    /// The prediction after the row.
    ///
    /// @return [vocab]
    double[] logits() {
        return logits.clone();
    }

    /// What one head says on average over the unchanged run.
    ///
    /// @return [headDim]
    double[] mean(int layer, int head) {
        return means[layer][head];
    }

    /// The prediction after the row with one more change, which takes the place of one about the same thing.
    ///
    /// @param layer the lowest layer that the change touches
    /// @param value the mean or the vector that the change puts in; empty where it needs none
    /// @return [vocab]: the same bits as a whole run with all these changes
    double[] logits(int layer, Change change, double[] value) {
        var all = new HashMap<>(values);
        all.put(change, value);
        var probe = new Intervention(changes.with(change), ops, all);
        long mark = ops.workspace().mark();
        try {
            var pass = ForwardPass.of(ops, ids).with(probe).logitsOf(row);
            return model.forward(pass, layer, inputs[layer]).toDoubles();
        } finally {
            ops.workspace().release(mark);
        }
    }

    @Override
    public void close() {
        arena.close();
    }

    /// Makes the changes and keeps what enters each layer.
    private final class Keeping implements Probe {
        private final Intervention made;

        Keeping(Intervention made) {
            this.made = made;
        }

        @Override
        public Interest wants(Site site, int layer) {
            Interest wanted = made.wants(site, layer);
            return wanted == Interest.NONE && site == Site.RESID_PRE ? Interest.READ : wanted;
        }

        @Override
        public Tensor see(Site site, int layer, Tensor value) {
            if (site == Site.RESID_PRE) {
                inputs[layer] = value.copy(arena);
            }
            return made.wants(site, layer) == Interest.NONE ? value : made.see(site, layer, value);
        }

        @Override
        public void attended(int layer, Attention attention) {
            made.attended(layer, attention);
        }
    }

    /// Takes every head's mean.
    private final class Means implements Probe {
        @Override
        public Interest wants(Site site, int layer) {
            return site == Site.Z ? Interest.READ : Interest.NONE;
        }

        @Override
        public Tensor see(Site site, int layer, Tensor z) {
            means[layer] = new double[z.dim(1)][];
            for (int head = 0; head < z.dim(1); head++) {
                means[layer][head] = Interventions.mean(z, head);
            }
            return z;
        }
    }
}
