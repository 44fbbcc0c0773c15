package clearhead.nn;

import clearhead.ops.AttentionSpec;
import clearhead.tensor.Tensor;

/// How queries, keys and values come from the residual.
public sealed interface Projections {

    /// @param x [tokens, dim]
    /// @return before head norms and rotation
    Made make(ForwardPass pass, AttentionSpec spec, Tensor x);

    /// @param query [tokens, heads, headDim]
    /// @param key [tokens, kvHeads, headDim]
    /// @param value [tokens, kvHeads, valueDim]
    record Made(Tensor query, Tensor key, Tensor value) {}

    /// One matrix each. Vaswani et al. 2017, arXiv:1706.03762, section 3.2.2.
    ///
    /// @param query [heads·headDim, dim]
    /// @param key [kvHeads·headDim, dim]
    /// @param value [kvHeads·valueDim, dim]
    record Separate(Linear query, Linear key, Linear value) implements Projections {
        @Override
        public Made make(ForwardPass pass, AttentionSpec spec, Tensor x) {
            int tokens = x.dim(0);
            return new Made(
                    query.forward(pass, x).reshape(tokens, spec.heads(), spec.headDim()),
                    key.forward(pass, x).reshape(tokens, spec.kvHeads(), spec.headDim()),
                    value.forward(pass, x).reshape(tokens, spec.kvHeads(), spec.valueDim()));
        }
    }
}
