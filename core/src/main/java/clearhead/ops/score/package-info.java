/// Your own attention: score and mask functions written as lambdas, in the manner of FlexAttention
/// (Dong et al. 2024, arXiv:2412.05496).
///
/// A [ScoreMod] is a lambda over symbols. It is called once, and the expression that it returns is
/// what runs: interpreted in double precision by the reference backend, and compiled into the fused
/// kernel by the vector backend, so that a score function costs what its arithmetic costs. Its
/// derivative, for the way back, is an expression, too ([Derivative]).
///
/// ```java
/// var slopes = Table.of(tensor);                          // [heads]
/// ScoreMod alibi = (score, batch, head, query, key) ->
///         score.minus(slopes.at(head).times(query.minus(key).abs()));
/// ScoreMod capped = (score, batch, head, query, key) -> score.over(50).tanh().times(50);
/// var spec = AttentionSpec.causal(16, 4, 64).withScoreMod(alibi);
/// ```
///
/// What the symbols cannot say is a [ScoreFunction]: any Java code from numbers to a number, called
/// for each score. A [MaskMod] is plain Java, too: it runs once for each pair when a [BlockMask] is made.
@NullMarked
package clearhead.ops.score;

import org.jspecify.annotations.NullMarked;
