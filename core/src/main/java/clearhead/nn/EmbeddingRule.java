package clearhead.nn;

import clearhead.tensor.Tensor;

/// What happens to a token's embedding before the first block.
public sealed interface EmbeddingRule {
    EmbeddingRule NONE = new None();

    /// @param x [tokens, dim]: rows of the embedding
    /// @return [tokens, dim]
    Tensor forward(ForwardPass pass, Tensor x);

    /// Nothing.
    record None() implements EmbeddingRule {
        @Override
        public Tensor forward(ForwardPass pass, Tensor x) {
            return x;
        }
    }

    /// Times a constant: Gemma's √dim, Granite's multiplier.
    record Scaled(double factor) implements EmbeddingRule {
        @Override
        public Tensor forward(ForwardPass pass, Tensor x) {
            return pass.ops().scale(x, factor);
        }
    }

    /// Through a norm: BLOOM, nanochat.
    record Normed(Norm norm) implements EmbeddingRule {
        @Override
        public Tensor forward(ForwardPass pass, Tensor x) {
            return norm.forward(pass, x);
        }
    }
}
