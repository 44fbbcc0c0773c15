package clearhead.model.families;

import clearhead.io.Json;
import clearhead.model.Config;
import clearhead.model.Parameter.Change;
import clearhead.model.Parameter.Init;
import clearhead.model.Parts;
import clearhead.nn.Linear;
import clearhead.nn.Norm;
import clearhead.nn.StateSpaceDual;
import clearhead.nn.StateSpaceDual.Filtered;
import clearhead.ops.Activation;
import clearhead.ops.StateSpace;

/// The sizes of a Mamba 2 layer, whose projections and convolutions are stored side by side.
record DualParts(
        int dim,
        int heads,
        int headDim,
        int groups,
        int state,
        int kernel,
        boolean bias,
        boolean filterBias,
        Activation act,
        double eps,
        double least,
        double most) {

    /// With the names of a hybrid's configuration: `mamba_n_heads`, …
    static DualParts ofHybrid(Config c, LlamaSizes s) {
        int width = Math.multiplyExact(c.size("mamba_expand", 2), s.dim());
        int heads = c.size("mamba_n_heads", 128);
        int groups = c.size("mamba_n_groups", 1);
        if (width % heads != 0) {
            throw c.json().wrong("mamba_n_heads", "must divide the width " + width + ", found " + heads);
        }
        if (heads % groups != 0) {
            throw c.json().wrong("mamba_n_groups", "must divide mamba_n_heads " + heads + ", found " + groups);
        }
        return new DualParts(
                s.dim(),
                heads,
                width / heads,
                groups,
                c.size("mamba_d_state", 256),
                c.size("mamba_d_conv", 4),
                c.flag("mamba_proj_bias", false),
                c.flag("mamba_conv_bias", true),
                s.act(),
                s.eps(),
                limit(c, 0),
                limit(c, 1));
    }

    StateSpaceDual mixer(Parts p) {
        int width = heads * headDim;
        int shared = groups * state;
        int channels = width + 2 * shared;
        var filters = new FilterParts(p, "conv1d", channels, kernel, filterBias);
        return new StateSpaceDual(
                heads,
                groups,
                new Filtered(rows(p, "input", width, width), filters.part("conv1d.input", 0, width), act),
                new Filtered(rows(p, "enters", 2 * width, shared), filters.part("conv1d.enters", width, shared), act),
                new Filtered(
                        rows(p, "leaves", 2 * width + shared, shared),
                        filters.part("conv1d.leaves", width + shared, shared),
                        act),
                rows(p, "step", width + channels, heads),
                rows(p, "gate", 0, width),
                new StateSpace(
                        p.tensor("A_log", Init.ZEROS, Change.NEGATIVE_EXP, heads),
                        p.tensor("D", Init.ONES, heads),
                        p.tensor("dt_bias", Init.ONES, heads),
                        least,
                        most),
                new Norm.Rms(p.constant(1, width / groups), eps),
                p.tensor("norm.weight", Init.ONES, width),
                p.residual("out_proj", dim, width, bias));
    }

    private Linear rows(Parts p, String own, int first, int count) {
        int all = 2 * heads * headDim + 2 * groups * state + heads;
        return FilterParts.rows(p, "in_proj." + own, "in_proj", first, count, all, dim, bias);
    }

    /// `time_step_limit`: [least, most], of which the last may be written as infinity in several ways.
    static double limit(Config c, int which) {
        double otherwise = which == 0 ? 0 : Double.POSITIVE_INFINITY;
        if (!c.json().has("time_step_limit")) {
            return otherwise;
        }
        Json.Arr limits = c.json().array("time_step_limit");
        String written = limits.get(which).toText(false);
        return written.contains("Infinity") || written.equals("null") ? otherwise : limits.real(which);
    }
}
