package clearhead.model.families;

import clearhead.model.Config;
import clearhead.model.Family;
import clearhead.model.Parts;
import clearhead.nn.Mlp;
import clearhead.nn.Network;
import clearhead.nn.SharedExpert;
import clearhead.ops.Routing;
import java.util.List;

/// Granite 3 MoE: Granite with a mixture of experts in every layer. Granite team 2024, "Granite 3.0
/// Language Models".
final class GraniteMoe implements Family {
    @Override
    public List<String> names() {
        return List.of("granitemoe");
    }

    @Override
    public String transformersClass() {
        return "GraniteMoeForCausalLM";
    }

    @Override
    public Network build(Config c, Parts p) {
        return Granite.build(c, p, (s, layer) -> mixture(c, s, layer.at("block_sparse_moe."), SharedExpert.NONE));
    }

    static Mlp mixture(Config c, LlamaSizes s, Parts p, SharedExpert shared) {
        int experts = c.size("num_local_experts", 8);
        return new Mlp.Experts(
                p.linear("router.layer", experts, s.dim(), false),
                Routing.softmax(c.size("num_experts_per_tok", 2), true),
                new ExpertParts(p, experts, s.dim(), s.hidden(), s.act())
                        .together("input_linear.weight", "output_linear.weight"),
                shared);
    }
}
