package clearhead.model.families;

import clearhead.model.Config;
import clearhead.model.Family;
import clearhead.model.Parameter.Rows;
import clearhead.model.Parts;
import clearhead.nn.Block;
import clearhead.nn.GatedDelta;
import clearhead.nn.Linear;
import clearhead.nn.Network;
import clearhead.nn.Positions;
import java.util.List;
import java.util.Map;

/// Qwen3-Next: Gated DeltaNet, gated attention in every fourth layer, and a mixture of experts with one
/// that is shared and gated. Qwen team 2025.
final class Qwen3Next implements Family {
    @Override
    public List<String> names() {
        return List.of("qwen3_next");
    }

    @Override
    public String transformersClass() {
        return "Qwen3NextForCausalLM";
    }

    @Override
    public Network build(Config config, Parts p) {
        Config c = config.withDefaults(Map.of(
                "head_dim", 256, "partial_rotary_factor", 0.25, "decoder_sparse_step", 1, "norm_topk_prob", true));
        var s = LlamaSizes.of(c);
        var delta = DeltaParts.of(c, s);
        List<String> kinds = DeltaParts.kinds(c, s.layers());
        Positions rope = p.rope(c, s.headDim(), s.context());
        return s.decoder(
                p,
                c,
                rope,
                (layer, i) -> new Block.PreNorm(
                        layer.rmsNormPlusOne("input_layernorm", s.dim(), s.eps()),
                        kinds.get(i).equals(LayerKinds.FULL)
                                ? delta.attention(layer.at("self_attn."), rope)
                                : mixer(layer.at("linear_attn."), delta),
                        layer.rmsNormPlusOne("post_attention_layernorm", s.dim(), s.eps()),
                        Qwen3Moe.isDense(c, i)
                                ? s.gated(layer.at("mlp."))
                                : DeltaParts.mixture(c, s, layer.at("mlp."))),
                (parts, name) -> parts.rmsNormPlusOne(name, s.dim(), s.eps()));
    }

    /// `in_proj_qkvz` holds, for every key head, its query, its key, and values and gates of its value heads.
    private static GatedDelta mixer(Parts p, DeltaParts d) {
        int keys = d.keyDim();
        int rates = d.heads() / d.kvHeads();
        int run = rates * d.valueDim();
        return d.mixer(
                p,
                part(p, d, "in_proj_qkvz", "query", 0, keys, 2 * keys + 2 * run),
                part(p, d, "in_proj_qkvz", "key", keys, keys, 2 * keys + 2 * run),
                part(p, d, "in_proj_qkvz", "value", 2 * keys, run, 2 * keys + 2 * run),
                part(p, d, "in_proj_qkvz", "gate", 2 * keys + run, run, 2 * keys + 2 * run),
                part(p, d, "in_proj_ba", "rate", 0, rates, 2 * rates),
                part(p, d, "in_proj_ba", "step", rates, rates, 2 * rates));
    }

    private static Linear part(Parts p, DeltaParts d, String of, String own, int first, int run, int stride) {
        var rows = new Rows(first, run, stride, d.kvHeads() * stride);
        return p.part(of + "." + own, of, rows, d.kvHeads() * run, d.s().dim(), false);
    }
}
