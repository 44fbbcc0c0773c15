package clearhead.model.families;

import clearhead.model.Config;
import clearhead.model.Family;
import clearhead.model.Parts;
import clearhead.model.RopeScaling;
import clearhead.nn.EmbeddingRule;
import clearhead.nn.Network;
import clearhead.nn.Positions;
import clearhead.ops.Pairing;
import java.util.List;
import java.util.Map;

/// Gemma 4, the text part: heads of another size in the layers without a window, keys and values that
/// the last layers borrow, an embedding of the token in every layer, and in some sizes a mixture of
/// experts beside the MLP. Google 2026, "Gemma 4".
record Gemma4(String name, String transformersClass) implements Family {
    private static final Map<String, Object> DEFAULTS = Map.ofEntries(
            Map.entry("vocab_size", 262144),
            Map.entry("hidden_size", 2304),
            Map.entry("intermediate_size", 9216),
            Map.entry("num_hidden_layers", 30),
            Map.entry("num_attention_heads", 8),
            Map.entry("num_key_value_heads", 4),
            Map.entry("head_dim", 256),
            Map.entry("max_position_embeddings", 131072),
            Map.entry("tie_word_embeddings", true),
            Map.entry("hidden_activation", "gelu_pytorch_tanh"),
            Map.entry("sliding_window", 512),
            Map.entry("vocab_size_per_layer_input", 262144),
            Map.entry("hidden_size_per_layer_input", 256),
            Map.entry("rope_parameters", ropes()));

    private static Map<String, Object> ropes() {
        return Map.of(
                LayerKinds.SLIDING, Map.of("rope_type", "default", "rope_theta", 10000.0),
                LayerKinds.FULL,
                        Map.of("rope_type", "proportional", "partial_rotary_factor", 0.25, "rope_theta", 1000000.0));
    }

    @Override
    public List<String> names() {
        return List.of(name);
    }

    @Override
    public Network build(Config config, Parts p) {
        Config c = config.ofText().withDefaults(DEFAULTS);
        c.refuse(
                "use_bidirectional_attention",
                c.json().text("use_bidirectional_attention", "vision").equals("all"));
        var s = LlamaSizes.of(c.with(Map.of("hidden_act", c.json().text("hidden_activation"))));
        var kinds = LayerKinds.of(c, s.layers(), i -> (i + 1) % 6 != 0).endingFull();
        var attention = new Gemma4Attention(c, s, kinds);
        var layers = new Gemma4Layers(c, s, attention, p);
        Config sliding = RopeScaling.ofLayers(c, LayerKinds.SLIDING);
        Positions near = p.rope(sliding, s.headDim(), s.context());
        // proportional: the turning part is in the frequencies
        Positions far = p.rope(
                RopeScaling.ofLayers(c, LayerKinds.FULL),
                attention.sizes(s.layers() - 1).headDim(),
                s.context(),
                Pairing.HALVES);
        return s.decoder(
                        p,
                        sliding,
                        near,
                        (layer, i) -> layers.block(layer, i, kinds.slides(i) ? near : far),
                        (parts, norm) -> parts.rmsNorm(norm, s.dim(), s.eps()))
                .with(new EmbeddingRule.Scaled(Math.sqrt(s.dim())))
                .with(GemmaParts.logits(c));
    }
}
