package clearhead.nn;

import clearhead.ops.KvView;
import clearhead.tensor.Tensor;
import java.util.ArrayList;

/// A model that reads one text and writes another: T5, BART, Marian. Vaswani et al. 2017,
/// arXiv:1706.03762.
///
/// @param encoder reads; its head is not used
/// @param decoder writes; its blocks are [Block.Reading]
public record EncoderDecoder(Transformer encoder, Transformer decoder) implements Network {

    /// Reads texts: keys and values of every layer of the decoder. They lie in the pass's workspace.
    ///
    /// @param pass over the texts that are read
    public ReadText read(ForwardPass pass) {
        Tensor memory = encoder.hidden(pass); // [tokens, dim]
        var layers = new ArrayList<KvView.Packed>();
        for (Block block : decoder.blocks()) {
            if (block instanceof Block.Reading reading) {
                layers.add(reading.cross().remember(pass, memory, pass.sequences()));
            }
        }
        return new ReadText(layers, pass.sequences());
    }

    /// @param pass over the texts that are written, with [ReadText#with] as its memory
    /// @return [rows, vocab]: the logits asked for
    public Tensor forward(ForwardPass pass) {
        return decoder.forward(pass);
    }

    @Override
    public int vocab() {
        return decoder.vocab();
    }

    @Override
    public int dim() {
        return decoder.dim();
    }

    @Override
    public int layers() {
        return decoder.layers();
    }

    @Override
    public int context() {
        return decoder.context();
    }
}
