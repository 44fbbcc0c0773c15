package clearhead.ops;

import clearhead.tensor.DType;
import clearhead.tensor.Shape;
import clearhead.tensor.Tensor;
import clearhead.tensor.Workspace;
import java.lang.foreign.Arena;

/// A device: its operations, and how it wants weights stored. Safe to share between threads.
public interface Backend extends AutoCloseable {
    /// `reference` or `vector`.
    String name();

    /// One line for people: kernels, vector length, threads.
    String description();

    /// How it multiplies packed quantized weights.
    Arithmetic arithmetic();

    /// Operations whose results come from `workspace`.
    Ops ops(Workspace workspace);

    /// Gradients whose results come from `workspace`.
    Adjoints adjoints(Workspace workspace);

    /// What a training step does to parameters, gradients and moments.
    Updates updates();

    /// What the processor can do at most on this backend's threads.
    Limits limits();

    /// A weight in the form in which [Ops#linear] of this backend is fastest. The result holds the
    /// same numbers; it may be `weight` itself.
    ///
    /// @param weight [out, in]
    /// @param arena owner of the packed copy
    Tensor pack(Tensor weight, Arena arena);

    /// Bytes of the copy that [#pack] makes of a weight; 0 where the weight stays as it is.
    ///
    /// @param shape [out, in]
    long packedBytes(DType type, Shape shape);

    /// Ends its threads.
    @Override
    void close();
}
