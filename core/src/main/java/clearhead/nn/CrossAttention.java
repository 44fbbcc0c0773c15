package clearhead.nn;

import clearhead.ops.AttentionSpec;
import clearhead.ops.KvView;
import clearhead.ops.Sequences;
import clearhead.tensor.Tensor;

/// Attention of one text over another: queries from a decoder's tokens, keys and values from what an
/// encoder made of the text that is read. Bahdanau et al. 2015, arXiv:1409.0473; Vaswani et al. 2017,
/// arXiv:1706.03762, section 3.2.3.
///
/// @param layer number of its block in the decoder, from 0
/// @param query [heads·headDim, dim]
/// @param key [kvHeads·headDim, memoryDim]
/// @param value [kvHeads·valueDim, memoryDim]
/// @param output [dim, heads·valueDim]
public record CrossAttention(int layer, AttentionSpec spec, Linear query, Linear key, Linear value, Linear output) {

    /// Keys and values of the text that is read: once, however many tokens are decoded.
    ///
    /// @param memory [memoryTokens, memoryDim]: what the encoder made
    /// @param rows which rows of `memory` belong to which sequence; a sequence may be empty
    public KvView.Packed remember(ForwardPass pass, Tensor memory, Sequences rows) {
        int tokens = memory.dim(0);
        var k = key.forward(pass, memory).reshape(tokens, spec.kvHeads(), spec.headDim());
        var v = value.forward(pass, memory).reshape(tokens, spec.kvHeads(), spec.valueDim());
        return new KvView.Packed(k, v, rows);
    }

    /// Over the text that [KeyValues#read] of the pass has, whose sequences are those of the pass.
    ///
    /// @param x [tokens, dim], after its norm
    /// @return [tokens, dim]
    public Tensor forward(ForwardPass pass, Tensor x) {
        int tokens = pass.tokens();
        KvView memory = pass.keyValues().read(layer);
        var q = query.forward(pass, x).reshape(tokens, spec.heads(), spec.headDim());
        var attended = pass.ops().attention(q, pass.sequences(), memory, spec);
        if (pass.probe().wants(Site.CROSS_PATTERN, layer) != Probe.Interest.NONE) {
            pass.probe().crossAttended(layer, new Probe.Attention(q, pass.sequences(), memory, spec, attended));
        }
        var z = attended.out(); // [tokens, heads, valueDim]
        return output.forward(pass, z.reshape(tokens, spec.heads() * spec.valueDim()));
    }
}
