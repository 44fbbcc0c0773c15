package clearhead.inspect;

import java.util.ArrayList;
import java.util.BitSet;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/// Cells of one layer's pattern that are cut out: what a query no longer sees.
final class Cuts {
    /// Cuts nothing.
    static final Cuts NONE = new Cuts();

    /// One cell; head −1 means every head.
    private record Cell(int head, int query, int key) {}

    private final Set<Cell> renormalised = new HashSet<>();
    private final Set<Cell> kept = new HashSet<>();
    private final BitSet queries = new BitSet();
    private final BitSet keys = new BitSet();
    private final BitSet blocked = new BitSet();

    /// What these changes cut in one layer.
    static Cuts of(List<Change> changes, int layer) {
        var cuts = new Cuts();
        for (Change change : changes) {
            switch (change) {
                case Change.Block(int position) -> {
                    cuts.blocked.set(position);
                    cuts.keys.set(position);
                }
                case Change.Cut cut
                when cut.layer().orElse(layer) == layer -> {
                    var cell = new Cell(cut.head().orElse(-1), cut.query(), cut.key());
                    (cut.keep() ? cuts.kept : cuts.renormalised).add(cell);
                    cuts.queries.set(cut.query());
                    cuts.keys.set(cut.key());
                }
                case Change.Cut _, Change.Swap _, Change.HeadScale _, Change.HeadMean _, Change.Patch _ -> {}
            }
        }
        return cuts;
    }

    boolean isEmpty() {
        return keys.isEmpty();
    }

    /// Whether the cell is cut.
    boolean cuts(int head, int query, int key) {
        return renormalises(head, query, key)
                || (!kept.isEmpty()
                        && (kept.contains(new Cell(head, query, key)) || kept.contains(new Cell(-1, query, key))));
    }

    /// Whether the cell is cut and the rest of its row grows to a sum of 1. Where several changes cut one cell, it
    /// does if one of them says so.
    boolean renormalises(int head, int query, int key) {
        if (!keys.get(key)) {
            return false;
        }
        return (blocked.get(key) && query > key)
                || renormalised.contains(new Cell(head, query, key))
                || renormalised.contains(new Cell(-1, query, key));
    }

    /// The keys that this row no longer sees, in order.
    List<Integer> keys(int head, int query) {
        if (!queries.get(query) && blocked.isEmpty()) {
            return List.of();
        }
        var list = new ArrayList<Integer>();
        for (int key = keys.nextSetBit(0); key >= 0; key = keys.nextSetBit(key + 1)) {
            if (cuts(head, query, key)) {
                list.add(key);
            }
        }
        return list;
    }
}
