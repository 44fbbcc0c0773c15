package clearhead.model.families;

import clearhead.model.Config;
import clearhead.model.Family;
import clearhead.model.Parameter.Change;
import clearhead.model.Parameter.Init;
import clearhead.model.Parts;
import clearhead.nn.Mixer;
import clearhead.nn.Network;
import clearhead.nn.SelectiveState;
import clearhead.ops.StateSpace;
import java.util.List;

/// Mamba: selective state spaces, no attention and no MLP. Gu and Dao 2023, arXiv:2312.00752.
final class Mamba implements Family {
    @Override
    public List<String> names() {
        return List.of("mamba");
    }

    @Override
    public String transformersClass() {
        return "MambaForCausalLM";
    }

    @Override
    public Network build(Config c, Parts p) {
        return MambaBackbone.of(c, p, layer -> mixer(c, layer.at("mixer."), c.size("hidden_size")));
    }

    private static Mixer mixer(Config c, Parts p, int dim) {
        int width = c.size("intermediate_size", Math.multiplyExact(c.size("expand", 2), dim));
        int state = c.size("state_size", 16);
        boolean named = c.json().has("time_step_rank")
                && !c.json().get("time_step_rank").toText(false).equals("\"auto\"");
        int rank = named ? c.size("time_step_rank") : Math.ceilDiv(dim, 16);
        int all = rank + 2 * state;
        boolean bias = c.flag("use_bias", false);
        return new SelectiveState(
                FilterParts.rows(p, "in_proj.input", "in_proj", 0, width, 2 * width, dim, bias),
                FilterParts.rows(p, "in_proj.gate", "in_proj", width, width, 2 * width, dim, bias),
                new FilterParts(p, "conv1d", width, c.size("conv_kernel", 4), c.flag("use_conv_bias", true)).whole(),
                c.activation("hidden_act", "silu"),
                FilterParts.rows(p, "x_proj.rank", "x_proj", 0, rank, all, width, false),
                p.linear("dt_proj", width, rank, false),
                FilterParts.rows(p, "x_proj.enters", "x_proj", rank, state, all, width, false),
                FilterParts.rows(p, "x_proj.leaves", "x_proj", rank + state, state, all, width, false),
                new StateSpace(
                        p.tensor("A_log", Init.ZEROS, Change.NEGATIVE_EXP, width, state),
                        p.tensor("D", Init.ONES, width),
                        p.tensor("dt_proj.bias", Init.ZEROS, width)),
                p.residual("out_proj", dim, width, bias));
    }
}
