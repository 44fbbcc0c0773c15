package clearhead.ops.cpu.vector;

import clearhead.ops.Adjoints;
import clearhead.ops.Attended;
import clearhead.ops.AttentionSpec;
import clearhead.ops.KvView;
import clearhead.ops.Sequences;
import clearhead.ops.cpu.Workers;
import clearhead.tensor.Tensor;
import clearhead.tensor.Workspace;

/// Backward of fused attention.
final class AttentionBackward {
    private AttentionBackward() {}

    static Adjoints.Attention attention(
            Workspace workspace, Workers workers, Tensor query, Sequences queries, KvView.Packed past, AttentionSpec spec, Attended forward, Tensor dOut) {
        throw new UnsupportedOperationException("AttentionBackward.attention");
    }
}
