package clearhead.model.families;

import clearhead.model.Config;
import clearhead.model.Family;
import clearhead.model.Parts;
import clearhead.nn.Network;
import clearhead.nn.Positions;
import java.util.List;
import java.util.Map;

/// Qwen 2 and 2.5: Llama with biases on queries, keys and values. Yang et al. 2024, arXiv:2407.10671.
final class Qwen2 implements Family {
    @Override
    public List<String> names() {
        return List.of("qwen2");
    }

    @Override
    public String transformersClass() {
        return "Qwen2ForCausalLM";
    }

    @Override
    public Network build(Config c, Parts p) {
        var s = LlamaSizes.of(c);
        var kinds = windows(c, s.layers());
        Positions rope = p.rope(c, s.headDim(), s.context());
        return s.decoder(
                p,
                c,
                rope,
                (layer, i) -> s.preNorm(
                        layer,
                        s.asStored(layer.at("self_attn."), kinds.of(s.causal(), i), rope, true, false),
                        s.gated(layer.at("mlp."))));
    }

    /// A window in the layers from `max_window_layers` on, if `use_sliding_window` says so.
    static LayerKinds windows(Config c, int layers) {
        if (!c.flag("use_sliding_window", false)) {
            return LayerKinds.of(c.with(Map.of("sliding_window", 0)), layers, _ -> false);
        }
        int first = c.json().integer("max_window_layers", 28);
        return LayerKinds.of(c.withDefaults(Map.of("sliding_window", 4096)), layers, i -> i >= first);
    }
}
