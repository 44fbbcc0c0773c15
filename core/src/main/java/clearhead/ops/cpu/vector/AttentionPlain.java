package clearhead.ops.cpu.vector;

import clearhead.ops.AttentionSpec;
import clearhead.ops.KvView;
import clearhead.ops.cpu.Workers;
import clearhead.tensor.Tensor;
import clearhead.tensor.Workspace;

/// The plain path of attention: scores, softmax, weights times values.
final class AttentionPlain {
    private AttentionPlain() {}

    static Tensor scores(
            Workspace workspace, Workers workers, Tensor query, KvView past, int sequence, AttentionSpec spec) {
        throw new UnsupportedOperationException("AttentionPlain.scores");
    }

    static Tensor softmax(
            Workspace workspace, Workers workers, Tensor x) {
        throw new UnsupportedOperationException("AttentionPlain.softmax");
    }

    static Tensor softmaxAdjoint(
            Workspace workspace, Workers workers, Tensor y, Tensor dOut) {
        throw new UnsupportedOperationException("AttentionPlain.softmaxAdjoint");
    }

    static Tensor weigh(
            Workspace workspace, Workers workers, Tensor pattern, KvView past, int sequence, AttentionSpec spec) {
        throw new UnsupportedOperationException("AttentionPlain.weigh");
    }
}
