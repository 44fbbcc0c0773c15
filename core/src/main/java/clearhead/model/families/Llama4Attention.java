package clearhead.model.families;

import clearhead.model.Config;
import clearhead.model.Parts;
import clearhead.nn.Attention;
import clearhead.nn.HeadNorm;
import clearhead.nn.HeadNorms;
import clearhead.nn.Norm;
import clearhead.nn.Positions;
import clearhead.ops.Mask;

/// The two kinds of attention of Llama 4.
final class Llama4Attention {
    private Llama4Attention() {}

    /// In a chunk, with rotary positions; queries and keys of one length afterwards.
    static Attention near(Config c, LlamaSizes s, Parts p, Positions rope) {
        var spec = c.json().has("attention_chunk_size")
                ? s.causal().withMask(new Mask.Chunked(c.size("attention_chunk_size")))
                : s.causal();
        var attention = s.asStored(p, spec, rope, s.attentionBias(), s.attentionBias());
        if (!c.flag("use_qk_norm", true)) {
            return attention;
        }
        var norm = new HeadNorm.PerHead(new Norm.Rms(p.constant(1, s.headDim()), s.eps()));
        return attention.withNormsAfter(HeadNorms.of(norm, norm));
    }

    /// Over everything, without positions.
    static Attention far(Config c, LlamaSizes s, Parts p) {
        var attention = s.asStored(p, s.causal(), new Positions.None(), s.attentionBias(), s.attentionBias());
        if (!c.flag("attn_temperature_tuning", true)) {
            return attention;
        }
        var sharper = new HeadNorm.ByPosition(c.positive("floor_scale", 8192), c.positive("attn_scale", 0.1));
        return attention.withNormsAfter(HeadNorms.of(sharper, HeadNorm.NONE));
    }
}
