package clearhead.ops;

import clearhead.tensor.DType;
import clearhead.tensor.Tensor;
import clearhead.tensor.Workspace;
import java.util.List;
import java.util.Optional;

/// The operations a transformer needs. Arguments are checked here once (see [Checks]); results are
/// new tensors taken from the workspace. Activations are F32, or F64 on the reference backend when
/// the weights are F64. Weights may be of any real type.
///
/// An instance belongs to one thread at a time; the work inside may use all cores. Results do not
/// depend on the number of threads, and a row of the result does not depend on the other rows.
public interface Ops {
    /// Where results are taken from.
    Workspace workspace();

    /// Rows of a table, or of a weight.
    ///
    /// @param table [vocab, dim], any real type; rows, or packed by this backend
    /// @param ids I32 [tokens]
    /// @return [tokens, dim]
    Tensor embed(Tensor table, Tensor ids);

    /// x·Wᵀ. The inner axis is accumulated in one fixed order, so that one row and many give the same
    /// bits.
    ///
    /// @param x [tokens, in]
    /// @param weight [out, in], any real type; rows, or packed by this backend
    /// @return [tokens, out]
    Tensor linear(Tensor x, Tensor weight);

    /// x·Wᵀ + bias.
    ///
    /// @param bias [out]
    Tensor linear(Tensor x, Tensor weight, Tensor bias);

    /// Elementwise a + b of one shape.
    Tensor add(Tensor a, Tensor b);

    /// Elementwise factor·x.
    Tensor scale(Tensor x, double factor);

    /// Elementwise a·b.
    ///
    /// @param a [.., dim]
    /// @param b of the same shape, or [dim]: one row for all rows of a
    Tensor multiply(Tensor a, Tensor b);

    /// (x − mean)/√(var + eps)·weight + bias over the last axis. Ba et al. 2016, arXiv:1607.06450.
    ///
    /// @param x [tokens, dim]
    /// @param weight [dim]
    /// @param bias [dim]
    Tensor layerNorm(Tensor x, Tensor weight, Tensor bias, double eps);

    /// x/√(mean(x²) + eps)·weight over the last axis. Zhang and Sennrich 2019, arXiv:1910.07467.
    ///
    /// @param x [tokens, dim]
    /// @param weight [dim]
    Tensor rmsNorm(Tensor x, Tensor weight, double eps);

    /// Elementwise act(x).
    Tensor activate(Activation act, Tensor x);

    /// Elementwise act(gate)·up. Shazeer 2020, arXiv:2002.05202.
    Tensor gate(Activation act, Tensor gate, Tensor up);

    /// Rotary position embedding: turns each pair of the first 2·pairs elements of every head by the
    /// angle of its position; the rest passes through. Su et al. 2021, arXiv:2104.09864.
    ///
    /// @param x [tokens, heads, headDim]
    /// @param cos [positions, pairs]
    /// @param sin [positions, pairs]
    /// @param positions I32 [tokens], rows of the tables
    /// @return [tokens, heads, headDim]
    Tensor rope(Tensor x, Tensor cos, Tensor sin, Tensor positions, Pairing pairing);

    /// Causal convolution of each channel by itself, along every sequence: the short convolution of
    /// Mamba (Gu and Dao 2023, arXiv:2312.00752, section 3.4), Gated DeltaNet and LFM2.
    ///
    ///     out[t] = bias + Σ over j of weight[j]·x[t − (kernel − 1) + j]
    ///
    /// Before a sequence's first token lies its state: the kernel − 1 inputs that came before, oldest
    /// first. A sequence in one pass and in parts gives the same bits.
    ///
    /// @param x [tokens, channels]
    /// @param weight [channels, kernel], any real type; the last column is that of the token itself
    /// @param bias [channels], any real type; absent: zeros
    /// @param rows which rows of x belong to which sequence
    /// @param state [sequences, kernel − 1, channels]; absent: zeros
    /// @return out [tokens, channels], state like `state`
    Carried causalConvolution(Tensor x, Tensor weight, Optional<Tensor> bias, Sequences rows, Optional<Tensor> state);

    /// Linear attention: a state S [keyDim, valueDim] of each kv head, which every token updates (see
    /// [StateUpdate]) and its queries then read: out = scale·Sᵀ·query. A sequence in one pass and in parts
    /// gives the same bits, as in [#causalConvolution].
    ///
    /// @param query [tokens, heads, keyDim]; head h reads kv head h / (heads / kvHeads)
    /// @param key [tokens, kvHeads, keyDim]; of length 1 for the delta rules, or the state may grow
    /// @param value [tokens, kvHeads, valueDim]
    /// @param rows which rows belong to which sequence
    /// @param state [sequences, kvHeads, keyDim, valueDim]; absent: zeros
    /// @return out [tokens, heads, valueDim], state like `state`
    Carried linearAttention(
            Tensor query,
            Tensor key,
            Tensor value,
            StateUpdate update,
            double scale,
            Sequences rows,
            Optional<Tensor> state);

    /// Selective state space of Mamba 1 and 2: every element of x has a state of its own, which forgets as
    /// fast as the token says; see [StateSpace]. A sequence in one pass and in parts gives the same bits, as
    /// in [#causalConvolution].
    ///
    ///     S ← exp(delta·decay)·S + delta·x·input
    ///     out = Σ S·output + skip·x,  delta = softplus(step + bias), within limits
    ///
    /// @param x [tokens, heads, headDim]; in Mamba 1 every channel is a head of one element
    /// @param step [tokens, heads]
    /// @param input [tokens, groups, stateDim]; head h reads group h / (heads / groups)
    /// @param output [tokens, groups, stateDim]
    /// @param state [sequences, heads, headDim, stateDim]; absent: zeros
    /// @return out [tokens, heads, headDim], state like `state`
    Carried selectiveScan(
            Tensor x,
            Tensor step,
            Tensor input,
            Tensor output,
            StateSpace space,
            Sequences rows,
            Optional<Tensor> state);

    /// RWKV's average of all earlier values, weighted by their keys and by how long ago they were. Peng et
    /// al. 2023, arXiv:2305.13048, eq. 16; each channel by itself:
    ///
    ///     out[t] = (Σ over i < t of e^((t − 1 − i)·decay + key[i])·value[i] + e^(first + key[t])·value[t])
    ///              / (the same sum without values)
    ///
    /// Sums are carried as numerator and denominator over e^largest, so nothing overflows. A sequence in one
    /// pass and in parts gives the same bits, as in [#causalConvolution].
    ///
    /// @param key [tokens, channels]
    /// @param value [tokens, channels]
    /// @param decay [channels], below 0
    /// @param first [channels]
    /// @param state [sequences, 3, channels]: numerator, denominator, largest exponent; zeros where there was
    ///     no token yet; absent: zeros
    /// @return out [tokens, channels], state like `state`
    Carried wkv(Tensor key, Tensor value, Tensor decay, Tensor first, Sequences rows, Optional<Tensor> state);

    /// Writes new keys and values into the pages of a cache, at the last positions of each sequence:
    /// `past` already counts them in its lengths.
    ///
    /// @param key [tokens, kvHeads, headDim]
    /// @param value [tokens, kvHeads, valueDim]
    /// @param queries which rows belong to which sequence
    void store(Tensor key, Tensor value, Sequences queries, KvView.Paged past);

    /// Fused attention of every kind that [AttentionSpec] describes; the [tokens, context] scores are
    /// never stored. FlashAttention-2, Dao 2023, arXiv:2307.08691, algorithm 1.
    ///
    /// @param query [tokens, heads, headDim]
    /// @param queries which rows of query belong to which sequence
    /// @param past keys and values of the same sequences; of other tokens, for cross-attention
    Attended attention(Tensor query, Sequences queries, KvView past, AttentionSpec spec);

    /// Scores of one sequence as the softmax sees them, −∞ where masked: the plain path, for looking
    /// and for interventions.
    ///
    /// @param query [queries, heads, headDim], the rows of this sequence alone
    /// @param sequence number of the sequence in `past`
    /// @return [heads, queries, context]
    default Tensor scores(Tensor query, KvView past, int sequence, AttentionSpec spec) {
        return scores(query, past, sequence, spec, ScoreStage.BIASED);
    }

    /// Scores of one sequence on their way to the softmax.
    ///
    /// @param query [queries, heads, headDim], the rows of this sequence alone
    /// @param sequence number of the sequence in `past`
    /// @return [heads, queries, context]
    Tensor scores(Tensor query, KvView past, int sequence, AttentionSpec spec, ScoreStage stage);

    /// exp(x)/Σ exp(x) over the last axis; a row of −∞ gives zeros.
    Tensor softmax(Tensor x);

    /// Σ over keys of pattern·value, of one sequence: the plain path.
    ///
    /// @param pattern [heads, queries, context]
    /// @return [queries, heads, valueDim]
    Tensor weigh(Tensor pattern, KvView past, int sequence, AttentionSpec spec);

    /// −log softmax(logits)[target] of each row, in nats; 0 where the target is negative (ignored).
    ///
    /// @param logits [tokens, vocab]
    /// @param targets I32 [tokens]
    /// @return [tokens]
    Tensor crossEntropy(Tensor logits, Tensor targets);

    /// Rows of x, in the order given.
    ///
    /// @param x [tokens, dim]
    /// @param rows I32 [count]
    /// @return [count, dim]
    Tensor select(Tensor x, Tensor rows);

    /// One direction of a recurrent layer over packed sequences: [Cell]'s equations at each token, from
    /// its products with the input and the state before it.
    ///
    /// @param inputs [tokens, gates·hidden]: x·Wᵀ + b of the input weights, from [#linear]
    /// @param start state before the first token; absent: zeros
    Recurred recur(Tensor inputs, Sequences sequences, Recurrence recurrence, Optional<CellState> start);

    /// Two matrices side by side.
    ///
    /// @param left [tokens, m]
    /// @param right [tokens, n]
    /// @return [tokens, m + n]
    Tensor join(Tensor left, Tensor right);

    /// Which experts every token goes to, and how much it takes of each.
    ///
    /// @param logits [tokens, experts]
    default Routed route(Tensor logits, Routing routing) {
        RoutingChecks.route(logits, routing);
        Tensor experts = workspace().take(DType.I32, logits.dim(0), routing.chosen());
        Tensor weights = workspace().take(logits.type(), logits.dim(0), routing.chosen());
        routing.forward(logits, experts, weights);
        return new Routed(experts, weights);
    }

    /// Weighted sums of rows: out[t] = Σ over j of weights[t, j]·row rows[t, j], in the order of j. Rows are
    /// counted through all parts, one after another.
    ///
    /// @param parts each [n, dim]; n may differ
    /// @param rows I32 [tokens, chosen]
    /// @param weights [tokens, chosen]
    /// @return [tokens, dim]
    Tensor combine(List<Tensor> parts, Tensor rows, Tensor weights);

    /// Elementwise min(max(x, low), high).
    Tensor clamp(Tensor x, double low, double high);

    /// Gives back what was taken from the workspace since `mark`, except `tensor`, which is moved. A
    /// tape, which needs all of it for the way back, gives nothing back.
    default Tensor keep(long mark, Tensor tensor) {
        return workspace().keep(mark, tensor);
    }
}
