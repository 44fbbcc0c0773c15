package clearhead.nn;

import clearhead.ops.Routed;
import clearhead.tensor.DType;
import clearhead.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;

/// Which tokens visit which expert, and where their results will lie when the experts' outputs are
/// stacked, those of the first expert on top.
///
/// @param tokens [experts][visitors]: in the order of tokens
/// @param slots [experts][visitors]: number of the choice among all choices, [tokens·chosen]
/// @param places I32 [tokens, chosen]: row of a choice in the stack
record Visits(List<int[]> tokens, List<int[]> slots, Tensor places) {

    static Visits of(ForwardPass pass, Routed routed, int experts) {
        Tensor chosen = routed.experts(); // [tokens, chosen]
        int each = chosen.dim(1);
        var counts = new int[experts];
        for (long i = 0; i < chosen.size(); i++) {
            counts[chosen.intAt(i)]++;
        }
        var tokens = new ArrayList<int[]>();
        var slots = new ArrayList<int[]>();
        var starts = new int[experts];
        for (int e = 0; e < experts; e++) {
            starts[e] = e == 0 ? 0 : starts[e - 1] + counts[e - 1];
            tokens.add(new int[counts[e]]);
            slots.add(new int[counts[e]]);
        }
        Tensor places = pass.ops().workspace().take(DType.I32, chosen.dim(0), each);
        var next = new int[experts];
        for (int i = 0; i < chosen.size(); i++) {
            int e = chosen.intAt(i);
            tokens.get(e)[next[e]] = i / each;
            slots.get(e)[next[e]] = i;
            places.set(i, starts[e] + next[e]++);
        }
        return new Visits(tokens, slots, places);
    }

    /// What one expert does with its visitors.
    @FunctionalInterface
    interface Visit {
        /// @param rows I32 [visitors]: their tokens
        /// @return [visitors, dim]
        Tensor run(int expert, Tensor rows);
    }

    /// What one expert does with its visitors, knowing the choices that brought them.
    @FunctionalInterface
    interface WeighedVisit {
        /// @param slots I32 [visitors]: numbers among all choices
        Tensor run(int expert, Tensor rows, Tensor slots);
    }

    /// Runs the experts that have visitors.
    ///
    /// @return their outputs, in the order of the stack
    List<Tensor> forEach(ForwardPass pass, Visit visit) {
        return forEachWeighed(pass, (expert, rows, _) -> visit.run(expert, rows));
    }

    List<Tensor> forEachWeighed(ForwardPass pass, WeighedVisit visit) {
        var parts = new ArrayList<Tensor>();
        for (int e = 0; e < tokens.size(); e++) {
            if (tokens.get(e).length > 0) {
                Tensor rows = numbers(pass, tokens.get(e));
                Tensor choices = numbers(pass, slots.get(e));
                long mark = pass.ops().workspace().mark();
                parts.add(pass.ops().keep(mark, visit.run(e, rows, choices)));
            }
        }
        return parts;
    }

    /// The weight 1 for every choice.
    Tensor ones(ForwardPass pass, DType type) {
        Tensor ones = pass.ops().workspace().take(type, places.dim(0), places.dim(1));
        for (long i = 0; i < ones.size(); i++) {
            ones.set(i, 1);
        }
        return ones;
    }

    private static Tensor numbers(ForwardPass pass, int[] values) {
        Tensor t = pass.ops().workspace().take(DType.I32, values.length);
        for (int i = 0; i < values.length; i++) {
            t.set(i, values[i]);
        }
        return t;
    }
}
