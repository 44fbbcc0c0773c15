package clearhead.model.families;

import clearhead.model.Config;
import clearhead.model.Parts;
import clearhead.nn.Attention;
import clearhead.nn.HeadNorm;
import clearhead.nn.HeadNorms;
import clearhead.nn.Mlp;
import clearhead.nn.Positions;
import java.util.Arrays;
import java.util.List;

/// What LFM2 writes down in a way of its own.
final class Lfm2Parts {
    private Lfm2Parts() {}

    /// Width of the MLP: two thirds, stretched and rounded up, unless the configuration means what it says.
    static int hidden(Config c, LlamaSizes s) {
        int named = c.size("block_ff_dim", s.hidden());
        if (!c.flag("block_auto_adjust_ff_dim", true)) {
            return named;
        }
        int hidden = (int) (c.positive("block_ffn_dim_multiplier", 1) * (int) (2L * named / 3));
        int of = c.size("block_multiple_of", 256);
        return Math.ceilDiv(hidden, of) * of;
    }

    /// Which layers have a convolution and which attention: `layer_types`, or `full_attn_idxs` in older files.
    static List<String> kinds(Config c, int layers) {
        if (c.json().has("layer_types") || !c.json().has("full_attn_idxs")) {
            return LayerKinds.of(c, layers, _ -> false).kinds();
        }
        var kinds = new String[layers];
        Arrays.fill(kinds, "conv");
        for (int layer : c.json().array("full_attn_idxs").integers()) {
            if (layer < 0 || layer >= layers) {
                throw c.json().wrong("full_attn_idxs", "wanted layers 0 to " + (layers - 1) + ", found " + layer);
            }
            kinds[layer] = LayerKinds.FULL;
        }
        return List.of(kinds);
    }

    static Mlp mlp(LlamaSizes s, Parts p, int hidden) {
        return new Mlp.Gated(
                p.linear("w1", hidden, s.dim(), false),
                p.linear("w3", hidden, s.dim(), false),
                p.residual("w2", s.dim(), hidden, false),
                s.act());
    }

    static Attention attention(LlamaSizes s, Parts p, Positions rope) {
        int width = s.heads() * s.headDim();
        return new Attention(
                        s.causal(),
                        rope,
                        p.linear("q_proj", width, s.dim(), false),
                        p.linear("k_proj", s.kvHeads() * s.headDim(), s.dim(), false),
                        p.linear("v_proj", s.kvHeads() * s.headDim(), s.dim(), false),
                        p.residual("out_proj", s.dim(), width, false))
                .withNormsBefore(HeadNorms.of(
                        new HeadNorm.PerHead(p.rmsNorm("q_layernorm", s.headDim(), s.eps())),
                        new HeadNorm.PerHead(p.rmsNorm("k_layernorm", s.headDim(), s.eps()))));
    }
}
