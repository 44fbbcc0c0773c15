package clearhead.model.families;

import clearhead.model.Config;
import clearhead.model.Parameter.Init;
import clearhead.model.Parts;
import clearhead.nn.Attention;
import clearhead.nn.Block;
import clearhead.nn.CrossAttention;
import clearhead.nn.Mlp;
import clearhead.nn.Norm;
import clearhead.nn.Positions;
import clearhead.ops.Activation;
import clearhead.ops.AttentionSpec;
import clearhead.ops.Bias;
import clearhead.ops.Mask;

/// The sizes of a T5 and the parts of its layers.
record T5Parts(int dim, int hidden, AttentionSpec spec, double eps, boolean gated, Activation act) {

    static T5Parts of(Config c) {
        int heads = c.size("num_heads");
        String kind = c.json().text("feed_forward_proj", "relu"); // or gated-silu
        String act = kind.substring(kind.indexOf('-') + 1);
        return new T5Parts(
                c.size("d_model"),
                c.size("d_ff"),
                new AttentionSpec(heads, heads, c.size("d_kv"), 1, Mask.BIDIRECTIONAL),
                c.positive("layer_norm_epsilon", 1e-6),
                kind.startsWith("gated-"),
                c.activation("dense_act_fn", kind.equals("gated-gelu") ? "gelu_new" : act));
    }

    /// The biases of all layers, which are stored in the first.
    Bias bias(Config c, Parts stack, boolean bidirectional) {
        int buckets = c.size("relative_attention_num_buckets", 32);
        String name = "block.0.layer.0.SelfAttention.relative_attention_bias.weight";
        var table = stack.tensor(name, Init.ZEROS, buckets, spec.heads());
        return new Bias.Relative(table, bidirectional, c.size("relative_attention_max_distance", 128));
    }

    /// @param of spec with mask and bias
    /// @param last number of the MLP among the layer's parts
    Block.PreNorm block(Parts p, AttentionSpec of, int last) {
        int inner = spec.heads() * spec.headDim();
        Parts own = p.at("layer.0.SelfAttention.");
        var attention = new Attention(
                of,
                new Positions.None(),
                own.linear("q", inner, dim, false),
                own.linear("k", inner, dim, false),
                own.linear("v", inner, dim, false),
                own.residual("o", dim, inner, false));
        Parts dense = p.at("layer." + last + ".DenseReluDense.");
        Mlp mlp = gated
                ? new Mlp.Gated(
                        dense.linear("wi_0", hidden, dim, false),
                        dense.linear("wi_1", hidden, dim, false),
                        dense.residual("wo", dim, hidden, false),
                        act)
                : new Mlp.Dense(dense.linear("wi", hidden, dim, false), dense.residual("wo", dim, hidden, false), act);
        return new Block.PreNorm(
                norm(p, "layer.0.layer_norm"), attention, norm(p, "layer." + last + ".layer_norm"), mlp);
    }

    Block.Reading reading(Parts p, int layer, AttentionSpec of) {
        int inner = spec.heads() * spec.headDim();
        Parts cross = p.at("layer.1.EncDecAttention.");
        var attention = new CrossAttention(
                layer,
                spec,
                cross.linear("q", inner, dim, false),
                cross.linear("k", inner, dim, false),
                cross.linear("v", inner, dim, false),
                cross.residual("o", dim, inner, false));
        return new Block.Reading(block(p, of, 2), norm(p, "layer.1.layer_norm"), attention, Norm.NONE);
    }

    Norm norm(Parts p, String name) {
        return p.rmsNorm(name, dim, eps);
    }
}
