package clearhead.model.families;

import clearhead.model.Config;
import clearhead.model.Family;
import clearhead.model.Parts;
import clearhead.model.RopeScaling;
import clearhead.nn.Attention;
import clearhead.nn.Network;
import clearhead.nn.Positions;
import java.util.List;
import java.util.Map;

/// OLMo 2 and 3: norms behind attention and MLP, and on all heads' queries and keys together; OLMo 3
/// has a window in three layers of four. OLMo team 2024, arXiv:2501.00656; 2025, arXiv:2512.13961.
record Olmo2(String name, String transformersClass) implements Family {
    @Override
    public List<String> names() {
        return List.of(name);
    }

    @Override
    public Network build(Config c, Parts p) {
        var s = LlamaSizes.of(c.withDefaults(Map.of("rms_norm_eps", 1e-5)));
        var kinds = LayerKinds.of(c, s.layers(), i -> (i + 1) % 4 != 0);
        Config full = RopeScaling.ofLayers(c, LayerKinds.FULL);
        Positions rope = p.rope(full, s.headDim(), s.context());
        Positions near = p.rope(slidingRope(c), s.headDim(), s.context());
        return s.decoder(p, full, rope, (layer, i) -> {
            Parts at = layer.at("self_attn.");
            Attention attention = s.asStored(
                            at,
                            kinds.of(s.causal(), i),
                            kinds.slides(i) ? near : rope,
                            s.attentionBias(),
                            s.attentionBias())
                    .withNormsBefore(s.whole(at));
            return s.normsBehind(layer, attention, s.gated(layer.at("mlp.")));
        });
    }

    /// Older files have one `rope_scaling`, which is meant for the layers without a window.
    private static Config slidingRope(Config c) {
        if (c.json().has("rope_parameters")) {
            return RopeScaling.ofLayers(c, LayerKinds.SLIDING);
        }
        double theta = RopeScaling.theta(c);
        return c.with(Map.of("rope_parameters", Map.of("rope_type", "default", "rope_theta", theta)));
    }
}
