package clearhead.model.families;

import clearhead.model.Config;
import clearhead.model.Family;
import clearhead.model.Parameter;
import clearhead.model.Parameter.Init;
import clearhead.model.Parameter.Stored;
import clearhead.model.Parts;
import clearhead.nn.EmbeddingRule;
import clearhead.nn.EncoderDecoder;
import clearhead.nn.Linear;
import clearhead.nn.Network;
import clearhead.nn.Norm;
import clearhead.nn.Positions;
import clearhead.nn.Transformer;
import clearhead.tensor.Shape;
import clearhead.tensor.Tensor;
import java.util.List;

/// BART: learned positions, a norm above the embeddings, norms after adding. Lewis et al. 2019,
/// arXiv:1910.13461. mBART has its norms before, and one more above each stack: Liu et al. 2020,
/// arXiv:2001.08210.
record Bart(String name, String transformersClass, boolean preNorm) implements Family {
    /// Rows of the table of positions that no position has.
    private static final int UNUSED = 2;

    @Override
    public List<String> names() {
        return List.of(name);
    }

    @Override
    public Network build(Config c, Parts parts) {
        var bart = BartParts.of(c, preNorm);
        Parts model = parts.at("model.");
        var table = model.table("shared", c.size("vocab_size"), bart.dim());
        EmbeddingRule scale = scale(c, bart.dim());
        Linear head = head(parts, c.size("vocab_size"), bart.dim());
        return new EncoderDecoder(
                stack(bart, model.at("encoder."), true, table, head).with(scale),
                stack(bart, model.at("decoder."), false, table, head).with(scale));
    }

    private Transformer stack(BartParts bart, Parts p, boolean reads, Tensor table, Linear head) {
        int context = bart.c().size("max_position_embeddings", 1024);
        var positions = new Positions.LearnedFrom(p.table("embed_positions", context + UNUSED, bart.dim()), UNUSED);
        var entrance = new EmbeddingRule.Normed(bart.norm(p, "layernorm_embedding"));
        var blocks = reads ? bart.encoder(p) : bart.decoder(p);
        Norm last = preNorm ? bart.norm(p, "layer_norm") : Norm.NONE;
        return new Transformer(table, positions, blocks, last, head, context).withEntrance(entrance);
    }

    static EmbeddingRule scale(Config c, int dim) {
        return c.flag("scale_embedding", false) ? new EmbeddingRule.Scaled(Math.sqrt(dim)) : EmbeddingRule.NONE;
    }

    /// The embedding, or a head of its own where the file has one; with a bias that is not trained.
    static Linear head(Parts parts, int vocab, int dim) {
        String own = "lm_head.weight";
        var weight = parts.matrix(new Parameter(
                own,
                new Shape(vocab, dim),
                Init.normal(0.02),
                List.of(Stored.whole(own, vocab), Stored.whole("model.shared.weight", vocab))));
        return Linear.of(weight, parts.tensor("final_logits_bias", Init.ZEROS, vocab));
    }
}
