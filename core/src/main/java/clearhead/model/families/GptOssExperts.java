package clearhead.model.families;

import clearhead.model.Config;
import clearhead.model.Parameter;
import clearhead.model.Parameter.Init;
import clearhead.model.Parameter.Rows;
import clearhead.model.Parameter.Stored;
import clearhead.model.Parts;
import clearhead.nn.Linear;
import clearhead.nn.Mlp;
import clearhead.nn.SharedExpert;
import clearhead.ops.Routing;
import clearhead.tensor.Shape;
import java.util.ArrayList;
import java.util.List;

/// gpt-oss's experts, of which checkpoints have two arrangements.
final class GptOssExperts {
    private GptOssExperts() {}

    static Mlp mixture(Config c, LlamaSizes s, Parts p) {
        int count = c.size("num_local_experts", 128);
        double alpha = c.positive("swiglu_alpha", 1.702);
        double limit = c.positive("swiglu_limit", 7);
        int hidden = s.hidden();
        var experts = new ArrayList<Mlp>();
        for (int e = 0; e < count; e++) {
            String own = "experts." + e + ".";
            experts.add(new Mlp.BoundedGated(
                    part(
                            p,
                            own + "gate_proj",
                            "gate",
                            "gate_up_proj",
                            e,
                            count,
                            new Rows(0, 1, 2, 2 * hidden),
                            hidden,
                            s.dim()),
                    part(
                            p,
                            own + "up_proj",
                            "up",
                            "gate_up_proj",
                            e,
                            count,
                            new Rows(1, 1, 2, 2 * hidden),
                            hidden,
                            s.dim()),
                    part(
                            p,
                            own + "down_proj",
                            "down",
                            "down_proj",
                            e,
                            count,
                            Rows.of(0, s.dim(), s.dim()),
                            s.dim(),
                            hidden),
                    alpha,
                    limit));
        }
        var routing = Routing.softmax(c.size("num_experts_per_tok", 4), true);
        return new Mlp.Experts(p.linear("router", count, s.dim(), true), routing, experts, SharedExpert.NONE);
    }

    /// One expert's part of what all have together: [count, in, all], or in MXFP4 [count, all, in].
    private static Linear part(
            Parts p, String own, String kind, String fused, int e, int count, Rows rows, int out, int in) {
        var place = Stored.part(p.name("experts." + fused), rows).ofMany(e, count);
        var bias = Stored.part(p.name("experts." + fused + "_bias"), rows).ofMany(e, count);
        var inGguf =
                Stored.whole(p.name("experts." + kind + "_proj.weight"), out).ofMany(e, count);
        var biasInGguf =
                Stored.whole(p.name("experts." + kind + "_proj.bias"), out).ofMany(e, count);
        return Linear.of(
                p.matrix(new Parameter(
                        p.name(own + ".weight"),
                        new Shape(out, in),
                        Init.normal(0.02),
                        List.of(place.asTransposed(), place, inGguf))),
                p.vector(new Parameter(p.name(own + ".bias"), new Shape(out), Init.ZEROS, List.of(bias, biasInGguf))));
    }
}
