package clearhead.ops;

import clearhead.tensor.Tensor;
import java.util.List;
import java.util.Optional;

/// Gradients of the operations of [Ops], each from what its forward pass saw or returned. `d` before
/// a name means the gradient of the loss by it. Results are new tensors; gradients of parameters are
/// added into the accumulators passed in (`into…`), which have the parameter's shape and are F32 (or
/// F64 on the reference backend).
public interface Adjoints {
    /// into += d.
    void accumulate(Tensor d, Tensor into);

    /// Adds each row of dOut [tokens, dim] to row ids[token] of intoTable [vocab, dim], in token
    /// order for every row.
    void embed(Tensor ids, Tensor dOut, Tensor intoTable);

    /// dX = dOut·W.
    ///
    /// @param dOut [tokens, out]
    /// @param weight [out, in]
    /// @return [tokens, in]
    Tensor linearInput(Tensor dOut, Tensor weight);

    /// intoWeight [out, in] += dOutᵀ·x.
    ///
    /// @param x [tokens, in]
    /// @param dOut [tokens, out]
    void linearWeight(Tensor x, Tensor dOut, Tensor intoWeight);

    /// intoBias [out] += Σ over tokens of dOut [tokens, out].
    void linearBias(Tensor dOut, Tensor intoBias);

    /// @return dX [tokens, dim]
    Tensor layerNorm(Tensor x, Tensor weight, double eps, Tensor dOut, Tensor intoWeight, Tensor intoBias);

    /// @return dX [tokens, dim]
    Tensor rmsNorm(Tensor x, Tensor weight, double eps, Tensor dOut, Tensor intoWeight);

    /// @return dX
    Tensor activate(Activation act, Tensor x, Tensor dOut);

    /// Gradients of act(gate)·up.
    Gated gate(Activation act, Tensor gate, Tensor up, Tensor dOut);

    /// The inverse rotation of dOut.
    Tensor rope(Tensor dOut, Tensor cos, Tensor sin, Tensor positions, Pairing pairing);

    /// The initial state is taken as given, and the state at the end is nobody's loss.
    ///
    /// @param dOut [tokens, channels]
    /// @param intoWeight [channels, kernel]
    /// @param intoBias [channels]
    /// @return dX [tokens, channels]
    Tensor causalConvolution(
            Tensor x,
            Tensor weight,
            Sequences rows,
            Optional<Tensor> state,
            Tensor dOut,
            Tensor intoWeight,
            Optional<Tensor> intoBias);

    /// Back through the recurrence; the states on the way are computed again from every 32nd. The initial
    /// state is taken as given, and the state at the end is nobody's loss.
    ///
    /// @param dOut [tokens, heads, valueDim]
    LinearAttention linearAttention(
            Tensor query,
            Tensor key,
            Tensor value,
            StateUpdate update,
            double scale,
            Sequences rows,
            Optional<Tensor> state,
            Tensor dOut);

    /// Backward of fused attention from its log-sum-exp; the [tokens, context] pattern is rebuilt
    /// block by block and never stored. FlashAttention-2, arXiv:2307.08691, algorithm 2.
    ///
    /// @param forward what [Ops#attention] returned
    /// @param dOut [tokens, heads, valueDim]
    Attention attention(
            Tensor query, Sequences queries, KvView.Packed past, AttentionSpec spec, Attended forward, Tensor dOut);

    /// @param y what [Ops#softmax] returned
    /// @return dX
    Tensor softmax(Tensor y, Tensor dOut);

    /// dLogits = dLoss·(softmax(logits) − onehot(target)), zero for ignored targets.
    ///
    /// @param dLoss [tokens]
    /// @return [tokens, vocab]
    Tensor crossEntropy(Tensor logits, Tensor targets, Tensor dLoss);

    /// Adds each row of dOut [count, dim] to row rows[i] of a zero [tokens, dim].
    ///
    /// @param tokens rows of the result
    Tensor select(Tensor rows, Tensor dOut, int tokens);

    /// Backpropagation through time. Werbos 1990.
    ///
    /// @param forward what [Ops#recur] returned
    /// @param dOut [tokens, hidden]
    /// @param dCells [tokens, hidden], of an LSTM only; absent: nothing depends on the cells
    /// @param into accumulators in place of the weights
    Recurrent recur(
            Sequences sequences,
            Recurrence recurrence,
            Optional<CellState> start,
            Recurred forward,
            Tensor dOut,
            Optional<Tensor> dCells,
            Recurrence into);

    /// Takes apart what [Ops#join] joined.
    ///
    /// @param dOut [tokens, m + n]
    /// @param left m
    Joined split(Tensor dOut, int left);

    /// @param forward what [Ops#route] returned
    /// @param dWeights [tokens, chosen]
    /// @return dLogits [tokens, experts]
    default Tensor route(Tensor logits, Routing routing, Routed forward, Tensor dWeights) {
        RoutingChecks.routeAdjoint(logits, routing, forward, dWeights);
        Tensor dLogits = zerosLike(logits);
        routing.adjoint(logits, forward, dWeights, dLogits);
        return dLogits;
    }

    /// dPart[row] += weight·dOut, dWeight = row·dOut.
    ///
    /// @param dOut [tokens, dim]
    Combined combine(List<Tensor> parts, Tensor rows, Tensor weights, Tensor dOut);

    /// dOut where low ≤ x ≤ high, else 0.
    Tensor clamp(Tensor x, double low, double high, Tensor dOut);

    /// A new zero-filled tensor like `t`, from the workspace.
    Tensor zerosLike(Tensor t);

    /// Gradients of a gate's two inputs.
    record Gated(Tensor dGate, Tensor dUp) {}

    /// Gradients of [Ops#combine]'s parts and weights.
    record Combined(List<Tensor> dParts, Tensor dWeights) {}

    /// Gradients of the two parts of [Ops#join]: [tokens, m] and [tokens, n].
    record Joined(Tensor dLeft, Tensor dRight) {}

    /// Gradients of a recurrence's inputs [tokens, gates·hidden] and of its state before the first token,
    /// which is always there.
    record Recurrent(Tensor dInputs, CellState dStart) {}

    /// Gradients of attention's inputs.
    ///
    /// @param dQuery [tokens, heads, headDim]
    /// @param dKey [keys, kvHeads, headDim]
    /// @param dValue [keys, kvHeads, valueDim]
    /// @param dSinks [heads], where the spec has sinks
    /// @param dBias like the table of a relative bias or the values of an added one, where the spec
    ///     has such a bias
    record Attention(Tensor dQuery, Tensor dKey, Tensor dValue, Optional<Tensor> dSinks, Optional<Tensor> dBias) {
        /// Without sinks and bias.
        public Attention(Tensor dQuery, Tensor dKey, Tensor dValue) {
            this(dQuery, dKey, dValue, Optional.empty(), Optional.empty());
        }
    }

    /// Gradients of linear attention's inputs, each like its input; those of the update where it has them.
    record LinearAttention(
            Tensor dQuery, Tensor dKey, Tensor dValue, Optional<Tensor> dDecay, Optional<Tensor> dRate) {}
}
