package clearhead.nn;

import clearhead.ops.Ops;
import clearhead.tensor.Tensor;
import java.util.List;

/// A decoder: ids in, logits out. An immutable tree of records that holds weights and nothing else.
///
/// @param embedding [vocab, dim]
/// @param head [vocab, dim]; the embedding itself where the two are tied
/// @param context most positions the model can tell apart
public record Transformer(
        Tensor embedding, Positions positions, List<Block> blocks, Norm finalNorm, Linear head, int context) {
    public Transformer {
        blocks = List.copyOf(blocks);
    }

    /// @return [rows, vocab]: the logits asked for, see [ForwardPass#logitRows]
    public Tensor forward(ForwardPass pass) {
        Ops ops = pass.ops();
        var x = positions.embed(pass, ops.embed(embedding, pass.ids())); // [tokens, dim]
        return forward(pass, 0, pass.tap(Site.EMBED, -1, x));
    }

    /// Goes on from what enters a block: the blocks below it do not run.
    ///
    /// @param first number of the block to begin with; [#layers] where only the last norm and the head are left
    /// @param x [tokens, dim]: what enters that block, see [Site#RESID_PRE]
    /// @return [rows, vocab]: the logits asked for, the same bits as the whole pass gives from that x
    public Tensor forward(ForwardPass pass, int first, Tensor x) {
        Ops ops = pass.ops();
        long mark = ops.workspace().mark();
        for (int layer = first; layer < blocks.size(); layer++) {
            x = ops.keep(mark, blocks.get(layer).forward(pass, layer, x));
        }
        x = pass.tap(Site.FINAL_NORM, -1, finalNorm.forward(pass, x));
        if (pass.logitRows().isPresent()) {
            x = ops.select(x, pass.logitRows().get());
        }
        return pass.tap(Site.LOGITS, -1, head.forward(pass, x)); // [rows, vocab]
    }

    public int vocab() {
        return embedding.dim(0);
    }

    public int dim() {
        return embedding.dim(1);
    }

    public int layers() {
        return blocks.size();
    }
}
