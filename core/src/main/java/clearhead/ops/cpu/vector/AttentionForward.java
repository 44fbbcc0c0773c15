package clearhead.ops.cpu.vector;

import clearhead.ops.Attended;
import clearhead.ops.AttentionSpec;
import clearhead.ops.KvView;
import clearhead.ops.Sequences;
import clearhead.ops.cpu.Workers;
import clearhead.tensor.Tensor;
import clearhead.tensor.Workspace;

/// Fused attention and the storing of keys and values.
final class AttentionForward {
    private AttentionForward() {}

    static Attended attention(
            Workspace workspace, Workers workers, Tensor query, Sequences queries, KvView past, AttentionSpec spec) {
        throw new UnsupportedOperationException("AttentionForward.attention");
    }

    static void store(
            Workers workers, Tensor key, Tensor value, Sequences queries, KvView.Paged past) {
        throw new UnsupportedOperationException("AttentionForward.store");
    }
}
