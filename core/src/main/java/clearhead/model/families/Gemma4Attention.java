package clearhead.model.families;

import clearhead.io.Json;
import clearhead.model.Config;
import clearhead.model.Parts;
import clearhead.nn.Attention;
import clearhead.nn.HeadNorm;
import clearhead.nn.HeadNorms;
import clearhead.nn.Linear;
import clearhead.nn.Norm;
import clearhead.nn.OutputGate;
import clearhead.nn.Positions;
import clearhead.nn.Projections;
import clearhead.ops.AttentionSpec;

/// Attention of Gemma 4, in no two layers of which it need be alike.
///
/// @param s sizes of the layers with a window
record Gemma4Attention(Config c, LlamaSizes s, LayerKinds kinds) {

    /// Sizes of one layer.
    LlamaSizes sizes(int i) {
        int kvHeads = s.kvHeads();
        int headDim = s.headDim();
        if (c.json().has("per_layer_config")) {
            Json.Obj own = c.json().object("per_layer_config");
            if (own.has("" + i)) {
                var fields = new Config(own.object("" + i));
                kvHeads = fields.size("num_key_value_heads", kvHeads);
                headDim = fields.size("head_dim", headDim);
            }
        } else if (!kinds.slides(i)) {
            headDim = c.size("global_head_dim", 512);
            kvHeads = c.flag("attention_k_eq_v", false) ? c.size("num_global_key_value_heads", kvHeads) : kvHeads;
        }
        return s.withHeads(kvHeads, headDim);
    }

    /// The last layers look at the keys and values of the last layer of their kind before them.
    boolean borrows(int i) {
        return i >= s.layers() - c.json().integer("num_kv_shared_layers", 0);
    }

    private int lender(int i) {
        int lender = s.layers() - 1 - c.json().integer("num_kv_shared_layers", 0);
        while (lender >= 0 && kinds.slides(lender) != kinds.slides(i)) {
            lender--;
        }
        if (lender < 0) {
            throw c.json().wrong("num_kv_shared_layers", "layer " + i + " has no layer of its kind to borrow from");
        }
        return lender;
    }

    Attention build(Parts p, int i, Positions rope) {
        LlamaSizes own = sizes(i);
        int headDim = own.headDim();
        boolean bias = s.attentionBias();
        var spec = AttentionSpec.causal(s.heads(), own.kvHeads(), headDim).withScale(1);
        Linear query = p.linear("q_proj", s.heads() * headDim, s.dim(), bias);
        var queryNorm = new HeadNorm.PerHead(p.rmsNorm("q_norm", headDim, s.eps()));
        Projections projections;
        HeadNorms norms;
        if (borrows(i)) {
            projections = new Projections.Borrowed(query, lender(i));
            norms = HeadNorms.of(queryNorm, HeadNorm.NONE);
        } else {
            Linear key = p.linear("k_proj", own.kvHeads() * headDim, s.dim(), bias);
            projections = c.flag("attention_k_eq_v", false) && !kinds.slides(i)
                    ? new Projections.KeyAsValue(query, key)
                    : new Projections.Separate(query, key, p.linear("v_proj", own.kvHeads() * headDim, s.dim(), bias));
            norms = new HeadNorms(
                    queryNorm,
                    new HeadNorm.PerHead(p.rmsNorm("k_norm", headDim, s.eps())),
                    new HeadNorm.PerHead(new Norm.Rms(p.constant(1, headDim), s.eps())));
        }
        return new Attention(
                kinds.of(spec, i),
                projections,
                norms,
                rope,
                HeadNorms.NONE,
                OutputGate.NONE,
                p.residual("o_proj", s.dim(), s.heads() * headDim, bias));
    }
}
