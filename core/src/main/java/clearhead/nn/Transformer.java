package clearhead.nn;

import clearhead.ops.AttentionSpec;
import clearhead.ops.Ops;
import clearhead.tensor.Tensor;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.IntStream;

/// A stack of blocks with an embedding below and a head above: ids in, logits out. An immutable tree of
/// records that holds weights and nothing else.
///
/// @param embedding [vocab, dim]
/// @param embeddingRule what happens to a token's embedding before positions are added
/// @param entrance what happens after that, before the first block
/// @param exit what happens after the last norm, before the head
/// @param head [vocab, dim]; the embedding itself where the two are tied
/// @param context most positions the model can tell apart
public record Transformer(
        Tensor embedding,
        EmbeddingRule embeddingRule,
        Positions positions,
        EmbeddingRule entrance,
        List<Block> blocks,
        Norm finalNorm,
        EmbeddingRule exit,
        Linear head,
        LogitRule logitRule,
        int context)
        implements Network {
    public Transformer {
        blocks = List.copyOf(blocks);
    }

    /// Embeddings and logits as they are.
    public Transformer(
            Tensor embedding, Positions positions, List<Block> blocks, Norm finalNorm, Linear head, int context) {
        this(
                embedding,
                EmbeddingRule.NONE,
                positions,
                EmbeddingRule.NONE,
                blocks,
                finalNorm,
                EmbeddingRule.NONE,
                head,
                LogitRule.NONE,
                context);
    }

    public Transformer with(EmbeddingRule rule) {
        return new Transformer(embedding, rule, positions, entrance, blocks, finalNorm, exit, head, logitRule, context);
    }

    public Transformer withEntrance(EmbeddingRule rule) {
        return new Transformer(
                embedding, embeddingRule, positions, rule, blocks, finalNorm, exit, head, logitRule, context);
    }

    public Transformer withExit(EmbeddingRule rule) {
        return new Transformer(
                embedding, embeddingRule, positions, entrance, blocks, finalNorm, rule, head, logitRule, context);
    }

    public Transformer with(LogitRule rule) {
        return new Transformer(
                embedding, embeddingRule, positions, entrance, blocks, finalNorm, exit, head, rule, context);
    }

    /// @return [rows, vocab]: the logits asked for, see [ForwardPass#logitRows]
    public Tensor forward(ForwardPass pass) {
        return forward(pass, 0, enter(pass));
    }

    /// Goes on from what enters a block: the blocks below it do not run.
    ///
    /// @param first number of the block to begin with; [#layers] where only the last norm and the head are left
    /// @param x [tokens, dim]: what enters that block, see [Site#RESID_PRE]
    /// @return [rows, vocab]: the logits asked for, the same bits as the whole pass gives from that x
    public Tensor forward(ForwardPass pass, int first, Tensor x) {
        x = through(pass, first, x);
        if (pass.logitRows().isPresent()) {
            x = pass.ops().select(x, pass.logitRows().get());
        }
        return pass.tap(Site.LOGITS, -1, logits(pass, x));
    }

    /// What the blocks and the last norm make of the tokens: no head.
    ///
    /// @return [tokens, dim]
    public Tensor hidden(ForwardPass pass) {
        return through(pass, 0, enter(pass));
    }

    private Tensor enter(ForwardPass pass) {
        var x = embeddingRule.forward(pass, pass.ops().embed(embedding, pass.ids())); // [tokens, dim]
        x = entrance.forward(pass, positions.embed(pass, x));
        return pass.tap(Site.EMBED, -1, x);
    }

    private Tensor through(ForwardPass pass, int first, Tensor x) {
        Ops ops = pass.ops();
        Set<Integer> lenders = lenders();
        ForwardPass run = lenders.isEmpty() ? pass : pass.with(KeyValues.remembering(pass.keyValues()));
        long mark = ops.workspace().mark();
        for (int layer = first; layer < blocks.size(); layer++) {
            x = blocks.get(layer).forward(run, layer, x);
            if (lenders.contains(layer)) {
                mark = ops.workspace().mark(); // its keys and values are looked at again
            } else {
                x = ops.keep(mark, x);
            }
        }
        return pass.tap(Site.FINAL_NORM, -1, finalNorm.forward(pass, x));
    }

    /// Layers whose keys and values other layers borrow.
    private Set<Integer> lenders() {
        var lenders = new TreeSet<Integer>();
        for (Block block : blocks) {
            if (block.mixer() instanceof Attention a && a.projections() instanceof Projections.Borrowed borrowed) {
                lenders.add(borrowed.source());
            }
        }
        return lenders;
    }

    /// @param x [rows, dim], after the last norm
    /// @return [rows, vocab]
    public Tensor logits(ForwardPass pass, Tensor x) {
        return logitRule.forward(pass, head.forward(pass, exit.forward(pass, x)));
    }

    /// Whether keys of a cache, computed when the text had `from` tokens, still serve when it has `to`. Where
    /// they do not, the cache has to be filled anew: see [Positions#keysServe].
    public boolean keysServe(int from, int to) {
        return attentionLayers().stream()
                .allMatch(layer -> attention(layer).positions().keysServe(from, to));
    }

    @Override
    public int vocab() {
        return embedding.dim(0);
    }

    @Override
    public int dim() {
        return entrance.width(embeddingRule.width(embedding.dim(1)));
    }

    @Override
    public int layers() {
        return blocks.size();
    }

    /// The softmax attention of a layer.
    ///
    /// @throws IllegalArgumentException if the layer has another mixer
    public Attention attention(int layer) {
        if (blocks.get(layer).mixer() instanceof Attention attention) {
            return attention;
        }
        throw new IllegalArgumentException("layer " + layer + " has no attention but a "
                + blocks.get(layer).mixer().getClass().getSimpleName() + "; the layers with attention are "
                + attentionLayers());
    }

    /// The sizes of attention in the first layer that has it; empty where none has.
    public Optional<AttentionSpec> heads() {
        return attentionLayers().stream()
                .findFirst()
                .map(layer -> attention(layer).spec());
    }

    /// Refuses what looks at attention, where there is none to see.
    ///
    /// @throws IllegalArgumentException if no layer has attention
    public void requireAttention() {
        if (attentionLayers().isEmpty()) {
            throw new IllegalArgumentException("the model has no attention to see: its layers carry a state ("
                    + blocks.getFirst().mixer().getClass().getSimpleName()
                    + ") instead; generate, trace, predict and eval work");
        }
    }

    /// Numbers of the layers with softmax attention; all of them in most models.
    public List<Integer> attentionLayers() {
        return IntStream.range(0, blocks.size())
                .filter(layer -> blocks.get(layer).mixer() instanceof Attention)
                .boxed()
                .toList();
    }
}
