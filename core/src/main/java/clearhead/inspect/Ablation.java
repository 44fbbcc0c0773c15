package clearhead.inspect;

import clearhead.nn.ForwardPass;
import clearhead.nn.Probe;
import clearhead.nn.Site;
import clearhead.nn.Transformer;
import clearhead.ops.Ops;
import clearhead.tensor.Tensor;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/// Switches a head off, or scales it, in its own slice of z before Wo, at every token; all that comes
/// after it is computed anew.
public final class Ablation implements Probe {
    private final int layer;
    private final int head;
    private final double scale;
    private final Arena arena;
    private Optional<Tensor> changed = Optional.empty();

    /// @param layer number of the layer, from 0
    /// @param head query head, from 0
    /// @param scale factor on what the head says: 0 switches it off, 1 changes nothing
    /// @param arena owner of the changed values
    public Ablation(int layer, int head, double scale, Arena arena) {
        this.layer = layer;
        this.head = head;
        this.scale = scale;
        this.arena = arena;
    }

    @Override
    public Interest wants(Site site, int atLayer) {
        return site == Site.Z && atLayer == layer ? Interest.REPLACE : Interest.NONE;
    }

    @Override
    public Tensor see(Site site, int atLayer, Tensor z) {
        Tensor copy = z.copy(arena); // [tokens, heads, headDim]
        int headDim = z.dim(2);
        for (int token = 0; token < z.dim(0); token++) {
            long from = ((long) token * z.dim(1) + head) * headDim;
            for (int e = 0; e < headDim; e++) {
                copy.set(from + e, scale == 0 ? 0 : z.at(from + e) * scale);
            }
        }
        changed = Optional.of(copy);
        return copy;
    }

    /// What went on in place of the head's own z, once the pass has been there.
    public Optional<Tensor> changed() {
        return changed;
    }

    /// What scaling one head does to the logits that follow one token.
    ///
    /// @param row token whose next token is predicted
    public static LogitEffect effect(
            Transformer model, Ops ops, int[] ids, int row, int layer, int head, double scale) {
        double[] before = logits(model, ops, ids, row, Probe.NONE);
        return new LogitEffect(before, after(model, ops, ids, row, layer, head, scale));
    }

    /// The effect of every head of the model, one at a time.
    ///
    /// @param each is told after every head, for progress; [Progress#NONE]
    public static List<HeadEffect> sweep(Transformer model, Ops ops, int[] ids, int row, double scale, Progress each) {
        double[] before = logits(model, ops, ids, row, Probe.NONE);
        var effects = new ArrayList<HeadEffect>();
        int of = 0;
        for (var block : model.blocks()) {
            of += block.attention().spec().heads();
        }
        for (int layer = 0; layer < model.layers(); layer++) {
            int heads = model.blocks().get(layer).attention().spec().heads();
            for (int head = 0; head < heads; head++) {
                double[] after = after(model, ops, ids, row, layer, head, scale);
                effects.add(new HeadEffect(layer, head, new LogitEffect(before, after)));
                each.done(effects.size(), of);
            }
        }
        return List.copyOf(effects);
    }

    private static double[] after(Transformer model, Ops ops, int[] ids, int row, int layer, int head, double scale) {
        try (Arena arena = Arena.ofShared()) {
            return logits(model, ops, ids, row, new Ablation(layer, head, scale, arena));
        }
    }

    private static double[] logits(Transformer model, Ops ops, int[] ids, int row, Probe probe) {
        long mark = ops.workspace().mark();
        Tensor logits = model.forward(ForwardPass.of(ops, ids).with(probe).logitsOf(row));
        double[] values = logits.toDoubles();
        ops.workspace().release(mark);
        return values;
    }

    /// One head of a sweep.
    public record HeadEffect(int layer, int head, LogitEffect effect) {}

    /// Hears how far a sweep is.
    @FunctionalInterface
    public interface Progress {
        Progress NONE = (done, of) -> {};

        void done(int done, int of);
    }
}
