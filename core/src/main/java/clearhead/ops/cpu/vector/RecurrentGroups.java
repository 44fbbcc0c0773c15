package clearhead.ops.cpu.vector;

import clearhead.ops.Sequences;
import clearhead.ops.cpu.Workers;
import java.lang.foreign.MemorySegment;
import java.util.Comparator;
import java.util.stream.IntStream;

/// Sequences that one task takes through a recurrent layer together, longest first, so that those that
/// still have a token at a step come first. How they are grouped depends on their lengths alone, and
/// a sequence's bits do not depend on its group.
///
/// @param order [sequences]: numbers of the sequences, longest first
/// @param size sequences of a group
record RecurrentGroups(Sequences sequences, int[] order, int size) {
    /// Enough rows to be worth loading the weights for.
    private static final int WORTH = 8;

    private static final int MIN_TASKS = 8;

    /// Multiply-adds that take a core some microseconds, several times what handing them over costs.
    private static final long SHARED_WORK = 1 << 17;

    static RecurrentGroups of(Sequences sequences) {
        int[] order = IntStream.range(0, sequences.count())
                .boxed()
                .sorted(Comparator.comparingInt(s -> -sequences.length(s)))
                .mapToInt(s -> s)
                .toArray();
        int tasks = Math.clamp(sequences.count() / WORTH, 1, MIN_TASKS);
        return new RecurrentGroups(sequences, order, Math.max(1, Block.evenRows(sequences.count(), tasks)));
    }

    int count() {
        return Math.ceilDiv(order.length, size);
    }

    /// First place of a group in `order`.
    int from(int group) {
        return group * size;
    }

    int to(int group) {
        return Math.min(order.length, from(group) + size);
    }

    /// Tokens of the group's longest sequence.
    int steps(int group) {
        return sequences.length(order[from(group)]);
    }

    /// How many of the group's sequences have a token at this step.
    int active(int group, int step) {
        int count = to(group) - from(group);
        while (count > 0 && sequences.length(order[from(group) + count - 1]) <= step) {
            count--;
        }
        return count;
    }

    /// c [rows, outputs] = (c or 0) + a·b as [Block#strip]. Where one group is all there is, cores share its
    /// outputs; inside a task it runs on the spot.
    void product(
            Workers workers,
            MemorySegment a,
            long aAt,
            long aRow,
            MemorySegment panels,
            long panelAt,
            long panelBytes,
            MemorySegment c,
            long cAt,
            long cRow,
            int rows,
            int outputs,
            int inner,
            boolean fresh) {
        long work = (long) rows * outputs * inner;
        int tasks = count() > 1 ? 1 : (int) Math.clamp(work / SHARED_WORK, 1, MIN_TASKS);
        if (tasks == 1) {
            Block.strip(a, aAt, aRow, 4, panels, panelAt, panelBytes, c, cAt, cRow, rows, outputs, inner, fresh);
            return;
        }
        int width = Math.ceilDiv(Math.ceilDiv(outputs, tasks), 64) * 64;
        workers.run(Math.ceilDiv(outputs, width), task -> {
            int j = task * width;
            Block.strip(
                    a,
                    aAt,
                    aRow,
                    4,
                    panels,
                    panelAt + j / Product.PANEL * panelBytes,
                    panelBytes,
                    c,
                    cAt + j * 4L,
                    cRow,
                    rows,
                    Math.min(width, outputs - j),
                    inner,
                    fresh);
        });
    }
}
