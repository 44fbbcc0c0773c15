package clearhead.ops.cpu.vector;

import clearhead.ops.Cell;
import clearhead.ops.CellState;
import clearhead.ops.Recurred;
import clearhead.ops.Recurrence;
import clearhead.ops.Sequences;
import clearhead.ops.cpu.Workers;
import clearhead.tensor.DType;
import clearhead.tensor.Tensor;
import clearhead.tensor.Workspace;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.Optional;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/// Recurrent layers, float32. A task takes a group of sequences from their first step to their last; at
/// each step the group's states, side by side, are multiplied with the recurrent weight, which was packed
/// in panels once. Every sum is one chain of fused multiply-adds in the order of the state's elements,
/// from input + bias, so a sequence has the same bits in any group.
final class RecurrentForward {
    private static final VectorSpecies<Float> S = Lanes.FLOATS;
    private static final ByteOrder ORDER = ByteOrder.LITTLE_ENDIAN;
    private static final ValueLayout.OfFloat F32 = ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ORDER);

    private final Cell cell;
    private final float clip;
    private final int n;
    private final long nBytes;

    /// A row of sums, which becomes what is kept.
    private final long sumBytes;

    private final Weights weights;
    private final RecurrentGroups groups;
    private final Recurrence recurrence;
    private final Workers workers;

    private RecurrentForward(Recurrence r, Weights weights, RecurrentGroups groups, Workers workers) {
        this.workers = workers;
        this.recurrence = r;
        this.cell = r.cell();
        this.clip = (float) cell.clip();
        this.n = r.hidden();
        this.nBytes = n * 4L;
        this.sumBytes = cell.kept() * nBytes;
        this.weights = weights;
        this.groups = groups;
    }

    /// @param first panels of all rows of the weight, or of those of z and r
    /// @param second panels of the rows of a GRU's candidate
    /// @param bias [gates·hidden]
    /// @param peepholes [3·hidden]
    private record Weights(
            MemorySegment first,
            MemorySegment second,
            Optional<MemorySegment> bias,
            Optional<MemorySegment> peepholes) {}

    static Recurred recur(
            Workspace workspace,
            Workers workers,
            Tensor inputs,
            Sequences sequences,
            Recurrence r,
            Optional<CellState> start) {
        int n = r.hidden();
        int tokens = sequences.tokens();
        boolean lstm = r.cell() instanceof Cell.Lstm;
        Tensor out = workspace.take(DType.F32, tokens, n);
        Optional<Tensor> cells = lstm ? Optional.of(workspace.take(DType.F32, tokens, n)) : Optional.empty();
        Tensor kept = workspace.take(DType.F32, tokens, r.cell().kept() * n);
        Tensor lastHidden = workspace.take(DType.F32, sequences.count(), n);
        Optional<Tensor> lastCell =
                lstm ? Optional.of(workspace.take(DType.F32, sequences.count(), n)) : Optional.empty();
        var recurred = new Recurred(out, cells, kept, new CellState(lastHidden, lastCell));
        if (sequences.count() == 0 || n == 0) {
            return recurred;
        }
        long mark = workspace.mark();
        int split = r.cell() instanceof Cell.Gru ? 2 * n : r.weight().dim(0);
        var weights = new Weights(
                pack(workspace, workers, r.weight().rows(0, split)),
                pack(workspace, workers, r.weight().rows(split, r.weight().dim(0))),
                r.bias().map(b -> Expand.all(workspace, b)),
                r.peepholes().map(p -> Expand.all(workspace, p)));
        var groups = RecurrentGroups.of(sequences);
        var forward = new RecurrentForward(r, weights, groups, workers);
        long slotBytes = (groups.size() * (3 * forward.nBytes + forward.sumBytes) + 63) & -64;
        MemorySegment scratch = workspace.takeBytes(slotBytes * workers.threads());
        workers.runSlots(
                groups.count(),
                (group, slot) -> forward.run(group, inputs, start, recurred, scratch, slot * slotBytes));
        workspace.release(mark);
        return recurred;
    }

    /// Panels of the rows of a weight.
    private static MemorySegment pack(Workspace workspace, Workers workers, Tensor weight) {
        int panels = Math.ceilDiv(weight.dim(0), Product.PANEL);
        int inner = weight.dim(1);
        long bytes = inner * Product.STEP_BYTES;
        MemorySegment packed = workspace.takeBytes(panels * bytes);
        Product.Source source = Panels.ofRows(weight);
        workers.run(panels, p -> source.pack(p, 0, inner, packed, p * bytes));
        return packed;
    }

    private void run(
            int group, Tensor inputs, Optional<CellState> start, Recurred recurred, MemorySegment m, long base) {
        int from = groups.from(group);
        int count = groups.to(group) - from;
        int size = groups.size();
        long hAt = base;
        long cAt = hAt + size * nBytes;
        long resetAt = cAt + size * nBytes;
        long sumAt = resetAt + size * nBytes;
        for (int b = 0; b < count; b++) {
            load(start.map(CellState::hidden), groups.order()[from + b], m, hAt + b * nBytes);
            load(start.flatMap(CellState::cell), groups.order()[from + b], m, cAt + b * nBytes);
        }
        int steps = groups.steps(group);
        for (int step = 0; step < steps; step++) {
            int active = groups.active(group, step);
            for (int b = 0; b < active; b++) {
                int row = recurrence.row(groups.sequences(), groups.order()[from + b], step);
                begin(inputs.data(), row, m, sumAt + b * sumBytes);
            }
            switch (cell) {
                case Cell.Rnn(var squash, var _) -> {
                    product(m, hAt, weights.first, m, sumAt, n, active);
                    for (int b = 0; b < active; b++) {
                        Squashes.values(squash, clip, m, sumAt + b * sumBytes, n);
                        MemorySegment.copy(m, sumAt + b * sumBytes, m, hAt + b * nBytes, nBytes);
                    }
                }
                case Cell.Lstm lstm -> {
                    product(m, hAt, weights.first, m, sumAt, 4 * n, active);
                    for (int b = 0; b < active; b++) {
                        lstm(lstm, m, sumAt + b * sumBytes, cAt + b * nBytes, hAt + b * nBytes);
                    }
                }
                case Cell.Gru gru -> gru(gru, m, sumAt, hAt, resetAt, active);
            }
            for (int b = 0; b < active; b++) {
                int row = recurrence.row(groups.sequences(), groups.order()[from + b], step);
                MemorySegment.copy(m, sumAt + b * sumBytes, recurred.kept().data(), row * sumBytes, sumBytes);
                MemorySegment.copy(m, hAt + b * nBytes, recurred.out().data(), row * nBytes, nBytes);
                if (recurred.cells().isPresent()) {
                    MemorySegment.copy(
                            m, cAt + b * nBytes, recurred.cells().get().data(), row * nBytes, nBytes);
                }
            }
        }
        for (int b = 0; b < count; b++) {
            int s = groups.order()[from + b];
            MemorySegment.copy(m, hAt + b * nBytes, recurred.last().hidden().data(), s * nBytes, nBytes);
            if (recurred.last().cell().isPresent()) {
                MemorySegment.copy(
                        m, cAt + b * nBytes, recurred.last().cell().get().data(), s * nBytes, nBytes);
            }
        }
    }

    private void load(Optional<Tensor> states, int sequence, MemorySegment m, long at) {
        if (states.isPresent()) {
            MemorySegment.copy(states.get().data(), sequence * nBytes, m, at, nBytes);
        } else {
            m.asSlice(at, nBytes).fill((byte) 0);
        }
    }

    /// Where the sums of one token begin: its inputs, and the biases.
    private void begin(MemorySegment inputs, int row, MemorySegment m, long at) {
        long x = (long) row * cell.gates() * nBytes;
        boolean apart = cell instanceof Cell.Gru(var _, var _, var before, var _) && before;
        if (weights.bias.isEmpty()) {
            MemorySegment.copy(inputs, x, m, at, cell.gates() * nBytes);
            if (apart) {
                m.asSlice(at + 3 * nBytes, nBytes).fill((byte) 0);
            }
            return;
        }
        MemorySegment bias = weights.bias.get();
        if (apart) {
            sum(inputs, x, bias, m, at, 2 * n);
            MemorySegment.copy(inputs, x + 2 * nBytes, m, at + 2 * nBytes, nBytes);
            MemorySegment.copy(bias, 2 * nBytes, m, at + 3 * nBytes, nBytes);
        } else {
            sum(inputs, x, bias, m, at, cell.gates() * n);
        }
    }

    /// sums += states·Wᵀ
    private void product(
            MemorySegment a, long aAt, MemorySegment panels, MemorySegment c, long cAt, int outputs, int rows) {
        groups.product(
                workers, a, aAt, nBytes, panels, 0, n * Product.STEP_BYTES, c, cAt, sumBytes, rows, outputs, n, false);
    }

    private void lstm(Cell.Lstm cell, MemorySegment m, long sums, long c, long h) {
        long f = sums + 2 * nBytes;
        if (weights.peepholes.isPresent()) {
            MemorySegment p = weights.peepholes.get();
            RecurrentSteps.addProduct(p, 0, m, c, m, sums, n);
            RecurrentSteps.addProduct(p, 2 * nBytes, m, c, m, f, n);
            Squashes.values(cell.gate(), clip, m, sums, n);
            Squashes.values(cell.gate(), clip, m, f, n);
        } else {
            Squashes.values(cell.gate(), clip, m, sums, 3 * n);
        }
        if (cell.coupled()) {
            for (int j = 0; j < n; j++) {
                m.set(F32, f + j * 4L, 1 - m.get(F32, sums + j * 4L));
            }
        }
        Squashes.values(cell.candidate(), clip, m, sums + 3 * nBytes, n);
        remember(m, sums, f, sums + 3 * nBytes, c, n);
        if (weights.peepholes.isPresent()) {
            RecurrentSteps.addProduct(weights.peepholes.get(), nBytes, m, c, m, sums + nBytes, n);
            Squashes.values(cell.gate(), clip, m, sums + nBytes, n);
        }
        MemorySegment.copy(m, c, m, h, nBytes);
        Squashes.values(cell.output(), Float.POSITIVE_INFINITY, m, h, n);
        RecurrentSteps.times(m, sums + nBytes, m, h, n);
    }

    private void gru(Cell.Gru cell, MemorySegment m, long sumAt, long hAt, long resetAt, int active) {
        product(m, hAt, weights.first, m, sumAt, 2 * n, active);
        for (int b = 0; b < active; b++) {
            Squashes.values(cell.gate(), clip, m, sumAt + b * sumBytes, 2 * n);
        }
        if (cell.linearBeforeReset()) {
            product(m, hAt, weights.second, m, sumAt + 3 * nBytes, n, active);
            for (int b = 0; b < active; b++) {
                long sums = sumAt + b * sumBytes;
                RecurrentSteps.addProduct(m, sums + nBytes, m, sums + 3 * nBytes, m, sums + 2 * nBytes, n);
            }
        } else {
            for (int b = 0; b < active; b++) {
                MemorySegment.copy(m, hAt + b * nBytes, m, resetAt + b * nBytes, nBytes);
                RecurrentSteps.times(m, sumAt + b * sumBytes + nBytes, m, resetAt + b * nBytes, n);
            }
            product(m, resetAt, weights.second, m, sumAt + 2 * nBytes, n, active);
        }
        for (int b = 0; b < active; b++) {
            long sums = sumAt + b * sumBytes;
            Squashes.values(cell.candidate(), clip, m, sums + 2 * nBytes, n);
            mix(m, sums, sums + 2 * nBytes, hAt + b * nBytes, n);
        }
    }

    private static FloatVector load(MemorySegment m, long at) {
        return FloatVector.fromMemorySegment(S, m, at, ORDER);
    }

    /// sums = x + bias
    private static void sum(MemorySegment x, long xAt, MemorySegment bias, MemorySegment sums, long at, int count) {
        int i = 0;
        for (; i <= count - Lanes.COUNT; i += Lanes.COUNT) {
            load(x, xAt + i * 4L).add(load(bias, i * 4L)).intoMemorySegment(sums, at + i * 4L, ORDER);
        }
        for (; i < count; i++) {
            sums.set(F32, at + i * 4L, x.get(F32, xAt + i * 4L) + bias.get(F32, i * 4L));
        }
    }

    /// c = f∘c + i∘candidate
    private static void remember(MemorySegment m, long iAt, long fAt, long candidateAt, long cAt, int count) {
        int j = 0;
        for (; j <= count - Lanes.COUNT; j += Lanes.COUNT) {
            FloatVector fresh = load(m, iAt + j * 4L).mul(load(m, candidateAt + j * 4L));
            load(m, fAt + j * 4L).fma(load(m, cAt + j * 4L), fresh).intoMemorySegment(m, cAt + j * 4L, ORDER);
        }
        for (; j < count; j++) {
            float fresh = m.get(F32, iAt + j * 4L) * m.get(F32, candidateAt + j * 4L);
            m.set(F32, cAt + j * 4L, Math.fma(m.get(F32, fAt + j * 4L), m.get(F32, cAt + j * 4L), fresh));
        }
    }

    /// h = (1 − z)∘candidate + z∘h
    private static void mix(MemorySegment m, long zAt, long candidateAt, long hAt, int count) {
        int j = 0;
        for (; j <= count - Lanes.COUNT; j += Lanes.COUNT) {
            FloatVector z = load(m, zAt + j * 4L);
            FloatVector fresh = FloatVector.broadcast(S, 1).sub(z).mul(load(m, candidateAt + j * 4L));
            z.fma(load(m, hAt + j * 4L), fresh).intoMemorySegment(m, hAt + j * 4L, ORDER);
        }
        for (; j < count; j++) {
            float z = m.get(F32, zAt + j * 4L);
            float fresh = (1 - z) * m.get(F32, candidateAt + j * 4L);
            m.set(F32, hAt + j * 4L, Math.fma(z, m.get(F32, hAt + j * 4L), fresh));
        }
    }
}
