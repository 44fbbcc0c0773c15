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
import clearhead.nn.Positions;
import clearhead.nn.Transformer;
import clearhead.ops.Mask;
import clearhead.tensor.Shape;
import java.util.List;
import java.util.Map;

/// T5: RMSNorm, scores that are not scaled, a learned bias for ranges of distances that all layers share.
/// Raffel et al. 2020, arXiv:1910.10683. Version 1.1 has gated MLPs and a head of its own: Shazeer 2020,
/// arXiv:2002.05202; Flan-T5, Chung et al. 2022, arXiv:2210.11416; mT5, Xue et al. 2021, arXiv:2010.11934.
record T5(String name, String transformersClass) implements Family {
    /// Far keys share a bucket, so texts may be of any length.
    private static final int CONTEXT = 1 << 17;

    @Override
    public List<String> names() {
        return List.of(name);
    }

    @Override
    public Network build(Config given, Parts parts) {
        Config c = name.equals("mt5")
                ? given.withDefaults(Map.of("scale_decoder_outputs", false, "feed_forward_proj", "gated-gelu"))
                : given;
        var t5 = T5Parts.of(c);
        int vocab = c.size("vocab_size");
        int layers = c.layers("num_layers");
        int writing = c.json().has("num_decoder_layers") ? c.layers("num_decoder_layers") : layers;
        var table = parts.table("shared", vocab, t5.dim());

        Parts e = parts.at("encoder.");
        var read = t5.spec().withBias(t5.bias(c, e, true));
        var encoder = e.blocks("block.", layers, (p, _) -> t5.block(p, read, 1));
        var encoderNorm = t5.norm(e, "final_layer_norm");

        Parts d = parts.at("decoder.");
        var written = t5.spec().withMask(Mask.CAUSAL).withBias(t5.bias(c, d, false));
        var decoder = d.blocks("block.", writing, (p, i) -> t5.reading(p, i, written));
        var decoderNorm = t5.norm(d, "final_layer_norm");

        // a head in the file is the head, whatever the configuration says of it
        String weight = "lm_head.weight";
        var head = Linear.of(parts.matrix(new Parameter(
                weight,
                new Shape(vocab, t5.dim()),
                Init.normal(0.02),
                List.of(Stored.whole(weight, vocab), Stored.whole("shared.weight", vocab)))));
        boolean scaled = c.flag("scale_decoder_outputs", c.flag("tie_word_embeddings", true));
        return new EncoderDecoder(
                new Transformer(table, new Positions.None(), encoder, encoderNorm, head, CONTEXT),
                new Transformer(table, new Positions.None(), decoder, decoderNorm, head, CONTEXT)
                        .withExit(scaled ? new EmbeddingRule.Scaled(1 / Math.sqrt(t5.dim())) : EmbeddingRule.NONE));
    }
}
