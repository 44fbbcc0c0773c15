package clearhead.ops.cpu.vector;

import clearhead.ops.Adjoints;
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
import java.util.Optional;

/// Backpropagation through time. A task takes a group of sequences from their last step to their first;
/// the gradients of a step's sums, side by side, are multiplied with the recurrent weight. The weight's
/// own gradient is one product over all tokens afterwards, of those gradients and the states before them.
final class RecurrentBackward {
    private final Workers workers;
    private final Recurrence recurrence;
    private final Cell cell;
    private final RecurrentGroups groups;
    private final Optional<CellState> start;
    private final Recurred forward;
    private final int n;
    private final long nBytes;

    /// Panels along the rows of the weight [gates·hidden, hidden].
    private final MemorySegment panels;

    private final RecurrentSteps steps;

    /// Gradients of the sums x + R·h + b [tokens, gates·hidden]; of x only.
    private final Tensor dInputs;

    /// Those of R·h + b; the same, except in a GRU whose reset comes after the product.
    private final Tensor dSums;

    /// h before each token [tokens, hidden].
    private final Tensor before;

    /// r∘h, where a GRU multiplies that.
    private final Optional<Tensor> reset;

    private RecurrentBackward(
            Workspace workspace,
            Workers workers,
            Sequences sequences,
            Recurrence r,
            Optional<CellState> start,
            Recurred forward,
            Tensor dInputs) {
        this.workers = workers;
        this.recurrence = r;
        this.cell = r.cell();
        this.groups = RecurrentGroups.of(sequences);
        this.start = start;
        this.forward = forward;
        this.n = r.hidden();
        this.nBytes = n * 4L;
        this.dInputs = dInputs;
        int tokens = sequences.tokens();
        boolean first = cell instanceof Cell.Gru g && g.linearBeforeReset();
        this.dSums = first ? workspace.take(DType.F32, tokens, 3 * n) : dInputs;
        this.before = workspace.take(DType.F32, tokens, n);
        this.reset = cell instanceof Cell.Gru && !first
                ? Optional.of(workspace.take(DType.F32, tokens, n))
                : Optional.empty();
        MemorySegment rows = Expand.all(workspace, r.weight());
        int inner = r.weight().dim(0);
        int count = Math.ceilDiv(n, Product.PANEL);
        long panelBytes = inner * Product.STEP_BYTES;
        this.panels = workspace.takeBytes(count * panelBytes);
        Product.Source source = Panels.ofColumns(rows, n);
        workers.run(count, p -> source.pack(p, 0, inner, panels, p * panelBytes));
        this.steps = RecurrentSteps.of(r, workspace);
    }

    static Adjoints.Recurrent recur(
            Workspace workspace,
            Workers workers,
            Sequences sequences,
            Recurrence r,
            Optional<CellState> start,
            Recurred forward,
            Tensor dOut,
            Optional<Tensor> dCells,
            Recurrence into) {
        int n = r.hidden();
        Tensor dInputs =
                workspace.take(DType.F32, sequences.tokens(), r.weight().dim(0));
        Tensor dHidden = workspace.take(DType.F32, sequences.count(), n);
        Optional<Tensor> dCell = forward.cells().isPresent()
                ? Optional.of(workspace.take(DType.F32, sequences.count(), n))
                : Optional.empty();
        var result = new Adjoints.Recurrent(dInputs, new CellState(dHidden, dCell));
        if (sequences.count() == 0 || n == 0) {
            return result;
        }
        long mark = workspace.mark();
        var backward = new RecurrentBackward(workspace, workers, sequences, r, start, forward, dInputs);
        long slotBytes = backward.groups.size() * backward.rowBytes() + backward.steps.bytes() + 64 & -64;
        MemorySegment scratch = workspace.takeBytes(slotBytes * workers.threads());
        workers.runSlots(
                backward.groups.count(),
                (group, slot) -> backward.run(group, dOut, dCells, result.dStart(), scratch, slot * slotBytes));
        backward.weights(workspace, workers, into);
        workspace.release(mark);
        return result;
    }

    /// dh, dc, gradient by r∘h, and gradients of the sums.
    private long rowBytes() {
        return (3 + cell.gates()) * nBytes;
    }

    private void run(int group, Tensor dOut, Optional<Tensor> dCells, CellState dStart, MemorySegment m, long base) {
        Sequences sequences = groups.sequences();
        int from = groups.from(group);
        int count = groups.to(group) - from;
        int size = groups.size();
        long wide = cell.gates() * nBytes;
        long dhAt = base;
        long dcAt = dhAt + size * nBytes;
        long dResetAt = dcAt + size * nBytes;
        long dAt = dResetAt + size * nBytes;
        long stepAt = dAt + size * wide;
        m.asSlice(dhAt, 2 * size * nBytes).fill((byte) 0);
        for (int step = groups.steps(group) - 1; step >= 0; step--) {
            int active = groups.active(group, step);
            for (int b = 0; b < active; b++) {
                int s = groups.order()[from + b];
                int row = recurrence.row(sequences, s, step);
                RecurrentSteps.add(dOut.data(), row * nBytes, m, dhAt + b * nBytes, n);
                if (dCells.isPresent()) {
                    RecurrentSteps.add(dCells.get().data(), row * nBytes, m, dcAt + b * nBytes, n);
                }
                past(Optional.of(forward.out()), start.map(CellState::hidden), s, step, before.data(), row * nBytes);
                switch (cell) {
                    case Cell.Rnn _ ->
                        steps.rnn(forward.kept().data(), row * nBytes, m, dhAt + b * nBytes, dAt + b * wide);
                    case Cell.Lstm lstm -> {
                        past(forward.cells(), start.flatMap(CellState::cell), s, step, m, stepAt);
                        steps.lstm(
                                lstm,
                                forward.kept().data(),
                                row * 4L * nBytes,
                                forward.cells().orElseThrow().data(),
                                row * nBytes,
                                m,
                                stepAt,
                                dhAt + b * nBytes,
                                dcAt + b * nBytes,
                                dAt + b * wide);
                    }
                    case Cell.Gru gru -> {
                        steps.gru(
                                gru,
                                forward.kept().data(),
                                (long) row * cell.kept() * nBytes,
                                before.data(),
                                row * nBytes,
                                m,
                                stepAt,
                                dhAt + b * nBytes,
                                dAt + b * wide);
                        if (gru.linearBeforeReset()) {
                            MemorySegment.copy(m, dAt + b * wide, dInputs.data(), row * wide, wide);
                            steps.resetLast(
                                    forward.kept().data(), row * 4L * nBytes + nBytes, m, dAt + b * wide + 2 * nBytes);
                        }
                    }
                }
            }
            if (reset.isPresent()) {
                product(m, dAt + 2 * nBytes, 2 * n, n, m, dResetAt, active, true);
                for (int b = 0; b < active; b++) {
                    int row = recurrence.row(sequences, groups.order()[from + b], step);
                    steps.reset(
                            forward.kept().data(),
                            row * 3L * nBytes,
                            before.data(),
                            reset.get().data(),
                            row * nBytes,
                            m,
                            dResetAt + b * nBytes,
                            stepAt,
                            dhAt + b * nBytes,
                            dAt + b * wide);
                }
                product(m, dAt, 0, 2 * n, m, dhAt, active, false);
            } else {
                // Only a GRU passes some of the state on beside the product.
                product(m, dAt, 0, cell.gates() * n, m, dhAt, active, !(cell instanceof Cell.Gru));
            }
            for (int b = 0; b < active; b++) {
                int row = recurrence.row(sequences, groups.order()[from + b], step);
                MemorySegment.copy(m, dAt + b * wide, dSums.data(), row * wide, wide);
            }
        }
        for (int b = 0; b < count; b++) {
            int s = groups.order()[from + b];
            MemorySegment.copy(m, dhAt + b * nBytes, dStart.hidden().data(), s * nBytes, nBytes);
            if (dStart.cell().isPresent()) {
                MemorySegment.copy(m, dcAt + b * nBytes, dStart.cell().get().data(), s * nBytes, nBytes);
            }
        }
    }

    /// Copies the state before a step.
    private void past(
            Optional<Tensor> states, Optional<Tensor> first, int sequence, int step, MemorySegment to, long at) {
        if (step > 0) {
            long row = recurrence.row(groups.sequences(), sequence, step - 1);
            MemorySegment.copy(states.orElseThrow().data(), row * nBytes, to, at, nBytes);
        } else if (first.isPresent()) {
            MemorySegment.copy(first.get().data(), sequence * nBytes, to, at, nBytes);
        } else {
            to.asSlice(at, nBytes).fill((byte) 0);
        }
    }

    /// c = (c or 0) + d·R, over `inner` rows of R from `first` on.
    private void product(
            MemorySegment d, long dAt, int first, int inner, MemorySegment c, long cAt, int rows, boolean fresh) {
        groups.product(
                workers,
                d,
                dAt,
                cell.gates() * nBytes,
                panels,
                first * Product.STEP_BYTES,
                cell.gates() * n * Product.STEP_BYTES,
                c,
                cAt,
                nBytes,
                rows,
                n,
                inner,
                fresh);
    }

    /// Gradients of the weights, over all tokens in their order.
    private void weights(Workspace workspace, Workers workers, Recurrence into) {
        int tokens = dSums.dim(0);
        int wide = cell.gates() * n;
        if (tokens == 0) {
            return;
        }
        int split = reset.isPresent() ? 2 * n : wide;
        Tensor weight = into.weight();
        new Product(dSums.data(), 0, 4, wide * 4L, split, n, tokens)
                .run(
                        workspace,
                        workers,
                        Panels.ofColumns(before.data(), n),
                        weight.rows(0, split).data(),
                        false);
        if (reset.isPresent()) {
            new Product(dSums.data(), split * 4L, 4, wide * 4L, n, n, tokens)
                    .run(
                            workspace,
                            workers,
                            Panels.ofColumns(reset.get().data(), n),
                            weight.rows(split, wide).data(),
                            false);
        }
        into.bias().ifPresent(d -> Rows.sumInto(workers, dSums.data(), tokens, wide, d.data()));
        into.peepholes().ifPresent(d -> peepholes(workspace, workers, d));
    }

    private void peepholes(Workspace workspace, Workers workers, Tensor into) {
        Sequences sequences = groups.sequences();
        Tensor products = workspace.take(DType.F32, sequences.tokens(), 3 * n);
        Tensor cells = forward.cells().orElseThrow();
        workers.run(sequences.count(), s -> {
            for (int step = 0; step < sequences.length(s); step++) {
                int row = recurrence.row(sequences, s, step);
                long at = row * 3L * nBytes;
                past(Optional.of(cells), start.flatMap(CellState::cell), s, step, products.data(), at);
                MemorySegment.copy(cells.data(), row * nBytes, products.data(), at + nBytes, nBytes);
                MemorySegment.copy(products.data(), at, products.data(), at + 2 * nBytes, nBytes);
                RecurrentSteps.times(dSums.data(), row * 4L * nBytes, products.data(), at, 3 * n);
            }
        });
        Rows.sumInto(workers, products.data(), sequences.tokens(), 3 * n, into.data());
    }
}
