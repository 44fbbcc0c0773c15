package clearhead.nn;

import clearhead.ops.KvView;
import clearhead.ops.Ops;
import clearhead.ops.Sequences;
import clearhead.tensor.Tensor;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/// A text that an encoder has read: its keys and values in every layer of the decoder.
///
/// @param layers of each layer of the decoder
/// @param rows which keys belong to which sequence
public record ReadText(List<KvView.Packed> layers, Sequences rows) {
    public ReadText {
        layers = List.copyOf(layers);
    }

    /// Its keys and values in pages that live as long as `owner`, of each layer, as the many passes of
    /// decoding want them.
    public List<KvView> kept(Ops ops, Arena owner) {
        var table = new int[rows.count()][];
        var lengths = new int[rows.count()];
        int pages = 0;
        for (int s = 0; s < table.length; s++) {
            lengths[s] = rows.length(s);
            table[s] = new int[Math.ceilDiv(lengths[s], KvView.PAGE)];
            for (int i = 0; i < table[s].length; i++) {
                table[s][i] = pages++;
            }
        }
        var all = new ArrayList<KvView>();
        for (KvView.Packed layer : layers) {
            Tensor key = layer.key(); // [keys, kvHeads, headDim]
            Tensor value = layer.value();
            KvView.Paged paged = KvView.Paged.zeros(owner, key.type(), pages, key.dim(1), key.dim(2), value.dim(2))
                    .of(false, table, lengths);
            ops.store(key, value, rows, paged);
            all.add(paged);
        }
        return all;
    }

    /// Memory of a decoder's pass: what it remembers of its own tokens, and the text it reads.
    public KeyValues with(KeyValues own) {
        return over(own, List.copyOf(layers));
    }

    /// The same with the keys and values of the text in any form.
    ///
    /// @param read of each layer
    public static KeyValues over(KeyValues own, List<KvView> read) {
        return new KeyValues() {
            @Override
            public KvView append(Ops ops, int layer, Tensor key, Tensor value, Sequences sequences) {
                return own.append(ops, layer, key, value, sequences);
            }

            @Override
            public Optional<Tensor> state(Ops ops, int layer, int index) {
                return own.state(ops, layer, index);
            }

            @Override
            public void keep(int layer, int index, Tensor state) {
                own.keep(layer, index, state);
            }

            @Override
            public KvView read(int layer) {
                return read.get(layer);
            }
        };
    }
}
