package clearhead.ops;

import clearhead.ops.score.Place;
import clearhead.ops.score.ScoreFunction;
import clearhead.ops.score.ScoreMod;
import clearhead.ops.score.ScoreRule;
import clearhead.tensor.Tensor;
import java.util.Optional;

/// What is constant about one attention layer. A score goes through, in this order:
///
/// ```
/// s = (q·k)·scale
/// s = softCap·tanh(s/softCap)                  where there is a soft-cap
/// s = rule(s, sequence, head, position, key)   where there is a score function
/// s = s + bias
/// s = −∞                                       where the mask hides the key
/// ```
///
/// @param heads query heads
/// @param kvHeads key and value heads; query head h reads kv head h / (heads / kvHeads)
/// @param headDim elements of a query or key
/// @param valueDim elements of a value
/// @param scale factor on q·k, usually 1/√headDim
/// @param softCap bound of the scores, softCap·tanh(s/softCap); 0 for none. Gemma 2, arXiv:2408.00118
/// @param mask which keys a query may see
/// @param alignment where the queries stand among the keys
/// @param bias added to the scores
/// @param sinks [heads], F32 or F64: a logit of each head that takes part in the softmax and has no
///     value, so that a head may look at nothing. gpt-oss; in the log-sum-exp as well
/// @param dropout of the weights, in training
/// @param rule a score function of your own
public record AttentionSpec(
        int heads,
        int kvHeads,
        int headDim,
        int valueDim,
        double scale,
        double softCap,
        Mask mask,
        Alignment alignment,
        Bias bias,
        Optional<Tensor> sinks,
        Dropout dropout,
        Optional<ScoreRule> rule) {
    public AttentionSpec {
        if (heads <= 0 || kvHeads <= 0 || headDim <= 0 || valueDim <= 0 || heads % kvHeads != 0) {
            throw new IllegalArgumentException("heads must be a positive multiple of kvHeads, got heads " + heads
                    + ", kvHeads " + kvHeads + ", headDim " + headDim + ", valueDim " + valueDim);
        }
        if (!(softCap >= 0 && softCap < Double.POSITIVE_INFINITY)) {
            throw new IllegalArgumentException("a soft-cap must be positive, or 0 for none, got " + softCap);
        }
    }

    /// Values as wide as keys, bottom-right alignment, nothing else.
    public AttentionSpec(int heads, int kvHeads, int headDim, double scale, Mask mask) {
        this(
                heads,
                kvHeads,
                headDim,
                headDim,
                scale,
                0,
                mask,
                Alignment.BOTTOM_RIGHT,
                Bias.NONE,
                Optional.empty(),
                Dropout.NONE,
                Optional.empty());
    }

    /// Causal with scale 1/√headDim. Vaswani et al. 2017, arXiv:1706.03762, eq. 1.
    public static AttentionSpec causal(int heads, int kvHeads, int headDim) {
        return new AttentionSpec(heads, kvHeads, headDim, 1 / Math.sqrt(headDim), Mask.CAUSAL);
    }

    /// The key and value head that query head `head` reads.
    public int kvHead(int head) {
        return head / (heads / kvHeads);
    }

    /// Whether scores are q·k·scale and nothing else but a mask.
    public boolean hasPlainScores() {
        return softCap == 0 && rule.isEmpty() && bias instanceof Bias.None;
    }

    public AttentionSpec withValueDim(int size) {
        return new AttentionSpec(
                heads, kvHeads, headDim, size, scale, softCap, mask, alignment, bias, sinks, dropout, rule);
    }

    public AttentionSpec withScale(double factor) {
        return new AttentionSpec(
                heads, kvHeads, headDim, valueDim, factor, softCap, mask, alignment, bias, sinks, dropout, rule);
    }

    public AttentionSpec withSoftCap(double bound) {
        return new AttentionSpec(
                heads, kvHeads, headDim, valueDim, scale, bound, mask, alignment, bias, sinks, dropout, rule);
    }

    public AttentionSpec withMask(Mask other) {
        return new AttentionSpec(
                heads, kvHeads, headDim, valueDim, scale, softCap, other, alignment, bias, sinks, dropout, rule);
    }

    public AttentionSpec withAlignment(Alignment other) {
        return new AttentionSpec(
                heads, kvHeads, headDim, valueDim, scale, softCap, mask, other, bias, sinks, dropout, rule);
    }

    public AttentionSpec withBias(Bias other) {
        return new AttentionSpec(
                heads, kvHeads, headDim, valueDim, scale, softCap, mask, alignment, other, sinks, dropout, rule);
    }

    /// @param logits [heads]
    public AttentionSpec withSinks(Tensor logits) {
        return new AttentionSpec(
                heads,
                kvHeads,
                headDim,
                valueDim,
                scale,
                softCap,
                mask,
                alignment,
                bias,
                Optional.of(logits),
                dropout,
                rule);
    }

    /// @param probability of dropping a weight
    /// @param seed of this layer and step
    public AttentionSpec withDropout(double probability, long seed) {
        return withDropout(new Dropout(probability, seed, 0));
    }

    public AttentionSpec withDropout(Dropout other) {
        return new AttentionSpec(
                heads, kvHeads, headDim, valueDim, scale, softCap, mask, alignment, bias, sinks, other, rule);
    }

    /// With a score function over symbols, which is called here, once, and compiled into the kernel.
    public AttentionSpec withScoreMod(ScoreMod mod) {
        return withRule(ScoreRule.Traced.of(mod));
    }

    /// With a score function in any Java code, which is called for each score.
    public AttentionSpec withScoreFunction(ScoreFunction function) {
        return withRule(new ScoreRule.Plain(function));
    }

    private AttentionSpec withRule(ScoreRule function) {
        return new AttentionSpec(
                heads,
                kvHeads,
                headDim,
                valueDim,
                scale,
                softCap,
                mask,
                alignment,
                bias,
                sinks,
                dropout,
                Optional.of(function));
    }

    /// softCap·tanh(scaled/softCap), or `scaled` without a soft-cap.
    public double capped(double scaled) {
        return softCap == 0 ? scaled : softCap * Math.tanh(scaled / softCap);
    }

    /// What becomes of a product q·k before the softmax, in double precision: the definition that
    /// every kernel is held to. −∞ where the key is hidden.
    ///
    /// @param product q·k
    /// @param query number of the query among the sequence's queries
    /// @param position position of that query
    public double score(double product, int sequence, int head, int query, int position, int key) {
        if (!mask.sees(sequence, head, query, position, key)) {
            return Double.NEGATIVE_INFINITY;
        }
        double added = bias.at(sequence, head, query, position, key);
        if (added == Double.NEGATIVE_INFINITY) {
            return added;
        }
        double s = capped(product * scale);
        if (rule.isPresent()) {
            s = rule.get().score(new Place(s, sequence, head, position, key));
        }
        return s + added;
    }

    /// The derivative of [#score] by the product.
    public double slope(double product, int sequence, int head, int position, int key) {
        double s = capped(product * scale);
        double slope = scale;
        if (softCap != 0) {
            double t = s / softCap;
            slope *= 1 - t * t;
        }
        if (rule.isPresent()) {
            slope *= rule.get().slope(new Place(s, sequence, head, position, key));
        }
        return slope;
    }
}
