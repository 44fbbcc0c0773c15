package clearhead.nn;

import clearhead.ops.Activation;
import clearhead.tensor.DType;
import clearhead.tensor.Tensor;
import java.util.List;

/// What happens to each token's vector on its way to the first block, or from the last one to the head.
public sealed interface EmbeddingRule {
    EmbeddingRule NONE = new None();

    /// @param x [tokens, dim]: rows of the embedding
    /// @return [tokens, dim]
    Tensor forward(ForwardPass pass, Tensor x);

    /// Width of what it makes of vectors so wide.
    default int width(int dim) {
        return dim;
    }

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

    /// The same vector added to every token's: BERT's first segment.
    ///
    /// @param table [segments, dim]; the first row is added
    record Added(Tensor table) implements EmbeddingRule {
        @Override
        public Tensor forward(ForwardPass pass, Tensor x) {
            Tensor zeros = pass.ops().workspace().take(DType.I32, x.dim(0));
            zeros.data().fill((byte) 0);
            return pass.ops().add(x, pass.ops().embed(table, zeros));
        }
    }

    /// Through a matrix to another width: OPT 350M, ELECTRA, ALBERT.
    record Projected(Linear projection) implements EmbeddingRule {
        @Override
        public int width(int dim) {
            return projection.weight().dim(0);
        }

        @Override
        public Tensor forward(ForwardPass pass, Tensor x) {
            return projection.forward(pass, x);
        }
    }

    /// act(x·Wᵀ + b): the first step of the head of a masked language model.
    record Activated(Linear dense, Activation act) implements EmbeddingRule {
        @Override
        public Tensor forward(ForwardPass pass, Tensor x) {
            return pass.ops().activate(act, dense.forward(pass, x));
        }
    }

    /// One after the other.
    record InTurn(List<EmbeddingRule> rules) implements EmbeddingRule {
        public InTurn {
            rules = List.copyOf(rules);
        }

        @Override
        public int width(int dim) {
            for (EmbeddingRule rule : rules) {
                dim = rule.width(dim);
            }
            return dim;
        }

        public static InTurn of(EmbeddingRule... rules) {
            return new InTurn(List.of(rules));
        }

        @Override
        public Tensor forward(ForwardPass pass, Tensor x) {
            for (EmbeddingRule rule : rules) {
                x = rule.forward(pass, x);
            }
            return x;
        }
    }
}
