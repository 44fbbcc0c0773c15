package clearhead.nn;

import clearhead.tensor.Tensor;
import java.util.Optional;

/// A model whose tokens see each other in both directions: BERT and its kin. Devlin et al. 2018,
/// arXiv:1810.04805.
///
/// @param trunk embeddings and blocks; its head predicts masked tokens where there is one
/// @param predicts whether the checkpoint has a head for masked tokens
/// @param pooler tanh(W·first token), which some models put above the first token
public record Encoder(Transformer trunk, boolean predicts, Optional<Linear> pooler) implements Network {

    /// @return [tokens, dim]: what leaves the last block
    public Tensor forward(ForwardPass pass) {
        return trunk.hidden(pass);
    }

    @Override
    public int vocab() {
        return trunk.vocab();
    }

    @Override
    public int dim() {
        return trunk.dim();
    }

    @Override
    public int layers() {
        return trunk.layers();
    }

    @Override
    public int context() {
        return trunk.context();
    }
}
