package clearhead.nn;

/// Places in a forward pass that a [Probe] can look at, named as TransformerLens names them. Shapes
/// are of all packed tokens of the pass.
public enum Site {
    /// [tokens, dim]: token embedding, with learned positions added. No layer.
    EMBED("embed"),
    /// [tokens, dim]: what enters a block.
    RESID_PRE("resid_pre"),
    /// [tokens, dim]: the residual after its norm, from which query, key and value are made.
    ATTN_NORM("attn_norm"),
    /// [tokens, heads, headDim]: before rotation.
    Q_PRE("q_pre"),
    /// [tokens, kvHeads, headDim]: before rotation.
    K_PRE("k_pre"),
    /// [tokens, heads, headDim]: after rotation.
    Q("q"),
    /// [tokens, kvHeads, headDim]: after rotation.
    K("k"),
    /// [tokens, kvHeads, headDim]
    V("v"),
    /// [heads, queries, context] of one sequence: scaled and masked, −∞ where masked.
    SCORES("scores"),
    /// [heads, queries, context] of one sequence: softmax of the scores.
    PATTERN("pattern"),
    /// [heads, queries, context] of one sequence: PATTERN of the encoder of an encoder-decoder, as a
    /// trace of both calls it; a pass through the encoder alone has PATTERN.
    ENCODER_PATTERN("encoder_pattern"),
    /// [heads, queries, keys] of one sequence: softmax of a decoder's scores over the text that its
    /// encoder has read. To be looked at only.
    CROSS_PATTERN("cross_pattern"),
    /// [tokens, heads, headDim]: weighted sum of values, before Wo.
    Z("z"),
    /// [tokens, dim]: what attention adds to the residual.
    ATTN_OUT("attn_out"),
    /// [tokens, dim]: residual after attention.
    RESID_MID("resid_mid"),
    /// [tokens, dim]: the residual after its second norm.
    MLP_NORM("mlp_norm"),
    /// [tokens, hidden]: after the activation (and gate).
    MLP_POST("mlp_post"),
    /// [tokens, dim]: what the MLP adds to the residual.
    MLP_OUT("mlp_out"),
    /// [tokens, dim]: what leaves a block.
    RESID_POST("resid_post"),
    /// [tokens, dim]: after the last norm. No layer.
    FINAL_NORM("final_norm"),
    /// [rows, vocab]: of the rows asked for. No layer.
    LOGITS("logits");

    private final String label;

    Site(String label) {
        this.label = label;
    }

    /// The name used in files and on the command line, such as `resid_post`.
    public String label() {
        return label;
    }

    /// Whether there is one of these in every layer.
    public boolean perLayer() {
        return switch (this) {
            case EMBED, FINAL_NORM, LOGITS -> false;
            default -> true;
        };
    }
}
