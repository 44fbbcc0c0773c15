package clearhead.model.families;

import clearhead.model.Config;
import clearhead.model.Family;
import clearhead.model.Parts;
import clearhead.nn.Network;
import clearhead.nn.Positions;
import java.util.List;
import java.util.Map;
import java.util.function.IntPredicate;

/// SmolLM 3: Llama without rotary positions in every fourth layer. Bakouch et al. 2025, "SmolLM3: smol,
/// multilingual, long-context reasoner"; Yang et al. 2025, arXiv:2501.18795.
final class SmolLm3 implements Family {
    @Override
    public List<String> names() {
        return List.of("smollm3");
    }

    @Override
    public String transformersClass() {
        return "SmolLM3ForCausalLM";
    }

    @Override
    public Network build(Config config, Parts p) {
        Config c = config.withDefaults(Map.of("rope_theta", 2000000.0, "tie_word_embeddings", true));
        var s = LlamaSizes.of(c);
        IntPredicate turns = turning(c, s.layers());
        boolean windows = c.flag("use_sliding_window", false);
        var kinds = LayerKinds.of(windows ? c : c.with(Map.of("sliding_window", 0)), s.layers(), i -> !turns.test(i));
        Positions rope = p.rope(c, s.headDim(), s.context());
        return s.decoder(
                p,
                c,
                rope,
                (layer, i) -> s.preNorm(
                        layer,
                        s.attention(
                                layer.at("self_attn."),
                                kinds.of(s.causal(), i),
                                turns.test(i) ? rope : new Positions.None(),
                                s.attentionBias(),
                                s.attentionBias()),
                        s.gated(layer.at("mlp."))));
    }

    /// Whether a layer has rotary positions: 1 in `no_rope_layers`, in spite of its name.
    static IntPredicate turning(Config c, int layers) {
        if (c.json().has("no_rope_layers") && c.json().array("no_rope_layers").size() > 0) {
            int[] named = c.json().array("no_rope_layers").integers();
            if (named.length < layers) {
                throw c.json().wrong("no_rope_layers", "wanted " + layers + " numbers, found " + named.length);
            }
            return i -> named[i] != 0;
        }
        int interval = c.size("no_rope_layer_interval", 4);
        return i -> (i + 1) % interval != 0;
    }
}
