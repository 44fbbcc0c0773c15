package clearhead.model.families;

import clearhead.model.Config;
import clearhead.model.Family;
import clearhead.model.Parts;
import clearhead.nn.Block;
import clearhead.nn.EmbeddingRule;
import clearhead.nn.LogitRule;
import clearhead.nn.Mixer;
import clearhead.nn.Mlp;
import clearhead.nn.Network;
import clearhead.nn.Positions;
import clearhead.nn.SharedExpert;
import java.util.List;

/// Granite 4: Mamba 2 in most layers, attention in some, Granite's factors, and a shared MLP beside experts
/// where there are any. IBM 2025, "Granite 4.0 Language Models".
final class GraniteHybrid implements Family {
    @Override
    public List<String> names() {
        return List.of("granitemoehybrid");
    }

    @Override
    public String transformersClass() {
        return "GraniteMoeHybridForCausalLM";
    }

    @Override
    public Network build(Config c, Parts p) {
        var s = LlamaSizes.of(c);
        var spec = s.causal().withScale(c.positive("attention_multiplier", 1));
        double factor = c.positive("residual_multiplier", 1);
        boolean turns = c.json().text("position_embedding_type", "nope").equals("rope");
        Positions positions = turns ? p.rope(c, s.headDim(), s.context()) : new Positions.None();
        var dual = DualParts.ofHybrid(c, s);
        List<String> kinds = LayerKinds.of(c, s.layers(), _ -> false).kinds();
        int experts = c.json().integer("num_local_experts", 0);
        return s.decoder(
                        p,
                        c,
                        positions,
                        (layer, i) -> {
                            boolean attends = kinds.get(i).endsWith("attention")
                                    && !kinds.get(i).startsWith("linear");
                            Mixer mixer = attends
                                    ? s.attention(
                                            layer.at("self_attn."),
                                            spec,
                                            positions,
                                            s.attentionBias(),
                                            s.attentionBias())
                                    : dual.mixer(layer.at("mamba."));
                            return new Block.ScaledPreNorm(
                                    layer.rmsNorm("input_layernorm", s.dim(), s.eps()),
                                    mixer,
                                    layer.rmsNorm("post_attention_layernorm", s.dim(), s.eps()),
                                    mlp(c, s, layer, experts),
                                    factor);
                        },
                        (parts, name) -> parts.rmsNorm(name, s.dim(), s.eps()))
                .with(new EmbeddingRule.Scaled(c.positive("embedding_multiplier", 1)))
                .with(new LogitRule.Scaled(1 / c.positive("logits_scaling", 1)));
    }

    private static Mlp mlp(Config c, LlamaSizes s, Parts layer, int experts) {
        int hidden = c.size("shared_intermediate_size", 1024);
        Parts p = layer.at("shared_mlp.");
        Mlp shared = new Mlp.Gated(
                FilterParts.rows(p, "input_linear.gate", "input_linear", 0, hidden, 2 * hidden, s.dim(), false),
                FilterParts.rows(p, "input_linear.up", "input_linear", hidden, hidden, 2 * hidden, s.dim(), false),
                p.residual("output_linear", s.dim(), hidden, false),
                s.act());
        return experts == 0
                ? shared
                : GraniteMoe.mixture(c, s, layer.at("block_sparse_moe."), new SharedExpert.Always(shared));
    }
}
