package clearhead.nn;

import clearhead.ops.Activation;
import clearhead.ops.Ops;
import clearhead.tensor.DType;
import clearhead.tensor.Tensor;

/// What happens to the residual at the very end of a block.
public sealed interface Ending {

    /// @param x [tokens, dim]
    /// @return [tokens, dim]
    Tensor forward(ForwardPass pass, Tensor x);

    /// Times one number.
    ///
    /// @param factor [1]
    record Scaled(Tensor factor) implements Ending {
        @Override
        public Tensor forward(ForwardPass pass, Tensor x) {
            return pass.ops().scale(x, factor.at(0));
        }
    }

    /// Every layer's own embedding of the token, which opens and shuts what a gate lets through: Gemma 3n
    /// and 4.
    ///
    /// ```
    /// own = (norm(context·(token·√dim)·dim^−½) + table[token, layer]·√size)·2^−½
    /// x + normBehind(project(act(gate x)·own))
    /// ```
    ///
    /// @param token [vocab, dim]: the model's embedding
    /// @param context [size, dim]: this layer's part of the projection
    /// @param table [vocab·layers, size]
    /// @param layer number of this layer
    record TokenInput(
            Tensor token,
            Linear context,
            Norm norm,
            Tensor table,
            int layers,
            int layer,
            Linear gate,
            Activation act,
            Linear project,
            Norm normBehind)
            implements Ending {
        @Override
        public Tensor forward(ForwardPass pass, Tensor x) {
            Ops ops = pass.ops();
            int tokens = pass.tokens();
            var embedded = ops.scale(ops.embed(token, pass.ids()), Math.sqrt(token.dim(1)));
            var made = ops.scale(context.forward(pass, embedded), 1 / Math.sqrt(token.dim(1)));
            Tensor rows = ops.workspace().take(DType.I32, tokens);
            for (int t = 0; t < tokens; t++) {
                rows.set(t, Math.addExact(Math.multiplyExact(pass.ids().intAt(t), layers), layer));
            }
            var looked = ops.scale(ops.embed(table, rows), Math.sqrt(table.dim(1)));
            var own = ops.scale(ops.add(norm.forward(pass, made), looked), Math.sqrt(0.5)); // [tokens, size]
            var h = ops.gate(act, gate.forward(pass, x), own);
            return ops.add(x, normBehind.forward(pass, project.forward(pass, h)));
        }
    }

    /// One after the other.
    record InTurn(Ending first, Ending second) implements Ending {
        @Override
        public Tensor forward(ForwardPass pass, Tensor x) {
            return second.forward(pass, first.forward(pass, x));
        }
    }
}
