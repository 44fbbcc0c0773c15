package clearhead.server;

import clearhead.inspect.Parity;
import clearhead.inspect.PatternRows;
import clearhead.inspect.Run;

/// What is found out once about a run, when it is done.
///
/// @param parity of all heads together, on some rows of each
/// @param layer of the strongest single look of the last token, the first key not counted
record Findings(Parity parity, int layer, int head, int query, int key) {
    /// Query rows of every head that the parity figure compares at most.
    private static final int PARITY_ROWS = 16;

    /// Products that the parity figure may cost: about a fifth of a second.
    private static final double PARITY_PRODUCTS = 2e8;

    static Findings of(Run run) {
        Parity all = null;
        int query = run.tokens() - 1;
        double best = -1;
        int[] at = {0, 0, 0};
        double row = 0;
        run.model().requireAttention();
        for (int layer : run.model().attentionLayers()) {
            var spec = run.pattern(layer).spec();
            row += 2.0 * spec.heads() * spec.headDim() * run.tokens();
        }
        int rows = (int) Math.clamp(PARITY_PRODUCTS / row, 1, PARITY_ROWS);
        for (int layer : run.model().attentionLayers()) {
            PatternRows pattern = run.pattern(layer);
            for (int head = 0; head < pattern.spec().heads(); head++) {
                Parity one = run.parity(layer, head, rows);
                all = all == null ? one : all.and(one);
                double[] weights = pattern.row(head, query).weights();
                for (int key = 1; key < query; key++) {
                    if (weights[key] > best) {
                        best = weights[key];
                        at = new int[] {layer, head, key};
                    }
                }
            }
        }
        if (all == null) {
            throw new IllegalStateException("a model without heads");
        }
        return new Findings(all, at[0], at[1], query, at[2]);
    }
}
