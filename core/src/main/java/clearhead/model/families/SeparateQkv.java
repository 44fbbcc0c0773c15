package clearhead.model.families;

import clearhead.model.Parts;
import clearhead.nn.Attention;
import clearhead.nn.Positions;
import clearhead.ops.AttentionSpec;

/// Attention with `q_proj`, `k_proj` and `v_proj` whose output has one of several names. GPT-J, GPT-Neo, OPT,
/// Phi.
final class SeparateQkv {
    private SeparateQkv() {}

    /// @param dim width of the residual
    /// @param output the name of Wo
    static Attention attention(
            Parts p,
            AttentionSpec spec,
            Positions positions,
            int dim,
            boolean bias,
            String output,
            boolean outputBias) {
        int queries = spec.heads() * spec.headDim();
        int keys = spec.kvHeads() * spec.headDim();
        return new Attention(
                spec,
                positions,
                p.linear("q_proj", queries, dim, bias),
                p.linear("k_proj", keys, dim, bias),
                p.linear("v_proj", keys, dim, bias),
                p.residual(output, dim, queries, outputBias));
    }
}
