package clearhead.nn;

import clearhead.ops.Ops;
import clearhead.tensor.DType;
import clearhead.tensor.Tensor;
import java.util.List;

/// Bounds queries, keys or values, so that scores cannot grow without end. Henry et al. 2020,
/// arXiv:2010.04245; Dehghani et al. 2023, arXiv:2302.05442.
public sealed interface HeadNorm {
    HeadNorm NONE = new None();

    /// @param x [tokens, heads, headDim]
    /// @return the same shape
    Tensor forward(ForwardPass pass, Tensor x);

    /// Leaves it as it is.
    record None() implements HeadNorm {
        @Override
        public Tensor forward(ForwardPass pass, Tensor x) {
            return x;
        }
    }

    /// Each head's vector by itself, with the same weights for all. Qwen 3, Gemma 3.
    ///
    /// @param norm over headDim elements
    record PerHead(Norm norm) implements HeadNorm {
        @Override
        public Tensor forward(ForwardPass pass, Tensor x) {
            int[] dims = x.shape().dims();
            return norm.forward(pass, x.reshape(dims[0] * dims[1], dims[2])).reshape(dims);
        }
    }

    /// All heads of a token as one vector. OLMo 2.
    ///
    /// @param norm over heads·headDim elements
    record Whole(Norm norm) implements HeadNorm {
        @Override
        public Tensor forward(ForwardPass pass, Tensor x) {
            int[] dims = x.shape().dims();
            return norm.forward(pass, x.reshape(dims[0], dims[1] * dims[2])).reshape(dims);
        }
    }

    /// Each head's vector by itself, then times weights of that head's own: Cohere, StableLM.
    ///
    /// @param norm over headDim elements, with weights that are all 1
    /// @param weights [heads·headDim] together, or a [headDim] for each head
    record EachOwn(Norm norm, List<Tensor> weights) implements HeadNorm {
        public EachOwn {
            weights = List.copyOf(weights);
        }

        @Override
        public Tensor forward(ForwardPass pass, Tensor x) {
            Ops ops = pass.ops();
            int[] dims = x.shape().dims();
            Tensor all = weights.getFirst()
                    .reshape(1, Math.toIntExact(weights.getFirst().size()));
            for (Tensor next : weights.subList(1, weights.size())) {
                all = ops.join(all, next.reshape(1, dims[2]));
            }
            Tensor y = norm.forward(pass, x.reshape(dims[0] * dims[1], dims[2]));
            return ops.multiply(y.reshape(dims[0], dims[1] * dims[2]), all.reshape(dims[1] * dims[2]))
                    .reshape(dims);
        }
    }

    /// Bounded to ±`bound`, element by element. OLMo's `clip_qkv`; MPT.
    record Clamped(double bound) implements HeadNorm {
        @Override
        public Tensor forward(ForwardPass pass, Tensor x) {
            return pass.ops().clamp(x, -bound, bound);
        }
    }

    /// One after the other.
    record InTurn(HeadNorm first, HeadNorm second) implements HeadNorm {
        @Override
        public Tensor forward(ForwardPass pass, Tensor x) {
            return second.forward(pass, first.forward(pass, x));
        }
    }

    /// This and then another.
    default HeadNorm then(HeadNorm other) {
        return this instanceof None ? other : new InTurn(this, other);
    }

    /// Longer with the position, so that attention stays sharp over long contexts: every vector of a token
    /// times 1 + slope·ln(1 + ⌊(position + 1)/step⌋). Llama 4; Nakanishi 2025, arXiv:2501.19399.
    record ByPosition(double step, double slope) implements HeadNorm {
        @Override
        public Tensor forward(ForwardPass pass, Tensor x) {
            int[] dims = x.shape().dims();
            Tensor factors = pass.ops().workspace().take(x.type(), dims[0], 1);
            Tensor rows = pass.ops().workspace().take(DType.I32, dims[0], 1);
            for (int row = 0; row < dims[0]; row++) {
                double steps = Math.floor((pass.positions().intAt(row) + 1) / step);
                factors.set(row, 1 + slope * Math.log1p(steps));
                rows.set(row, row);
            }
            Tensor flat = x.reshape(dims[0], dims[1] * dims[2]);
            return pass.ops().combine(List.of(flat), rows, factors).reshape(dims);
        }
    }
}
