package clearhead.bench;

import clearhead.measure.AttentionWork;
import clearhead.measure.Times;
import clearhead.ops.Backend;
import clearhead.tensor.Workspace;
import java.lang.foreign.Arena;
import java.util.Optional;
import java.util.function.LongSupplier;

/// Another way of our own on the same backend and inputs, as a peer: a built-in against a lambda, plain
/// attention against one with more in it.
final class Rival implements Peer {
    private final AttentionCases.Other other;
    private final Backend backend;
    private final LongSupplier clock;
    private Optional<Taken> taken = Optional.empty();

    private record Taken(Arena arena, Workspace workspace, AttentionWork.Pass pass) {
        void close() {
            workspace.close();
            arena.close();
        }
    }

    /// @param clock nanoseconds
    Rival(AttentionCases.Other other, Backend backend, LongSupplier clock) {
        this.other = other;
        this.backend = backend;
        this.clock = clock;
    }

    @Override
    public String name() {
        return other.name();
    }

    @Override
    public String description() {
        return other.name();
    }

    @Override
    public String obstacle(AttentionWork work) {
        return "";
    }

    @Override
    public boolean computesTheSame() {
        return other.same();
    }

    @Override
    @SuppressWarnings("MustBeClosed") // until release()
    public void take(AttentionWork work, AttentionWork.Inputs inputs, int threads) {
        release();
        var arena = Arena.ofShared();
        var workspace = new Workspace();
        taken = Optional.of(new Taken(arena, workspace, other.work().on(backend, workspace, arena, inputs)));
    }

    @Override
    public float[] output() {
        return taken.orElseThrow().pass.run().out().toFloats();
    }

    @Override
    public double fastest(double seconds) {
        return Times.of(taken.orElseThrow().pass::run, seconds, 1, clock).fastest();
    }

    @Override
    public void release() {
        taken.ifPresent(Taken::close);
        taken = Optional.empty();
    }

    @Override
    public void close() {
        release();
    }
}
