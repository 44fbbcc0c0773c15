package clearhead.ops;

import clearhead.tensor.Tensor;

/// What a training step does to flat slabs of numbers of one type, F32 (or F64 on the reference
/// backend). Results do not depend on the number of threads.
public interface Updates {
    /// Sets every element to 0.
    void zero(Tensor slab);

    /// Σ x², accumulated in double.
    double squaredNorm(Tensor slab);

    /// One step of Adam in place, see [AdamStep].
    ///
    /// @param parameter x; changed
    /// @param gradient g; read only
    /// @param first m, running mean of g; changed
    /// @param second v, running mean of g²; changed
    void adam(Tensor parameter, Tensor gradient, Tensor first, Tensor second, AdamStep step);
}
