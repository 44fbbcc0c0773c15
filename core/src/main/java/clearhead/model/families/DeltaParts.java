package clearhead.model.families;

import clearhead.model.Config;
import clearhead.model.Parameter.Change;
import clearhead.model.Parameter.Init;
import clearhead.model.Parameter.Rows;
import clearhead.model.Parts;
import clearhead.nn.Attention;
import clearhead.nn.GatedDelta;
import clearhead.nn.GatedDelta.Filtered;
import clearhead.nn.HeadNorm;
import clearhead.nn.HeadNorms;
import clearhead.nn.Linear;
import clearhead.nn.Mlp;
import clearhead.nn.Norm;
import clearhead.nn.OutputGate;
import clearhead.nn.Positions;
import clearhead.nn.SharedExpert;
import java.util.List;
import java.util.stream.IntStream;

/// Gated DeltaNet and gated attention of Qwen3-Next and Qwen 3.5, which store projections differently.
///
/// @param heads of values, a multiple of `kvHeads`, those of queries and keys
record DeltaParts(LlamaSizes s, int heads, int kvHeads, int keyDim, int valueDim, int kernel) {

    static DeltaParts of(Config c, LlamaSizes s) {
        int heads = c.size("linear_num_value_heads", 32);
        int kvHeads = c.size("linear_num_key_heads", 16);
        if (heads % kvHeads != 0) {
            throw c.json()
                    .wrong(
                            "linear_num_key_heads",
                            "must divide linear_num_value_heads " + heads + ", found " + kvHeads);
        }
        return new DeltaParts(
                s,
                heads,
                kvHeads,
                c.size("linear_key_head_dim", 128),
                c.size("linear_value_head_dim", 128),
                c.size("linear_conv_kernel_dim", 4));
    }

    /// Which layers have attention: `layer_types`, or every fourth.
    static List<String> kinds(Config c, int layers) {
        int every = c.size("full_attention_interval", 4);
        var kinds = LayerKinds.of(c, layers, _ -> false).kinds();
        return c.json().has("layer_types")
                ? kinds
                : IntStream.range(0, layers)
                        .mapToObj(i -> (i + 1) % every == 0 ? LayerKinds.FULL : "linear_attention")
                        .toList();
    }

    int keyWidth() {
        return kvHeads * keyDim;
    }

    int width() {
        return heads * valueDim;
    }

    /// @param step without its bias
    GatedDelta mixer(Parts p, Linear query, Linear key, Linear value, Linear gate, Linear rate, Linear step) {
        var filters = new FilterParts(p, "conv1d", 2 * keyWidth() + width(), kernel, false);
        return new GatedDelta(
                heads,
                kvHeads,
                new Filtered(query, filters.part("conv1d.query", 0, keyWidth())),
                new Filtered(key, filters.part("conv1d.key", keyWidth(), keyWidth())),
                new Filtered(value, filters.part("conv1d.value", 2 * keyWidth(), width())),
                gate,
                rate,
                Linear.of(step.weight(), p.tensor("dt_bias", Init.ONES, heads)),
                p.tensor("A_log", Init.ZEROS, Change.NEGATIVE_EXP, heads),
                new Norm.Rms(p.constant(1 / Math.sqrt(keyDim), keyDim), 1e-6 / keyDim),
                p.rmsNorm("norm", valueDim, s.eps()),
                p.residual("out_proj", s.dim(), width(), false));
    }

    /// Attention whose query projection holds every head's gate behind its query.
    Attention attention(Parts p, Positions rope) {
        int size = s.headDim();
        int all = 2 * s.heads() * size;
        boolean bias = s.attentionBias();
        return new Attention(
                        s.causal(),
                        rope,
                        p.part("q_proj.query", "q_proj", new Rows(0, size, 2 * size, all), all / 2, s.dim(), bias),
                        p.linear("k_proj", s.kvHeads() * size, s.dim(), bias),
                        p.linear("v_proj", s.kvHeads() * size, s.dim(), bias),
                        p.residual("o_proj", s.dim(), s.heads() * size, bias))
                .withNormsBefore(HeadNorms.of(
                        new HeadNorm.PerHead(p.rmsNormPlusOne("q_norm", size, s.eps())),
                        new HeadNorm.PerHead(p.rmsNormPlusOne("k_norm", size, s.eps()))))
                .withGate(new OutputGate.Sigmoid(
                        p.part("q_proj.gate", "q_proj", new Rows(size, size, 2 * size, all), all / 2, s.dim(), bias)));
    }

    /// Qwen 3's experts, and one that is shared and gated.
    static Mlp mixture(Config c, LlamaSizes s, Parts p) {
        int hidden = c.size("shared_expert_intermediate_size", 512);
        var shared = new Mlp.Gated(
                p.linear("shared_expert.gate_proj", hidden, s.dim(), false),
                p.linear("shared_expert.up_proj", hidden, s.dim(), false),
                p.residual("shared_expert.down_proj", s.dim(), hidden, false),
                s.act());
        return Qwen3Moe.mixture(
                c, s, p, new SharedExpert.Gated(shared, p.linear("shared_expert_gate", 1, s.dim(), false)));
    }
}
