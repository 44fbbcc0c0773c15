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
import java.util.function.BiFunction;

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

    /// The same with names of the family's own for those that have tensors of their own.
    List<Mlp> gated(String gate, String up, String down, String gates, String downs) {
        return experts(gate, up, down, gates, downs, (own, fused) -> List.of(own, fused));
    }

    /// Where files have all experts together, gate and up side by side.
    ///
    /// @param gates [count, 2·hidden, dim]
    /// @param downs [count, dim, hidden]
    List<Mlp> together(String gates, String downs) {
        return experts("gate_proj", "up_proj", "down_proj", gates, downs, (own, fused) -> List.of(fused, own));
    }

    /// The same stored [count, in, out]: Llama 4.
    List<Mlp> transposed(String gates, String downs) {
        return experts(
                "gate_proj", "up_proj", "down_proj", gates, downs, (own, fused) -> List.of(fused.asTransposed(), own));
    }

    private List<Mlp> experts(
            String gate,
            String up,
            String down,
            String gates,
            String downs,
            BiFunction<Stored, Stored, List<Stored>> places) {
        var gatePart = Stored.part(parts.name(gates), Rows.of(0, hidden, 2 * hidden));
        var upPart = Stored.part(parts.name(gates), Rows.of(hidden, hidden, 2 * hidden));
        var downPart = Stored.whole(parts.name(downs), dim);
        var all = new ArrayList<Mlp>();
        for (int e = 0; e < count; e++) {
            all.add(new Mlp.Gated(
                    matrix(e, gate, "gate_proj", hidden, dim, gatePart, places),
                    matrix(e, up, "up_proj", hidden, dim, upPart, places),
                    matrix(e, down, "down_proj", dim, hidden, downPart, places),
                    act));
        }
        return all;
    }

    /// A matrix of one expert.
    private Linear matrix(
            int expert,
            String own,
            String kind,
            int out,
            int in,
            Stored fused,
            BiFunction<Stored, Stored, List<Stored>> places) {
        String name = parts.name("experts." + expert + "." + own + ".weight");
        var all = new ArrayList<>(places.apply(Stored.whole(name, out), fused.ofMany(expert, count)));
        all.add(Stored.whole(parts.name("experts." + kind + ".weight"), out).ofMany(expert, count)); // in a GGUF
        return Linear.of(parts.matrix(new Parameter(name, new Shape(out, in), Init.normal(0.02), all)));
    }
}
