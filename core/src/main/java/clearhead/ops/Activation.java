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
    /// max(x, 0)²: nanochat. So et al. 2021, arXiv:2109.08668.
    RELU_SQUARED,
    /// x·σ(1.702·x), the GELU of CLIP.
    QUICK_GELU,
    /// σ(x) = 1/(1 + e^−x)
    SIGMOID,
    TANH,
    /// log(1 + e^x)
    SOFTPLUS
}
