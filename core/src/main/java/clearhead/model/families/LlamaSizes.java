package clearhead.model.families;

import clearhead.model.Config;
import clearhead.model.Parts;
import clearhead.nn.Attention;
import clearhead.nn.Block;
import clearhead.nn.HeadNorm;
import clearhead.nn.HeadNorms;
import clearhead.nn.Mixer;
import clearhead.nn.Mlp;
import clearhead.nn.Norm;
import clearhead.nn.Positions;
import clearhead.nn.Transformer;
import clearhead.ops.Activation;
import clearhead.ops.AttentionSpec;
import java.util.List;

/// The sizes of a family that names them as Llama does, and the parts that most such families share.
///
/// @param hidden width of the MLP
/// @param tied whether the head is the token embedding
record LlamaSizes(
        int vocab,
        int context,
        int dim,
        int layers,
        int heads,
        int kvHeads,
        int headDim,
        int hidden,
        double eps,
        Activation act,
        boolean attentionBias,
        boolean mlpBias,
        boolean tied) {

    static LlamaSizes of(Config c) {
        int dim = c.size("hidden_size");
        int heads = c.size("num_attention_heads");
        int kvHeads = c.size("num_key_value_heads", heads);
        if (heads % kvHeads != 0) {
            throw c.json()
                    .wrong("num_key_value_heads", "must divide num_attention_heads " + heads + ", found " + kvHeads);
        }
        return new LlamaSizes(
                c.size("vocab_size"),
                c.size("max_position_embeddings", 2048),
                dim,
                c.layers("num_hidden_layers"),
                heads,
                kvHeads,
                c.size("head_dim", Math.max(1, dim / heads)),
                c.size("intermediate_size", 4 * dim),
                c.positive("rms_norm_eps", 1e-6),
                c.activation("hidden_act", "silu"),
                c.flag("attention_bias", false),
                c.flag("mlp_bias", false),
                c.flag("tie_word_embeddings", false));
    }

    /// The same with MLPs of another width.
    LlamaSizes withHidden(int other) {
        return new LlamaSizes(
                vocab, context, dim, layers, heads, kvHeads, headDim, other, eps, act, attentionBias, mlpBias, tied);
    }

    /// The same with other heads.
    LlamaSizes withHeads(int otherKvHeads, int otherHeadDim) {
        return new LlamaSizes(
                vocab,
                context,
                dim,
                layers,
                heads,
                otherKvHeads,
                otherHeadDim,
                hidden,
                eps,
                act,
                attentionBias,
                mlpBias,
                tied);
    }

    AttentionSpec causal() {
        return AttentionSpec.causal(heads, kvHeads, headDim);
    }

    /// `q_proj`, `k_proj`, `v_proj`, `o_proj`; the first three may have a bias that the last has not.
    Attention attention(Parts p, AttentionSpec spec, Positions positions, boolean bias, boolean outputBias) {
        return new Attention(
                spec,
                positions,
                p.rotary("q_proj", heads, headDim, dim, bias),
                p.rotary("k_proj", kvHeads, headDim, dim, bias),
                p.linear("v_proj", kvHeads * headDim, dim, bias),
                p.residual("o_proj", dim, heads * headDim, outputBias));
    }

    /// The same of a family whose GGUF orders rotary pairs as its checkpoint does.
    Attention asStored(Parts p, AttentionSpec spec, Positions positions, boolean bias, boolean outputBias) {
        return new Attention(
                spec,
                positions,
                p.linear("q_proj", heads * headDim, dim, bias),
                p.linear("k_proj", kvHeads * headDim, dim, bias),
                p.linear("v_proj", kvHeads * headDim, dim, bias),
                p.residual("o_proj", dim, heads * headDim, outputBias));
    }

    /// `q_norm` and `k_norm`, for each head by itself.
    HeadNorms perHead(Parts p) {
        return HeadNorms.of(
                new HeadNorm.PerHead(p.rmsNorm("q_norm", headDim, eps)),
                new HeadNorm.PerHead(p.rmsNorm("k_norm", headDim, eps)));
    }

    /// `q_norm` and `k_norm`, for all heads together.
    HeadNorms whole(Parts p) {
        return HeadNorms.of(
                new HeadNorm.Whole(p.rmsNorm("q_norm", heads * headDim, eps)),
                new HeadNorm.Whole(p.rmsNorm("k_norm", kvHeads * headDim, eps)));
    }

    /// `input_layernorm` and `post_attention_layernorm` before attention and MLP.
    Block preNorm(Parts layer, Mixer mixer, Mlp mlp) {
        return new Block.PreNorm(
                layer.rmsNorm("input_layernorm", dim, eps),
                mixer,
                layer.rmsNorm("post_attention_layernorm", dim, eps),
                mlp);
    }

    /// `post_attention_layernorm` and `post_feedforward_layernorm` behind attention and MLP.
    Block normsBehind(Parts layer, Mixer mixer, Mlp mlp) {
        return new Block.Sandwich(
                Norm.NONE,
                mixer,
                layer.rmsNorm("post_attention_layernorm", dim, eps),
                Norm.NONE,
                mlp,
                layer.rmsNorm("post_feedforward_layernorm", dim, eps));
    }

    /// `gate_proj`, `up_proj`, `down_proj`.
    Mlp.Gated gated(Parts p) {
        return new Mlp.Gated(
                p.linear("gate_proj", hidden, dim, mlpBias),
                p.linear("up_proj", hidden, dim, mlpBias),
                p.residual("down_proj", dim, hidden, mlpBias),
                act);
    }

    /// `model.embed_tokens`, `model.layers`, `model.norm`, `lm_head`.
    Transformer decoder(Parts p, Config c, Positions positions, Parts.LayerParts block, NormParts norm) {
        var embedding = p.table("model.embed_tokens", vocab, dim);
        List<Block> blocks = p.blocks("model.layers.", layers, block);
        return new Transformer(
                embedding,
                positions,
                blocks,
                norm.build(p, "model.norm"),
                p.linear(tied ? "model.embed_tokens" : "lm_head", vocab, dim, false),
                Parts.reach(c, headDim, context));
    }

    /// The same with an RMSNorm at the end.
    Transformer decoder(Parts p, Config c, Positions positions, Parts.LayerParts block) {
        return decoder(p, c, positions, block, (parts, name) -> parts.rmsNorm(name, dim, eps));
    }

    /// Builds the last norm.
    @FunctionalInterface
    interface NormParts {
        Norm build(Parts p, String name);
    }
}
