package clearhead.model.families;

import clearhead.model.Config;
import clearhead.model.Parameter.Rows;
import clearhead.model.Parts;
import clearhead.nn.Attention;
import clearhead.nn.HeadNorms;
import clearhead.nn.Linear;
import clearhead.nn.OutputGate;
import clearhead.nn.Positions;
import clearhead.nn.Projections;
import clearhead.ops.AttentionSpec;

/// Latent attention with DeepSeek's names. Every head's rows are stored still part first, turning part
/// second.
record LatentParts(Parts p, Config c, LlamaSizes s) {

    /// @param factor on scores, besides 1/√(still + turning)
    Attention attention(Positions rope, double factor) {
        int heads = s.heads();
        int still = c.size("qk_nope_head_dim", 128);
        int turning = c.size("qk_rope_head_dim", 64);
        int valueDim = c.size("v_head_dim", 128);
        int rank = c.size("kv_lora_rank", 512);
        int headDim = still + turning;
        boolean bias = s.attentionBias();
        boolean compressed = c.json().has("q_lora_rank");
        String query = compressed ? "q_b_proj" : "q_proj";
        int in = compressed ? c.size("q_lora_rank") : s.dim();
        var projections = new Projections.Latent(
                compressed
                        ? new Projections.Latent.Short(
                                p.linear("q_a_proj", in, s.dim(), bias), p.rmsNorm("q_a_layernorm", in, 1e-6))
                        : new Projections.Latent.Whole(),
                ofHeads(query + "_turning", query, still, turning, headDim, in),
                ofHeads(query + "_still", query, 0, still, headDim, in),
                rows("kv_a_proj_latent", 0, rank, rank + turning, bias),
                p.rmsNorm("kv_a_layernorm", rank, 1e-6),
                rows("kv_a_proj_turning", rank, turning, rank + turning, bias),
                ofHeads("kv_b_proj_key", "kv_b_proj", 0, still, still + valueDim, rank),
                ofHeads("kv_b_proj_value", "kv_b_proj", still, valueDim, still + valueDim, rank));
        return new Attention(
                AttentionSpec.causal(heads, heads, headDim)
                        .withValueDim(valueDim)
                        .withScale(factor / Math.sqrt(headDim)),
                projections,
                HeadNorms.NONE,
                rope,
                HeadNorms.NONE,
                OutputGate.NONE,
                p.residual("o_proj", s.dim(), heads * valueDim, bias));
    }

    /// `run` rows of every head, from its row `first` on.
    private Linear ofHeads(String own, String stored, int first, int run, int headRows, int in) {
        var rows = new Rows(first, run, headRows, s.heads() * headRows);
        return p.part(own, stored, rows, s.heads() * run, in, false);
    }

    private Linear rows(String own, int first, int count, int all, boolean bias) {
        return p.part(own, "kv_a_proj_with_mqa", Rows.of(first, count, all), count, s.dim(), bias);
    }
}
