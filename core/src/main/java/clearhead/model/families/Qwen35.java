package clearhead.model.families;

import clearhead.model.Config;
import clearhead.model.Family;
import clearhead.model.Parts;
import clearhead.nn.Block;
import clearhead.nn.GatedDelta;
import clearhead.nn.Network;
import clearhead.nn.Positions;
import java.util.List;
import java.util.Map;

/// Qwen 3.5: Gated DeltaNet, and gated attention in every fourth layer. Qwen team 2026.
final class Qwen35 implements Family {
    @Override
    public List<String> names() {
        return List.of("qwen3_5_text", "qwen3_5");
    }

    @Override
    public String transformersClass() {
        return "Qwen3_5ForCausalLM";
    }

    @Override
    public Network build(Config config, Parts p) {
        Config c = config.ofText()
                .withDefaults(Map.of(
                        "head_dim",
                        256,
                        "partial_rotary_factor",
                        0.25,
                        "tie_word_embeddings",
                        config.flag("tie_word_embeddings", false)));
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
                        s.gated(layer.at("mlp."))),
                (parts, name) -> parts.rmsNormPlusOne(name, s.dim(), s.eps()));
    }

    private static GatedDelta mixer(Parts p, DeltaParts d) {
        int dim = d.s().dim();
        int keys = d.keyWidth();
        int all = 2 * keys + d.width();
        return d.mixer(
                p,
                FilterParts.rows(p, "in_proj_qkv.query", "in_proj_qkv", 0, keys, all, dim, false),
                FilterParts.rows(p, "in_proj_qkv.key", "in_proj_qkv", keys, keys, all, dim, false),
                FilterParts.rows(p, "in_proj_qkv.value", "in_proj_qkv", 2 * keys, d.width(), all, dim, false),
                p.linear("in_proj_z", d.width(), dim, false),
                p.linear("in_proj_b", d.heads(), dim, false),
                p.linear("in_proj_a", d.heads(), dim, false));
    }
}
