package clearhead.model.families;

import clearhead.model.Config;
import clearhead.model.Parts;
import clearhead.nn.Attention;
import clearhead.nn.Block;
import clearhead.nn.CrossAttention;
import clearhead.nn.Mlp;
import clearhead.nn.Norm;
import clearhead.nn.Positions;
import clearhead.ops.Activation;
import clearhead.ops.AttentionSpec;
import clearhead.ops.Mask;
import java.util.List;

/// The layers of BART, Marian and mBART.
///
/// @param preNorm whether norms stand before attention and MLP
record BartParts(Config c, int dim, Activation act, boolean preNorm) {
    static final double EPS = 1e-5;

    static BartParts of(Config c, boolean preNorm) {
        return new BartParts(c, c.size("d_model"), c.activation("activation_function", "gelu"), preNorm);
    }

    /// @param p below `encoder.`
    List<Block> encoder(Parts p) {
        int hidden = c.size("encoder_ffn_dim");
        var spec = spec("encoder_attention_heads");
        return p.blocks("layers.", c.layers("encoder_layers"), (layer, _) -> block(layer, spec, hidden));
    }

    /// @param p below `decoder.`
    List<Block> decoder(Parts p) {
        int hidden = c.size("decoder_ffn_dim");
        var spec = spec("decoder_attention_heads");
        return p.blocks("layers.", c.layers("decoder_layers"), (layer, i) -> {
            var own = block(layer, spec.withMask(Mask.CAUSAL), hidden);
            Parts of = layer.at("encoder_attn.");
            var cross = new CrossAttention(
                    i,
                    spec,
                    of.linear("q_proj", dim, dim, true),
                    of.linear("k_proj", dim, dim, true),
                    of.linear("v_proj", dim, dim, true),
                    of.residual("out_proj", dim, dim, true));
            Norm norm = norm(layer, "encoder_attn_layer_norm");
            return preNorm
                    ? new Block.Reading(own, norm, cross, Norm.NONE)
                    : new Block.Reading(own, Norm.NONE, cross, norm);
        });
    }

    Norm norm(Parts p, String name) {
        return p.layerNorm(name, dim, EPS);
    }

    private AttentionSpec spec(String headsName) {
        int heads = c.size(headsName);
        int headDim = c.headDim(dim, headsName, heads);
        return new AttentionSpec(heads, heads, headDim, 1 / Math.sqrt(headDim), Mask.BIDIRECTIONAL);
    }

    private Block block(Parts p, AttentionSpec spec, int hidden) {
        var attention = new Attention(
                spec,
                new Positions.None(),
                p.linear("self_attn.q_proj", dim, dim, true),
                p.linear("self_attn.k_proj", dim, dim, true),
                p.linear("self_attn.v_proj", dim, dim, true),
                p.residual("self_attn.out_proj", dim, dim, true));
        Norm first = norm(p, "self_attn_layer_norm");
        var mlp = new Mlp.Dense(p.linear("fc1", hidden, dim, true), p.residual("fc2", dim, hidden, true), act);
        Norm second = norm(p, "final_layer_norm");
        return preNorm
                ? new Block.PreNorm(first, attention, second, mlp)
                : new Block.PostNorm(attention, first, mlp, second);
    }
}
