package clearhead.model.families;

import clearhead.model.Config;
import clearhead.model.Parameter.Init;
import clearhead.model.Parts;
import clearhead.nn.Attention;
import clearhead.nn.Block;
import clearhead.nn.EmbeddingRule;
import clearhead.nn.Linear;
import clearhead.nn.Mlp;
import clearhead.nn.Norm;
import clearhead.nn.Positions;
import clearhead.nn.Transformer;
import clearhead.ops.Activation;
import clearhead.ops.AttentionSpec;
import clearhead.ops.Mask;
import java.util.List;
import java.util.Optional;

/// The sizes of a family that names them as BERT does, and the parts that such families share.
///
/// @param hidden width of the MLP
/// @param segments texts of a pair that can be told apart
record BertSizes(
        int vocab,
        int context,
        int dim,
        int layers,
        int heads,
        int headDim,
        int hidden,
        int segments,
        double eps,
        Activation act) {

    static BertSizes of(Config c) {
        int dim = c.size("hidden_size");
        int heads = c.size("num_attention_heads");
        return new BertSizes(
                c.size("vocab_size"),
                c.size("max_position_embeddings", 512),
                dim,
                c.layers("num_hidden_layers"),
                heads,
                c.headDim(dim, "num_attention_heads", heads),
                c.size("intermediate_size", 4 * dim),
                c.size("type_vocab_size", 2),
                c.positive("layer_norm_eps", 1e-12),
                c.activation("hidden_act", "gelu"));
    }

    /// Words, then a segment and a learned position, then a norm.
    Transformer trunk(Parts e, int embeddingDim, List<Block> blocks, Linear head) {
        var positions = new Positions.Learned(e.table("position_embeddings", context, embeddingDim));
        return trunk(e, embeddingDim, positions, context, blocks, head);
    }

    /// The same with positions that are numbered after the padding token: RoBERTa, MPNet.
    Transformer trunkAfterPadding(int padding, Parts e, List<Block> blocks, Linear head) {
        var positions = new Positions.LearnedAfterPadding(e.table("position_embeddings", context, dim), padding);
        return trunk(e, dim, positions, context - padding - 1, blocks, head);
    }

    private Transformer trunk(
            Parts e, int embeddingDim, Positions positions, int reach, List<Block> blocks, Linear head) {
        var words = e.table("word_embeddings", vocab, embeddingDim);
        var trunk = new Transformer(words, positions, blocks, Norm.NONE, head, reach)
                .withEntrance(new EmbeddingRule.Normed(e.layerNorm("LayerNorm", embeddingDim, eps)));
        return segments == 0
                ? trunk
                : trunk.with(new EmbeddingRule.Added(e.table("token_type_embeddings", segments, embeddingDim)));
    }

    /// The head of a checkpoint that has none: the words, whose products mean nothing then.
    Linear noHead(Parts e, int embeddingDim) {
        return e.linear("word_embeddings", vocab, embeddingDim, false);
    }

    AttentionSpec bidirectional() {
        return new AttentionSpec(heads, heads, headDim, 1 / Math.sqrt(headDim), Mask.BIDIRECTIONAL);
    }

    /// A layer as BERT names its parts.
    Block.PostNorm block(Parts p, AttentionSpec spec) {
        var attention = new Attention(
                spec,
                new Positions.None(),
                p.linear("attention.self.query", dim, dim, true),
                p.linear("attention.self.key", dim, dim, true),
                p.linear("attention.self.value", dim, dim, true),
                p.residual("attention.output.dense", dim, dim, true));
        var attentionNorm = p.layerNorm("attention.output.LayerNorm", dim, eps);
        return new Block.PostNorm(attention, attentionNorm, mlp(p), p.layerNorm("output.LayerNorm", dim, eps));
    }

    Mlp mlp(Parts p) {
        return new Mlp.Dense(
                p.linear("intermediate.dense", hidden, dim, true), p.residual("output.dense", dim, hidden, true), act);
    }

    BertSizes withoutSegments() {
        return new BertSizes(vocab, context, dim, layers, heads, headDim, hidden, 0, eps, act);
    }

    /// norm(act(x·Wᵀ + b)) before the head of a masked language model.
    ///
    /// @param width of what it makes: that of the embeddings
    EmbeddingRule transform(Parts p, String dense, String norm, int width) {
        return EmbeddingRule.InTurn.of(
                new EmbeddingRule.Activated(p.linear(dense, width, dim, true), act),
                new EmbeddingRule.Normed(p.layerNorm(norm, width, eps)));
    }

    /// A head that is the token embedding, with a bias of its own.
    Linear tiedHead(Parts p, String embedding, int embeddingDim, String bias) {
        return Linear.of(p.linear(embedding, vocab, embeddingDim, false).weight(), p.tensor(bias, Init.ZEROS, vocab));
    }

    /// The layer above the first token, unless the checkpoint was stored without it (`add_pooling_layer`, which
    /// is said at load by the tensors that are there).
    Optional<Linear> pooler(Config c, Parts p, String name) {
        return c.flag("add_pooling_layer", true) ? Optional.of(p.linear(name, dim, dim, true)) : Optional.empty();
    }
}
