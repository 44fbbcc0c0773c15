package clearhead.ops;

import clearhead.tensor.Tensor;
import java.util.function.LongSupplier;

/// What the processor can do at most on the threads of one backend, measured by loops that do
/// nothing else. Each call measures anew, for some tens of milliseconds: a shared machine's limit
/// changes from minute to minute, and a limit is the highest of many.
public interface Limits {
    /// Bits of the vectors that the kernels use; 64 for scalar double.
    int vectorBits();

    /// Floating point operations a second, a fused multiply-add counting two: ten independent chains of
    /// fused multiply-adds on registers, on every thread at once; the fastest of five runs.
    ///
    /// @param clock nanoseconds: the time of day, or with one thread its processor time
    double operations(LongSupplier clock);

    /// Bytes a second read from `memory`, summed by every thread at once; the fastest of five passes.
    ///
    /// @param memory F32 of at least a mebibyte; to measure memory and not a cache, several times the
    ///     last cache's size
    /// @param clock nanoseconds: the time of day, or with one thread its processor time
    double reading(Tensor memory, LongSupplier clock);

    /// By the time of day.
    default double operations() {
        return operations(System::nanoTime);
    }

    /// By the time of day.
    default double reading(Tensor memory) {
        return reading(memory, System::nanoTime);
    }
}
