package clearhead.ops.cpu.vector;

import clearhead.ops.Adjoints;
import clearhead.ops.Arithmetic;
import clearhead.ops.Backend;
import clearhead.ops.Limits;
import clearhead.ops.Ops;
import clearhead.ops.Updates;
import clearhead.ops.cpu.Workers;
import clearhead.tensor.DType;
import clearhead.tensor.Shape;
import clearhead.tensor.Tensor;
import clearhead.tensor.Workspace;
import java.lang.foreign.Arena;

/// Vector API kernels in float32 on all cores.
public final class VectorBackend implements Backend {
    private final Workers workers;
    private final Practice practice;
    private final Arithmetic arithmetic;

    /// With exact arithmetic.
    public VectorBackend(int threads) {
        this(threads, Arithmetic.EXACT);
    }

    /// @param threads how many threads compute at once
    /// @param arithmetic of packed quantized weights
    public VectorBackend(int threads, Arithmetic arithmetic) {
        workers = new Workers(threads);
        this.arithmetic = arithmetic;
        practice = new Practice(arithmetic);
    }

    @Override
    public String name() {
        return "vector";
    }

    @Override
    public String description() {
        return "Vector API, " + Lanes.BITS + " bit, float32, " + workers.threads()
                + (workers.threads() == 1 ? " thread" : " threads");
    }

    @Override
    public Arithmetic arithmetic() {
        return arithmetic;
    }

    @Override
    public Ops ops(Workspace workspace) {
        return new VectorOps(workspace, workers, arithmetic);
    }

    @Override
    public Adjoints adjoints(Workspace workspace) {
        return new VectorAdjoints(workspace, workers);
    }

    @Override
    public Updates updates() {
        return new VectorUpdates(workers);
    }

    @Override
    public Limits limits() {
        return new VectorLimits(workers);
    }

    @Override
    public Tensor pack(Tensor weight, Arena arena) {
        practice.with(weight);
        return PackedWeights.pack(weight, arena, workers);
    }

    @Override
    public long packedBytes(DType type, Shape shape) {
        return PackedWeights.bytes(type, shape);
    }

    @Override
    public void close() {
        workers.close();
    }
}
