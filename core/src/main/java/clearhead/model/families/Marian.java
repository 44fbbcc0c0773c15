package clearhead.model.families;

import clearhead.model.Config;
import clearhead.model.Family;
import clearhead.model.Parts;
import clearhead.nn.EncoderDecoder;
import clearhead.nn.Linear;
import clearhead.nn.Network;
import clearhead.nn.Norm;
import clearhead.nn.Positions;
import clearhead.nn.Transformer;
import clearhead.tensor.Tensor;
import java.util.List;

/// Marian, of which the translators of Opus-MT are: the first transformer with sines for positions.
/// Vaswani et al. 2017, arXiv:1706.03762; Junczys-Dowmunt et al. 2018, arXiv:1804.00344.
final class Marian implements Family {
    private static final int LONGEST = 1 << 14;

    @Override
    public List<String> names() {
        return List.of("marian");
    }

    @Override
    public String transformersClass() {
        return "MarianMTModel";
    }

    @Override
    public Network build(Config c, Parts parts) {
        c.refuse("share_encoder_decoder_embeddings", !c.flag("share_encoder_decoder_embeddings", true));
        var bart = BartParts.of(c, false);
        int vocab = c.size("vocab_size");
        int context = Math.min(LONGEST, c.size("max_position_embeddings", 1024));
        Parts model = parts.at("model.");
        var table = model.table("shared", vocab, bart.dim());
        var positions = new Positions.Learned(sines(parts, context, bart.dim()));
        Linear head = Bart.head(parts, vocab, bart.dim());
        var scale = Bart.scale(c, bart.dim());
        var encoder = bart.encoder(model.at("encoder."));
        var decoder = bart.decoder(model.at("decoder."));
        return new EncoderDecoder(
                new Transformer(table, positions, encoder, Norm.NONE, head, context).with(scale),
                new Transformer(table, positions, decoder, Norm.NONE, head, context).with(scale));
    }

    /// Sines in the first half of a row, cosines in the second.
    private static Tensor sines(Parts parts, int context, int dim) {
        Tensor table = Tensor.zeros(parts.arena(), parts.type(), context, dim);
        int half = Math.ceilDiv(dim, 2);
        for (int p = 0; p < table.dim(0); p++) {
            for (int i = 0; i < dim; i++) {
                int pair = i < half ? i : i - half;
                double angle = p / Math.pow(10000, 2.0 * pair / dim);
                table.set((long) p * dim + i, i < half ? Math.sin(angle) : Math.cos(angle));
            }
        }
        return table;
    }
}
