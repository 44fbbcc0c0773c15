package clearhead.nn;

import clearhead.ops.AttentionSpec;
import clearhead.tensor.DType;
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

    /// Keys that serve as values too, before norms and rotation: Gemma 4's full layers.
    record KeyAsValue(Linear query, Linear key) implements Projections {
        @Override
        public Made make(ForwardPass pass, AttentionSpec spec, Tensor x) {
            int tokens = x.dim(0);
            var k = key.forward(pass, x).reshape(tokens, spec.kvHeads(), spec.headDim());
            return new Made(query.forward(pass, x).reshape(tokens, spec.heads(), spec.headDim()), k, k);
        }
    }

    /// Multi-head latent attention: keys and values of all heads come from one short vector, and a part of
    /// the key, the one that turns, is the same for all heads. DeepSeek-AI 2024, arXiv:2405.04434, section
    /// 2.1. The turning part comes first here, before the part that does not turn.
    ///
    /// @param query what query heads are made of: the residual, or a short vector too
    /// @param queryTurning [heads·turning, …]
    /// @param queryStill [heads·still, …]
    /// @param latent [rank, dim]
    /// @param norm of the short vector
    /// @param keyTurning [turning, dim]
    /// @param keyStill [heads·still, rank]
    /// @param value [heads·valueDim, rank]
    record Latent(
            Compressed query,
            Linear queryTurning,
            Linear queryStill,
            Linear latent,
            Norm norm,
            Linear keyTurning,
            Linear keyStill,
            Linear value)
            implements Projections {

        /// A shorter vector in place of the residual, or the residual itself.
        public sealed interface Compressed {
            Tensor forward(ForwardPass pass, Tensor x);
        }

        /// The residual itself.
        public record Whole() implements Compressed {
            @Override
            public Tensor forward(ForwardPass pass, Tensor x) {
                return x;
            }
        }

        /// norm(down x)
        ///
        /// @param down [rank, dim]
        public record Short(Linear down, Norm norm) implements Compressed {
            @Override
            public Tensor forward(ForwardPass pass, Tensor x) {
                return norm.forward(pass, down.forward(pass, x));
            }
        }

        @Override
        public Made make(ForwardPass pass, AttentionSpec spec, Tensor x) {
            int tokens = x.dim(0);
            int heads = spec.heads();
            int turning = keyTurning.weight().dim(0);
            int still = spec.headDim() - turning;
            var c = query.forward(pass, x); // [tokens, queryRank]
            var q = pass.ops()
                    .join(
                            queryTurning.forward(pass, c).reshape(tokens * heads, turning),
                            queryStill.forward(pass, c).reshape(tokens * heads, still));
            var kv = norm.forward(pass, latent.forward(pass, x)); // [tokens, rank]
            Tensor each = pass.ops().workspace().take(DType.I32, tokens * heads);
            for (int i = 0; i < tokens * heads; i++) {
                each.set(i, i / heads);
            }
            var k = pass.ops()
                    .join(
                            pass.ops().select(keyTurning.forward(pass, x), each),
                            keyStill.forward(pass, kv).reshape(tokens * heads, still));
            return new Made(
                    q.reshape(tokens, heads, spec.headDim()),
                    k.reshape(tokens, heads, spec.headDim()),
                    value.forward(pass, kv).reshape(tokens, heads, spec.valueDim()));
        }
    }

    /// Queries only: keys and values are those of an earlier layer, as it left them. Gemma 4; Brandon et
    /// al. 2024, arXiv:2405.12981.
    ///
    /// @param query [heads·headDim, dim]
    /// @param source number of that layer
    record Borrowed(Linear query, int source) implements Projections {
        @Override
        public Made make(ForwardPass pass, AttentionSpec spec, Tensor x) {
            throw new IllegalArgumentException(
                    "the layer has no keys and values of its own; it looks at those of layer " + source);
        }
    }
}
