package clearhead.model.families;

import clearhead.model.Config;
import clearhead.model.Family;
import clearhead.model.Parameter.Init;
import clearhead.model.Parameter.Rows;
import clearhead.model.Parts;
import clearhead.model.RopeScaling;
import clearhead.nn.Attention;
import clearhead.nn.Block;
import clearhead.nn.EmbeddingRule;
import clearhead.nn.Encoder;
import clearhead.nn.Linear;
import clearhead.nn.Mlp;
import clearhead.nn.Network;
import clearhead.nn.Norm;
import clearhead.nn.Transformer;
import clearhead.ops.AttentionSpec;
import clearhead.ops.Mask;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// ModernBERT: rotary positions, norms before, gated MLP, layers that see a window and some that see
/// all. Warner et al. 2024, arXiv:2412.13663.
final class ModernBert implements Family {
    @Override
    public List<String> names() {
        return List.of("modernbert");
    }

    @Override
    public String transformersClass() {
        return "ModernBertForMaskedLM";
    }

    @Override
    public Network build(Config c, Parts parts) {
        int dim = c.size("hidden_size");
        int vocab = c.size("vocab_size");
        int context = c.size("max_position_embeddings", 8192);
        int heads = c.size("num_attention_heads");
        int headDim = c.headDim(dim, "num_attention_heads", heads);
        int hidden = c.size("intermediate_size");
        int every = c.size("global_attn_every_n_layers", 3);
        boolean bias = c.flag("norm_bias", false);
        double eps = c.positive("norm_eps", 1e-5);
        var act = c.activation("hidden_activation", "gelu");
        int half = c.size("local_attention", 128) / 2;
        var all = new AttentionSpec(heads, heads, headDim, 1 / Math.sqrt(headDim), Mask.BIDIRECTIONAL);
        var rope = parts.rope(rotation(c, LayerKinds.FULL, "global_rope_theta", 160000), headDim, context);
        var near = parts.rope(rotation(c, LayerKinds.SLIDING, "local_rope_theta", 10000), headDim, context);
        var kinds = LayerKinds.of(
                c.with(Map.of("sliding_window", half)), c.layers("num_hidden_layers"), i -> i % every != 0);
        Parts p = parts.at("model.");
        var blocks = p.blocks("layers.", c.layers("num_hidden_layers"), (layer, i) -> {
            boolean full = !kinds.slides(i);
            boolean attentionBias = c.flag("attention_bias", false);
            var attention = new Attention(
                    full ? all : all.withMask(new Mask.Window(half, half)),
                    full ? rope : near,
                    third(layer, "q", 0, dim, attentionBias),
                    third(layer, "k", 1, dim, attentionBias),
                    third(layer, "v", 2, dim, attentionBias),
                    layer.residual("attn.Wo", dim, dim, attentionBias));
            boolean mlpBias = c.flag("mlp_bias", false);
            var mlp = new Mlp.Gated(
                    layer.part("mlp.gate", "mlp.Wi", Rows.of(0, hidden, 2 * hidden), hidden, dim, mlpBias),
                    layer.part("mlp.up", "mlp.Wi", Rows.of(hidden, hidden, 2 * hidden), hidden, dim, mlpBias),
                    layer.residual("mlp.Wo", dim, hidden, mlpBias),
                    act);
            Norm first = i == 0 ? Norm.NONE : norm(layer, "attn_norm", dim, eps, bias);
            return new Block.PreNorm(first, attention, norm(layer, "mlp_norm", dim, eps, bias), mlp);
        });
        boolean predicts = c.hasHead("ForMaskedLM");
        var words = p.linear("embeddings.tok_embeddings", vocab, dim, false);
        boolean decoderBias = predicts && c.flag("decoder_bias", true);
        var head = decoderBias ? Linear.of(words.weight(), parts.tensor("decoder.bias", Init.ZEROS, vocab)) : words;
        var trunk = new Transformer(
                        p.table("embeddings.tok_embeddings", vocab, dim),
                        rope,
                        blocks,
                        norm(p, "final_norm", dim, eps, bias),
                        head,
                        context)
                .withEntrance(new EmbeddingRule.Normed(norm(p, "embeddings.norm", dim, eps, bias)));
        if (!predicts) {
            return new Encoder(trunk, false, Optional.empty());
        }
        var dense = parts.linear("head.dense", dim, dim, c.flag("classifier_bias", false));
        var exit = EmbeddingRule.InTurn.of(
                new EmbeddingRule.Activated(dense, c.activation("classifier_activation", "gelu")),
                new EmbeddingRule.Normed(norm(parts, "head.norm", dim, eps, bias)));
        return new Encoder(trunk.withExit(exit), true, Optional.empty());
    }

    /// Older files name a theta for each kind of layer.
    private static Config rotation(Config c, String kind, String name, double theta) {
        if (c.json().has("rope_parameters")) {
            return RopeScaling.ofLayers(c, kind);
        }
        return c.with(Map.of("rope_parameters", Map.of("rope_type", "default", "rope_theta", c.positive(name, theta))));
    }

    private static Linear third(Parts layer, String name, int which, int dim, boolean bias) {
        return layer.part("attn." + name, "attn.Wqkv", Rows.of(which * dim, dim, 3 * dim), dim, dim, bias);
    }

    private static Norm norm(Parts p, String name, int dim, double eps, boolean bias) {
        return bias ? p.layerNorm(name, dim, eps) : p.layerNormWithoutBias(name, dim, eps);
    }
}
