package clearhead.model.families;

import clearhead.model.Config;
import clearhead.model.Family;
import clearhead.model.Parameter.Rows;
import clearhead.model.Parts;
import clearhead.nn.Attention;
import clearhead.nn.Linear;
import clearhead.nn.Mlp;
import clearhead.nn.Network;
import clearhead.nn.Positions;
import clearhead.ops.AttentionSpec;
import java.util.List;

/// Phi-3 and Phi-4: Llama with query, key and value in one matrix, and gate and up in another. Abdin et
/// al. 2024, arXiv:2404.14219.
final class Phi3 implements Family {
    @Override
    public List<String> names() {
        return List.of("phi3");
    }

    @Override
    public String transformersClass() {
        return "Phi3ForCausalLM";
    }

    @Override
    public Network build(Config c, Parts p) {
        var s = LlamaSizes.of(c);
        var kinds = LayerKinds.of(c, s.layers(), _ -> true);
        Positions rope = p.rope(c, s.headDim(), s.context());
        return s.decoder(
                p,
                c,
                rope,
                (layer, i) -> s.preNorm(
                        layer,
                        attention(s, layer.at("self_attn."), kinds.of(s.causal(), i), rope),
                        gated(s, layer.at("mlp."))));
    }

    private static Attention attention(LlamaSizes s, Parts p, AttentionSpec spec, Positions rope) {
        int queries = s.heads() * s.headDim();
        int keys = s.kvHeads() * s.headDim();
        return new Attention(
                spec,
                rope,
                part(p, "q_proj", "qkv_proj", 0, queries, queries + 2 * keys, s.dim()),
                part(p, "k_proj", "qkv_proj", queries, keys, queries + 2 * keys, s.dim()),
                part(p, "v_proj", "qkv_proj", queries + keys, keys, queries + 2 * keys, s.dim()),
                p.residual("o_proj", s.dim(), queries, false));
    }

    private static Mlp gated(LlamaSizes s, Parts p) {
        int hidden = s.hidden();
        return new Mlp.Gated(
                part(p, "gate_proj", "gate_up_proj", 0, hidden, 2 * hidden, s.dim()),
                part(p, "up_proj", "gate_up_proj", hidden, hidden, 2 * hidden, s.dim()),
                p.residual("down_proj", s.dim(), hidden, false),
                s.act());
    }

    private static Linear part(Parts p, String own, String stored, int first, int count, int all, int in) {
        return p.part(own, stored, Rows.of(first, count, all), count, in, false);
    }
}
