package clearhead.model.families;

import clearhead.model.Config;
import clearhead.model.Family;
import clearhead.model.Parts;
import clearhead.nn.Mlp;
import clearhead.nn.Network;
import clearhead.nn.Positions;
import clearhead.nn.SharedExpert;
import clearhead.ops.Pairing;
import clearhead.ops.Routing;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.function.IntPredicate;

/// Llama 4, the text part: three layers of four look at their chunk only; the fourth has no rotary
/// positions and grows sharper with the position. Meta 2025, "The Llama 4 herd".
record Llama4(String name, String transformersClass) implements Family {
    @Override
    public List<String> names() {
        return List.of(name);
    }

    @Override
    public Network build(Config config, Parts p) {
        Config c = config.ofText().withDefaults(Map.of("rms_norm_eps", 1e-5, "rope_theta", 500000.0, "head_dim", 128));
        var s = LlamaSizes.of(c);
        IntPredicate turns = SmolLm3.turning(c, s.layers());
        IntPredicate mixed = mixed(c);
        Positions rope = p.rope(c, s.headDim(), s.context(), Pairing.INTERLEAVED);
        return s.decoder(p, c, rope, (layer, i) -> {
            Parts at = layer.at("feed_forward.");
            return s.preNorm(
                    layer,
                    turns.test(i)
                            ? Llama4Attention.near(c, s, layer.at("self_attn."), rope)
                            : Llama4Attention.far(c, s, layer.at("self_attn.")),
                    mixed.test(i)
                            ? mixture(c, s, at)
                            : s.withHidden(c.size("intermediate_size_mlp", 16384))
                                    .gated(at));
        });
    }

    private static IntPredicate mixed(Config c) {
        if (c.json().has("moe_layers")) {
            int[] layers = c.json().array("moe_layers").integers();
            return i -> Arrays.stream(layers).anyMatch(layer -> layer == i);
        }
        int step = c.size("interleave_moe_layer_step", 1);
        return i -> (i + 1) % step == 0;
    }

    private static Mlp mixture(Config c, LlamaSizes s, Parts p) {
        int experts = c.size("num_local_experts", 16);
        return new Mlp.ScaledInputExperts(
                p.linear("router", experts, s.dim(), false),
                Routing.sigmoid(c.size("num_experts_per_tok", 1)),
                new ExpertParts(p, experts, s.dim(), s.hidden(), s.act())
                        .transposed("experts.gate_up_proj", "experts.down_proj"),
                new SharedExpert.Always(s.gated(p.at("shared_expert."))));
    }
}
