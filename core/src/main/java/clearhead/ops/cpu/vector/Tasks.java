package clearhead.ops.cpu.vector;

import java.util.Arrays;

/// Numbers of tasks when sequences have different numbers of them.
final class Tasks {
    private Tasks() {}

    /// The sequence that `task` belongs to.
    ///
    /// @param first [sequences + 1]: number of the first task of each sequence, and of all tasks
    static int owner(int[] first, int task) {
        int found = Arrays.binarySearch(first, task);
        int s = found >= 0 ? found : -found - 2;
        while (first[s + 1] <= task) {
            s++;
        }
        return s;
    }
}
