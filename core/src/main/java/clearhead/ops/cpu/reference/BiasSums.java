package clearhead.ops.cpu.reference;

import clearhead.ops.Bias;
import clearhead.ops.Broadcast;
import clearhead.tensor.DType;
import clearhead.tensor.Tensor;
import clearhead.tensor.Workspace;
import java.util.Optional;

/// The gradient of a bias: sums of score gradients over all the places where an element was added.
final class BiasSums {
    private final Bias bias;
    private final double[] sums;

    BiasSums(Bias bias) {
        this.bias = bias;
        this.sums = switch (bias) {
            case Bias.None(), Bias.Alibi(double[] _) -> new double[0];
            case Bias.Relative(Tensor table, boolean _, int _) -> new double[Math.toIntExact(table.size())];
            case Bias.Added(Tensor values) -> new double[Math.toIntExact(values.size())];
        };
    }

    void add(int sequence, int head, int query, int position, int key, double dScore) {
        switch (bias) {
            case Bias.None(), Bias.Alibi(double[] _) -> {}
            case Bias.Relative relative ->
                sums[relative.bucket(key - position) * relative.table().dim(1) + head] += dScore;
            case Bias.Added(Tensor values) ->
                sums[Math.toIntExact(Broadcast.offset(values, sequence, head, query, key))] += dScore;
        }
    }

    Optional<Tensor> take(Workspace workspace, DType type) {
        return switch (bias) {
            case Bias.None(), Bias.Alibi(double[] _) -> Optional.empty();
            case Bias.Relative(Tensor table, boolean _, int _) -> Optional.of(written(workspace, type, table));
            case Bias.Added(Tensor values) -> Optional.of(written(workspace, type, values));
        };
    }

    private Tensor written(Workspace workspace, DType type, Tensor like) {
        Tensor gradient = workspace.take(type, like.shape());
        for (int i = 0; i < sums.length; i++) {
            gradient.set(i, sums[i]);
        }
        return gradient;
    }
}
