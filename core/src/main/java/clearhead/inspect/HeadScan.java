package clearhead.inspect;

import clearhead.nn.ForwardPass;
import clearhead.nn.Probe;
import clearhead.nn.Site;
import clearhead.nn.Transformer;
import clearhead.ops.Ops;
import java.lang.foreign.Arena;
import java.util.SplittableRandom;

/// Looks at every head of a model in one pass.
public final class HeadScan {
    private HeadScan() {}

    /// What every head does on this text.
    ///
    /// @return [layers][heads]
    public static HeadMetrics[][] metrics(Transformer model, Ops ops, int... ids) {
        var result = new HeadMetrics[model.layers()][];
        scan(model, ops, ids, (layer, rows) -> {
            result[layer] = new HeadMetrics[rows.spec().heads()];
            for (int head = 0; head < result[layer].length; head++) {
                result[layer][head] = HeadMetrics.of(rows, head);
            }
        });
        return result;
    }

    /// Induction score of every head on `period` random tokens said twice.
    ///
    /// @param lead tokens to begin with, such as the beginning of a sequence; may be empty
    /// @param seed same seed, same tokens
    /// @param from lowest id to draw; below it lie a vocabulary's control tokens, usually
    /// @return [layers][heads], see [HeadMetrics#induction]
    public static double[][] induction(Transformer model, Ops ops, int[] lead, int period, long seed, int from) {
        if (lead.length + 2 * period > model.context()) {
            throw new IllegalArgumentException("an induction test of " + period + " tokens twice needs a context of "
                    + (lead.length + 2 * period) + ", the model has " + model.context());
        }
        var random = new SplittableRandom(seed);
        var ids = new int[lead.length + 2 * period];
        System.arraycopy(lead, 0, ids, 0, lead.length);
        for (int i = 0; i < period; i++) {
            int id = random.nextInt(from, model.vocab());
            ids[lead.length + i] = id;
            ids[lead.length + period + i] = id;
        }
        var result = new double[model.layers()][];
        scan(model, ops, ids, (layer, rows) -> {
            result[layer] = new double[rows.spec().heads()];
            for (int head = 0; head < result[layer].length; head++) {
                result[layer][head] = HeadMetrics.induction(rows, head, lead.length, period);
            }
        });
        return result;
    }

    /// Takes one layer's pattern, while the pass runs.
    @FunctionalInterface
    private interface LayerView {
        void see(int layer, PatternRows rows);
    }

    private static void scan(Transformer model, Ops ops, int[] ids, LayerView view) {
        var probe = new Probe() {
            @Override
            public Interest wants(Site site, int layer) {
                return site == Site.PATTERN ? Interest.READ : Interest.NONE;
            }

            @Override
            public void attended(int layer, Attention attention) {
                try (Arena arena = Arena.ofConfined()) {
                    view.see(layer, PatternRows.of(attention, 0, arena));
                }
            }
        };
        long mark = ops.workspace().mark();
        model.forward(ForwardPass.of(ops, ids).with(probe).lastLogits());
        ops.workspace().release(mark);
    }
}
