package clearhead.model.families;

import clearhead.model.Config;
import clearhead.model.Family;
import clearhead.model.Parts;
import clearhead.model.RopeScaling;
import clearhead.nn.EmbeddingRule;
import clearhead.nn.HeadNorm;
import clearhead.nn.HeadNorms;
import clearhead.nn.Network;
import clearhead.nn.Positions;
import java.util.List;
import java.util.Map;

/// Gemma 3, the text part: Gemma 2 with a norm on each head's queries and keys, and a base of rotary
/// wavelengths of its own in the layers with a window, five of six. Gemma team 2025, arXiv:2503.19786.
record Gemma3(String name, String transformersClass) implements Family {
    private static final Map<String, Object> DEFAULTS = Map.ofEntries(
            Map.entry("vocab_size", 262208),
            Map.entry("hidden_size", 2304),
            Map.entry("intermediate_size", 9216),
            Map.entry("num_hidden_layers", 26),
            Map.entry("num_attention_heads", 8),
            Map.entry("num_key_value_heads", 4),
            Map.entry("head_dim", 256),
            Map.entry("max_position_embeddings", 131072),
            Map.entry("tie_word_embeddings", true),
            Map.entry("hidden_activation", "gelu_pytorch_tanh"),
            Map.entry("query_pre_attn_scalar", 256),
            Map.entry("sliding_window", 4096),
            Map.entry("sliding_window_pattern", 6),
            Map.entry("rope_theta", 1000000.0),
            Map.entry("rope_local_base_freq", 10000.0));

    @Override
    public List<String> names() {
        return List.of(name);
    }

    @Override
    public Network build(Config config, Parts p) {
        Config c = config.ofText().withDefaults(DEFAULTS);
        c.refuse("use_bidirectional_attention", c.flag("use_bidirectional_attention", false));
        var s = LlamaSizes.of(c.with(Map.of("hidden_act", c.json().text("hidden_activation"))));
        int pattern = c.size("sliding_window_pattern");
        var kinds = LayerKinds.of(c, s.layers(), i -> (i + 1) % pattern != 0);
        Config full = RopeScaling.ofLayers(c, LayerKinds.FULL);
        Positions rope = p.rope(full, s.headDim(), s.context());
        Positions near = p.rope(sliding(c), s.headDim(), s.context());
        var spec = GemmaParts.spec(c, s);
        return s.decoder(
                        p,
                        full,
                        rope,
                        (layer, i) -> {
                            Parts at = layer.at("self_attn.");
                            boolean bias = s.attentionBias();
                            var own = kinds.slides(i) ? near : rope;
                            var attention = s.asStored(at, kinds.of(spec, i), own, bias, bias)
                                    .withNormsBefore(HeadNorms.of(norm(at, "q_norm", s), norm(at, "k_norm", s)));
                            return GemmaParts.block(layer, s, attention, s.gated(layer.at("mlp.")));
                        },
                        (parts, name) -> Gemma.norm(parts, name, s))
                .with(new EmbeddingRule.Scaled(Math.sqrt(s.dim())))
                .with(GemmaParts.logits(c));
    }

    private static HeadNorm norm(Parts p, String name, LlamaSizes s) {
        return new HeadNorm.PerHead(p.rmsNormPlusOne(name, s.headDim(), s.eps()));
    }

    /// Older files say `rope_local_base_freq` beside what is meant for the other layers.
    private static Config sliding(Config c) {
        double theta = c.positive("rope_local_base_freq", 10000);
        return c.json().has("rope_parameters")
                ? RopeScaling.ofLayers(c, LayerKinds.SLIDING)
                : c.with(Map.of("rope_parameters", Map.of("rope_type", "default", "rope_theta", theta)));
    }
}
