package clearhead.model.families;

import clearhead.model.Config;
import clearhead.model.Parts;
import clearhead.nn.Block;
import clearhead.nn.LogitRule;
import clearhead.nn.Mixer;
import clearhead.nn.Mlp;
import clearhead.nn.Norm;
import clearhead.ops.AttentionSpec;

/// What Gemma 2 and 3 have in common.
final class GemmaParts {
    private GemmaParts() {}

    static AttentionSpec spec(Config c, LlamaSizes s) {
        var spec = s.causal().withScale(1 / Math.sqrt(c.positive("query_pre_attn_scalar", 256)));
        return c.json().has("attn_logit_softcapping")
                ? spec.withSoftCap(c.positive("attn_logit_softcapping", 50))
                : spec;
    }

    static LogitRule logits(Config c) {
        return c.json().has("final_logit_softcapping")
                ? new LogitRule.Capped(c.positive("final_logit_softcapping", 30))
                : LogitRule.NONE;
    }

    /// Four norms.
    static Block block(Parts layer, LlamaSizes s, Mixer mixer, Mlp mlp) {
        Norm before = Gemma.norm(layer, "input_layernorm", s);
        Norm behind = Gemma.norm(layer, "post_attention_layernorm", s);
        Norm beforeMlp = Gemma.norm(layer, "pre_feedforward_layernorm", s);
        return new Block.Sandwich(
                before, mixer, behind, beforeMlp, mlp, Gemma.norm(layer, "post_feedforward_layernorm", s));
    }
}
