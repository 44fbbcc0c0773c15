package clearhead.tensor;

/// How the elements of a [Tensor] lie in its memory.
public enum Layout {
    /// Row-major, contiguous.
    ROWS,
    /// A weight [out, in] repacked by a backend for its own matrix product; only that backend reads
    /// it.
    PANELS
}
