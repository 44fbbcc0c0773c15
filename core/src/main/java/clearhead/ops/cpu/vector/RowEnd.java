package clearhead.ops.cpu.vector;

import clearhead.ops.AttentionSpec;

/// The end of one row's softmax: what Σ weight·value is multiplied by, and the log-sum-exp. A sink is one
/// more weight in the sum, and dropout divides by the share that it keeps.
record RowEnd(float scale, float lse) {
    /// @param sum of the row's weights 2^(score − shift)
    static RowEnd of(AttentionSpec spec, int head, float sum, float shift) {
        double logarithm = sum == 0 ? Double.NEGATIVE_INFINITY : shift * BlockSoftmax.LN_2 + Math.log(sum);
        float scale = sum == 0 ? 0 : 1 / sum;
        if (spec.sinks().isPresent()) {
            double sink = spec.sinks().get().at(head);
            if (sink != Double.NEGATIVE_INFINITY) {
                double with = Math.max(sink, logarithm) + Math.log1p(Math.exp(-Math.abs(sink - logarithm)));
                scale = (float) (scale * Math.exp(logarithm - with));
                logarithm = with;
            }
        }
        if (!spec.dropout().isNone()) {
            scale = (float) (scale / (1 - spec.dropout().probability()));
        }
        return new RowEnd(scale, (float) logarithm);
    }
}
