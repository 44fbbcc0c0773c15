package clearhead.ops;

/// Which two elements of a head one rotary frequency turns.
public enum Pairing {
    /// (i, i + rotaryDim/2): GPT-NeoX and Hugging Face's llama.
    HALVES,
    /// (2i, 2i + 1): the RoPE paper, llama2.c, GGUF's llama.
    INTERLEAVED
}
