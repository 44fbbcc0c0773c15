package clearhead.model.families;

import clearhead.model.Config;
import clearhead.model.Parameter.Init;
import clearhead.model.Parameter.Rows;
import clearhead.model.Parts;
import clearhead.nn.Block;
import clearhead.nn.Ending;
import clearhead.nn.Mlp;
import clearhead.nn.Norm;
import clearhead.nn.Positions;
import clearhead.ops.Routing;

/// The layers of Gemma 4.
///
/// @param root names outside the layers
record Gemma4Layers(Config c, LlamaSizes s, Gemma4Attention attention, Parts root) {

    Block block(Parts layer, int i, Positions rope) {
        boolean mixed = c.flag("enable_moe_block", false);
        Norm beforeMlp = norm(layer, "pre_feedforward_layernorm");
        boolean wide = attention.borrows(i) && c.flag("use_double_wide_mlp", false);
        Mlp dense = s.withHidden(wide ? 2 * s.hidden() : s.hidden()).gated(layer.at("mlp."));
        var block = new Block.Sandwich(
                norm(layer, "input_layernorm"),
                attention.build(layer.at("self_attn."), i, rope),
                norm(layer, "post_attention_layernorm"),
                mixed ? Norm.NONE : beforeMlp,
                mixed ? mixture(layer, beforeMlp, dense) : dense,
                norm(layer, "post_feedforward_layernorm"));
        var scaled = new Ending.Scaled(layer.tensor("layer_scalar", Init.ONES, 1));
        int size = c.json().integer("hidden_size_per_layer_input", 0);
        return new Block.Followed(block, size > 0 ? new Ending.InTurn(tokenInput(layer, i, size), scaled) : scaled);
    }

    private Norm norm(Parts p, String name) {
        return p.rmsNorm(name, s.dim(), s.eps());
    }

    private Mlp mixture(Parts layer, Norm beforeDense, Mlp dense) {
        int experts = c.size("num_experts");
        Parts router = layer.at("router.");
        return new Mlp.DenseAndExperts(
                beforeDense,
                dense,
                norm(layer, "post_feedforward_layernorm_1"),
                new Norm.Rms(router.tensor("scale", Init.ONES, s.dim()), s.eps()),
                router.linear("proj", experts, s.dim(), false),
                1 / Math.sqrt(s.dim()),
                Routing.softmax(c.size("top_k_experts"), true),
                router.tensor("per_expert_scale", Init.ONES, experts).reshape(experts, 1),
                norm(layer, "pre_feedforward_layernorm_2"),
                new ExpertParts(layer, experts, s.dim(), c.size("moe_intermediate_size"), s.act())
                        .together("experts.gate_up_proj", "experts.down_proj"),
                norm(layer, "post_feedforward_layernorm_2"));
    }

    private Ending tokenInput(Parts layer, int i, int size) {
        int all = s.layers() * size;
        int vocab = c.size("vocab_size_per_layer_input");
        String projection = "model.per_layer_model_projection";
        return new Ending.TokenInput(
                root.table("model.embed_tokens", s.vocab(), s.dim()),
                root.part(projection + "." + i, projection, Rows.of(i * size, size, all), size, s.dim(), false),
                root.rmsNorm("model.per_layer_projection_norm", size, s.eps()),
                root.table("model.embed_tokens_per_layer", vocab, all).reshape(vocab * s.layers(), size),
                s.layers(),
                i,
                layer.linear("per_layer_input_gate", size, s.dim(), false),
                s.act(),
                layer.residual("per_layer_projection", s.dim(), size, false),
                norm(layer, "post_per_layer_input_norm"));
    }
}
