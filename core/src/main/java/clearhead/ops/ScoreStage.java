package clearhead.ops;

/// How far scores have come when they are looked at. ONNX's `qk_matmul_output_mode` 0 to 2 are SCALED,
/// CAPPED and BIASED with its mask; 3 is the softmax of BIASED.
public enum ScoreStage {
    /// q·k.
    PRODUCT,
    /// q·k·scale.
    SCALED,
    /// After the soft-cap.
    CAPPED,
    /// After score function, bias and mask: what the softmax is taken of. −∞ where masked.
    BIASED
}
