package clearhead.model.families;

import clearhead.model.Parameter;
import clearhead.model.Parameter.Init;
import clearhead.model.Parameter.Rows;
import clearhead.model.Parameter.Stored;
import clearhead.model.Parts;
import clearhead.nn.Linear;
import clearhead.nn.Mlp;
import clearhead.ops.Activation;
import clearhead.tensor.Shape;
import java.util.ArrayList;
import java.util.List;

/// The experts of a mixture. On the hub each has tensors of its own, or all have one together; a GGUF has
/// one for all gates, one for all ups, one for all downs (`ffn_gate_exps`, called `experts.gate_proj`
/// here).
///
/// @param count of experts
/// @param dim width of the model
/// @param hidden width of an expert
record ExpertParts(Parts parts, int count, int dim, int hidden, Activation act) {

    /// `experts.0.gate_proj`, … or `experts.gate_up_proj` and `experts.down_proj`.
    List<Mlp> gated() {
        return gated("gate_proj", "up_proj", "down_proj", "experts.gate_up_proj", "experts.down_proj");
    }

    /// The same with names of the family's own.
    ///
    /// @param gates of all experts together, gate and up side by side: [count, 2·hidden, dim]
    /// @param downs of all experts together: [count, dim, hidden]
    List<Mlp> gated(String gate, String up, String down, String gates, String downs) {
        var all = new ArrayList<Mlp>();
        for (int e = 0; e < count; e++) {
            Stored gatePart =
                    Stored.part(name(gates), Rows.of(0, hidden, 2 * hidden)).ofMany(e, count);
            Stored upPart = Stored.part(name(gates), Rows.of(hidden, hidden, 2 * hidden))
                    .ofMany(e, count);
            Stored downPart = Stored.whole(name(downs), dim).ofMany(e, count);
            all.add(new Mlp.Gated(
                    matrix(e, gate, "gate_proj", hidden, dim, gatePart),
                    matrix(e, up, "up_proj", hidden, dim, upPart),
                    matrix(e, down, "down_proj", dim, hidden, downPart),
                    act));
        }
        return all;
    }

    /// A matrix of one expert.
    private Linear matrix(int expert, String own, String kind, int out, int in, Stored fused) {
        String name = name("experts." + expert + "." + own + ".weight");
        Stored inGguf = Stored.whole(name("experts." + kind + ".weight"), out).ofMany(expert, count);
        return Linear.of(parts.matrix(new Parameter(
                name, new Shape(out, in), Init.normal(0.02), List.of(Stored.whole(name, out), fused, inGguf))));
    }

    private String name(String name) {
        return parts.name(name);
    }
}
