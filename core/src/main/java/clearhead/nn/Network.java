package clearhead.nn;

/// A whole model.
public sealed interface Network permits Transformer, Encoder, EncoderDecoder {
    /// Number of token ids.
    int vocab();

    /// Width of the residual stream.
    int dim();

    /// Number of blocks.
    int layers();

    /// Positions that can be told apart.
    int context();
}
