package clearhead.ops.cpu.vector;

import clearhead.ops.Attended;
import clearhead.ops.AttentionSpec;
import clearhead.ops.KvView;
import clearhead.ops.Sequences;
import clearhead.tensor.Tensor;
import java.util.List;
import java.util.Optional;

/// What all tasks of one gradient of attention read and write.
///
/// @param delta [tokens, heads]: rowsum(dO∘O)
/// @param seen which keys the queries of each sequence see
/// @param scores what is more about a score than scale and mask
/// @param dBias sums of the gradient of a bias that has one
record BackwardCall(
        Tensor query,
        Sequences queries,
        KvView.Packed past,
        AttentionSpec spec,
        Attended forward,
        Tensor dOut,
        Tensor dQuery,
        Tensor dKey,
        Tensor dValue,
        Tensor delta,
        List<VisibleKeys> seen,
        Optional<ScoreExtras> scores,
        Optional<BiasGradient> dBias) {}
