package clearhead.ops;

/// Elementwise nonlinearities.
public enum Activation {
    /// x·Φ(x) with the error function. Hendrycks and Gimpel 2016, arXiv:1606.08415.
    GELU,
    /// 0.5·x·(1 + tanh(√(2/π)·(x + 0.044715·x³))): GPT-2's `gelu_new`.
    GELU_TANH,
    /// x·σ(x), also called swish.
    SILU,
    /// max(x, 0)
    RELU,
    /// log(1 + e^x)
    SOFTPLUS
}
