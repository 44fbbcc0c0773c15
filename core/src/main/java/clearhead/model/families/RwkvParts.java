package clearhead.model.families;

import clearhead.model.Parameter.Change;
import clearhead.model.Parameter.Init;
import clearhead.model.Parts;
import clearhead.nn.Mixer;
import clearhead.nn.Mlp;
import clearhead.nn.TimeMixing;
import clearhead.nn.TokenShift;
import clearhead.tensor.Tensor;

/// RWKV 4's two halves of a layer.
final class RwkvParts {
    private RwkvParts() {}

    static Mixer time(Parts p, TokenShift shift, int dim, int width) {
        return new TimeMixing(
                shift,
                mix(p, "time_mix_key", dim),
                mix(p, "time_mix_value", dim),
                mix(p, "time_mix_receptance", dim),
                p.tensor("time_decay", Init.ZEROS, Change.NEGATIVE_EXP, width),
                p.tensor("time_first", Init.ZEROS, width),
                p.linear("key", width, dim, false),
                p.linear("value", width, dim, false),
                p.linear("receptance", width, dim, false),
                p.residual("output", dim, width, false));
    }

    static Mlp channels(Parts p, TokenShift shift, int dim, int hidden) {
        return new Mlp.ChannelMixing(
                shift,
                mix(p, "time_mix_key", dim),
                mix(p, "time_mix_receptance", dim),
                p.linear("key", hidden, dim, false),
                p.residual("value", dim, hidden, false),
                p.linear("receptance", dim, dim, false));
    }

    private static Tensor mix(Parts p, String name, int dim) {
        return p.tensor(name, new Init(0.5, 0), 1, 1, dim).reshape(dim);
    }
}
