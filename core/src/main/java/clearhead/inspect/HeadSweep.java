package clearhead.inspect;

import clearhead.nn.Transformer;
import clearhead.ops.Ops;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalDouble;
import java.util.concurrent.CancellationException;

/// Every head of a model scaled or replaced by its mean, one at a time, on top of a run's own changes: which heads the
/// prediction hangs on. The layers below the head are not run again.
///
/// @param ids of the text, without swaps
/// @param other ids of the other text; empty where there is none
/// @param changes of the run itself
/// @param row token whose next token is predicted
public record HeadSweep(Transformer model, Ops ops, int[] ids, int[] other, Interventions changes, int row) {

    /// What one head's change does.
    ///
    /// @param divergence Kullback–Leibler, before against after, in nats
    /// @param best the token that was likeliest before
    /// @param top the tokens that are likeliest before or after
    public record Effect(
            int layer, int head, double divergence, LogitEffect.Change best, List<LogitEffect.Change> top) {}

    /// Hears how far a sweep is.
    @FunctionalInterface
    public interface Progress {
        Progress NONE = (done, of) -> true;

        /// @return false to cancel
        boolean done(int done, int of);
    }

    /// Runs it.
    ///
    /// @param factor on what the head says; absent means that it says its mean over the unchanged run
    /// @param top how many tokens to keep of each effect
    /// @return one effect a head, by layer and head
    /// @throws CancellationException if `each` says so
    public List<Effect> run(OptionalDouble factor, int top, Progress each) {
        model.requireAttention();
        int of = 0;
        for (int layer : model.attentionLayers()) {
            of += model.attention(layer).spec().heads();
        }
        var effects = new ArrayList<Effect>();
        try (var inputs = new LayerInputs(model, ops, changes, ids, other, row, factor.isEmpty())) {
            double[] before = inputs.logits();
            int best = new LogitEffect(before, before).best();
            for (int layer : model.attentionLayers()) {
                int heads = model.attention(layer).spec().heads();
                for (int head = 0; head < heads; head++) {
                    if (!each.done(effects.size(), of)) {
                        throw new CancellationException("cancelled after " + effects.size() + " of " + of + " heads");
                    }
                    var effect = new LogitEffect(before, after(inputs, layer, head, factor));
                    effects.add(new Effect(layer, head, effect.divergence(), effect.of(best), effect.top(top)));
                }
            }
        }
        each.done(of, of);
        return List.copyOf(effects);
    }

    private static double[] after(LayerInputs inputs, int layer, int head, OptionalDouble factor) {
        return factor.isPresent()
                ? inputs.logits(layer, new Change.HeadScale(layer, head, factor.getAsDouble()), new double[0])
                : inputs.logits(layer, new Change.HeadMean(layer, head), inputs.mean(layer, head));
    }
}
