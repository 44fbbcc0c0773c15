package clearhead.ops.cpu.reference;

import clearhead.ops.Adjoints;
import clearhead.ops.Arithmetic;
import clearhead.ops.Backend;
import clearhead.ops.Limits;
import clearhead.ops.Ops;
import clearhead.ops.Updates;
import clearhead.tensor.DType;
import clearhead.tensor.Shape;
import clearhead.tensor.Tensor;
import clearhead.tensor.Workspace;
import java.lang.foreign.Arena;

/// Scalar, accumulated in double, on the calling thread; activations F32 or F64.
public final class ReferenceBackend implements Backend {
    @Override
    public String name() {
        return "reference";
    }

    @Override
    public String description() {
        return "scalar Java, accumulated in double, 1 thread";
    }

    @Override
    public Arithmetic arithmetic() {
        return Arithmetic.EXACT;
    }

    @Override
    public Ops ops(Workspace workspace) {
        return new ReferenceOps(workspace);
    }

    @Override
    public Adjoints adjoints(Workspace workspace) {
        return new ReferenceAdjoints(workspace);
    }

    @Override
    public Updates updates() {
        return new ReferenceUpdates();
    }

    @Override
    public Limits limits() {
        return new ReferenceLimits();
    }

    @Override
    public Tensor pack(Tensor weight, Arena arena) {
        return weight;
    }

    @Override
    public long packedBytes(DType type, Shape shape) {
        return 0;
    }

    @Override
    public void close() {}
}
