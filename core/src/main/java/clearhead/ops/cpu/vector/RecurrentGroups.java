package clearhead.ops.cpu.vector;

import clearhead.ops.Sequences;
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
}
