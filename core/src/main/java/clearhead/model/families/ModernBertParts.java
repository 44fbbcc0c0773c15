package clearhead.model.families;

import clearhead.model.Config;
import clearhead.model.Parameter.Rows;
import clearhead.model.Parts;
import clearhead.model.RopeScaling;
import clearhead.nn.Attention;
import clearhead.nn.Block;
import clearhead.nn.Linear;
import clearhead.nn.Mlp;
import clearhead.nn.Norm;
import clearhead.nn.Positions;
import clearhead.ops.AttentionSpec;
import clearhead.ops.Mask;
import java.util.Map;

/// The layers of ModernBERT.
///
/// @param hidden width of the MLP
/// @param half keys that a layer with a window sees on each side
record ModernBertParts(Config c, int dim, int heads, int headDim, int hidden, int half, LayerKinds kinds, double eps) {

    static ModernBertParts of(Config c) {
        int dim = c.size("hidden_size");
        int heads = c.size("num_attention_heads");
        int half = c.size("local_attention", 128) / 2;
        int every = c.size("global_attn_every_n_layers", 3);
        var kinds = LayerKinds.of(
                c.with(Map.of("sliding_window", half)), c.layers("num_hidden_layers"), i -> i % every != 0);
        return new ModernBertParts(
                c,
                dim,
                heads,
                c.headDim(dim, "num_attention_heads", heads),
                c.size("intermediate_size"),
                half,
                kinds,
                c.positive("norm_eps", 1e-5));
    }

    /// @param all rotation of layers that see all
    /// @param near rotation of layers with a window
    Block block(Parts p, int layer, Positions all, Positions near) {
        boolean slides = kinds.slides(layer);
        var spec = new AttentionSpec(heads, heads, headDim, 1 / Math.sqrt(headDim), Mask.BIDIRECTIONAL);
        boolean bias = c.flag("attention_bias", false);
        var attention = new Attention(
                slides ? spec.withMask(new Mask.Window(half, half)) : spec,
                slides ? near : all,
                p.part("attn.q", "attn.Wqkv", Rows.of(0, dim, 3 * dim), dim, dim, bias),
                p.part("attn.k", "attn.Wqkv", Rows.of(dim, dim, 3 * dim), dim, dim, bias),
                p.part("attn.v", "attn.Wqkv", Rows.of(2 * dim, dim, 3 * dim), dim, dim, bias),
                p.residual("attn.Wo", dim, dim, bias));
        Norm first = layer == 0 ? Norm.NONE : norm(p, "attn_norm");
        return new Block.PreNorm(first, attention, norm(p, "mlp_norm"), mlp(p));
    }

    private Mlp mlp(Parts p) {
        boolean bias = c.flag("mlp_bias", false);
        Linear gate = p.part("mlp.gate", "mlp.Wi", Rows.of(0, hidden, 2 * hidden), hidden, dim, bias);
        Linear up = p.part("mlp.up", "mlp.Wi", Rows.of(hidden, hidden, 2 * hidden), hidden, dim, bias);
        return new Mlp.Gated(
                gate, up, p.residual("mlp.Wo", dim, hidden, bias), c.activation("hidden_activation", "gelu"));
    }

    Norm norm(Parts p, String name) {
        return c.flag("norm_bias", false) ? p.layerNorm(name, dim, eps) : p.layerNormWithoutBias(name, dim, eps);
    }

    /// Older files name a theta for each kind of layer.
    Config rotation(String kind, String name, double theta) {
        return c.json().has("rope_parameters")
                ? RopeScaling.ofLayers(c, kind)
                : c.with(Map.of(
                        "rope_parameters", Map.of("rope_type", "default", "rope_theta", c.positive(name, theta))));
    }
}
