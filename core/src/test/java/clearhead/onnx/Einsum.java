package clearhead.onnx;

import clearhead.tensor.Tensor;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Collectors;

/// Einstein's sums: axes are moved here, products and sums are those of [clearhead.ops.Ops#linear].
record Einsum(NodeRunner on) {

    /// A grid whose axes have names.
    ///
    /// @param labels one for each axis, all different
    private record Named(List<Integer> labels, Grid grid) {
        Named ordered(List<Integer> order) {
            int[] axes = order.stream().mapToInt(labels::indexOf).toArray();
            return new Named(order, grid.transpose(axes));
        }

        int size(int label) {
            return labels.contains(label) ? grid.dims()[labels.indexOf(label)] : 1;
        }

        int sizes(List<Integer> of) {
            return of.stream().mapToInt(this::size).reduce(1, Math::multiplyExact);
        }
    }

    Grid run(OnnxCase c) {
        String equation = c.node().text("equation", "").replace(" ", "");
        String[] sides = equation.split("->", -1);
        String[] terms = sides[0].split(",", -1);
        int count = c.node().inputs().size();
        if (sides.length > 2 || terms.length != count) {
            throw new IllegalArgumentException("equation " + equation + " of " + count + " inputs");
        }
        var operands = new ArrayList<List<Integer>>();
        Map<Integer, Integer> uses = new TreeMap<>();
        int ellipsis = 0;
        for (int n = 0; n < count; n++) {
            int rest = c.input(n).rank() - terms[n].replace("...", "").length();
            ellipsis = Math.max(ellipsis, rest);
            operands.add(labels(terms[n], rest));
            operands.getLast().forEach(label -> uses.merge(label, 1, Integer::sum));
        }
        List<Integer> result = sides.length == 2
                ? labels(sides[1], ellipsis)
                : uses.entrySet().stream()
                        .filter(use -> use.getKey() < 0 || use.getValue() == 1)
                        .map(Map.Entry::getKey)
                        .toList();
        Map<Integer, Integer> sizes = new LinkedHashMap<>();
        for (int n = 0; n < count; n++) {
            for (int k = 0; k < operands.get(n).size(); k++) {
                sizes.merge(operands.get(n).get(k), c.input(n).dim(k), Math::max);
            }
        }
        Named sum = diagonal(Grid.of(c.input(0)), operands.getFirst(), sizes);
        for (int n = 1; n < count; n++) {
            Set<Integer> later = new LinkedHashSet<>(result);
            operands.subList(n + 1, count).forEach(later::addAll);
            sum = product(sum, diagonal(Grid.of(c.input(n)), operands.get(n), sizes), later);
        }
        return alone(sum, new LinkedHashSet<>(result)).ordered(result).grid;
    }

    /// Letters as themselves, the axes of an ellipsis as −1 for its last, −2 for the one before, …
    private static List<Integer> labels(String term, int ellipsis) {
        var labels = new ArrayList<Integer>();
        for (int i = 0; i < term.length(); i++) {
            if (term.startsWith("...", i)) {
                for (int k = -ellipsis; k < 0; k++) {
                    labels.add(k);
                }
                i += 2;
            } else if (Character.isLetter(term.charAt(i))) {
                labels.add((int) term.charAt(i));
            } else {
                throw new IllegalArgumentException("term " + term);
            }
        }
        return labels;
    }

    /// Axes of one name become one, and those of size 1 grow to the size that the name has elsewhere.
    private static Named diagonal(Grid grid, List<Integer> labels, Map<Integer, Integer> sizes) {
        int[] whole =
                labels.stream().mapToInt(label -> sizes.getOrDefault(label, 1)).toArray();
        Grid all = grid.broadcast(whole);
        var kept = labels.stream().distinct().toList();
        int[] dims =
                kept.stream().mapToInt(label -> sizes.getOrDefault(label, 1)).toArray();
        var values = new double[Arrays.stream(dims).reduce(1, Math::multiplyExact)];
        var index = new int[dims.length];
        for (int i = 0; i < values.length; i++) {
            int at = 0;
            for (int k = 0; k < whole.length; k++) {
                at = at * whole[k] + index[kept.indexOf(labels.get(k))];
            }
            values[i] = all.values()[at];
            for (int n = dims.length - 1; n >= 0 && ++index[n] == dims[n]; n--) {
                index[n] = 0;
            }
        }
        return new Named(kept, new Grid(values, dims));
    }

    /// Sums over the axes that nobody needs.
    private Named alone(Named a, Set<Integer> needed) {
        List<Integer> kept = a.labels.stream().filter(needed::contains).toList();
        List<Integer> summed =
                a.labels.stream().filter(l -> !needed.contains(l)).toList();
        if (summed.isEmpty()) {
            return a;
        }
        int rows = a.sizes(kept);
        int width = a.sizes(summed);
        Grid flat = a.ordered(concat(kept, summed)).grid;
        Tensor y = on.ops().linear(on.tensor(flat, rows, width), on.filled(1, 1, width));
        return new Named(
                kept, NodeRunner.grid(y, kept.stream().mapToInt(a::size).toArray()));
    }

    /// Sums over axes of one operand, then a product for each index of the axes that both share and
    /// that are needed.
    private Named product(Named left, Named right, Set<Integer> needed) {
        Named a = alone(left, union(needed, right.labels));
        Named b = alone(right, union(needed, left.labels));
        List<Integer> batch = both(a, b).stream().filter(needed::contains).toList();
        List<Integer> inner =
                both(a, b).stream().filter(l -> !needed.contains(l)).toList();
        List<Integer> rows =
                a.labels.stream().filter(l -> !b.labels.contains(l)).toList();
        List<Integer> columns =
                b.labels.stream().filter(l -> !a.labels.contains(l)).toList();
        int batches = a.sizes(batch);
        int m = a.sizes(rows);
        int n = b.sizes(columns);
        int k = a.sizes(inner);
        Grid x = a.ordered(concat(batch, rows, inner)).grid.reshape(batches, m, k);
        Grid w = b.ordered(concat(batch, columns, inner)).grid.reshape(batches, n, k);
        var values = new double[batches * m * n];
        for (int i = 0; i < batches; i++) {
            Tensor y = on.ops().linear(on.tensor(x.at(i), m, k), on.tensor(w.at(i), n, k));
            System.arraycopy(y.toDoubles(), 0, values, i * m * n, m * n);
        }
        List<Integer> labels = concat(batch, rows, columns);
        int[] dims = labels.stream()
                .mapToInt(l -> a.labels.contains(l) ? a.size(l) : b.size(l))
                .toArray();
        return new Named(labels, new Grid(values, dims));
    }

    private static List<Integer> both(Named a, Named b) {
        return a.labels.stream().filter(b.labels::contains).toList();
    }

    private static Set<Integer> union(Set<Integer> a, List<Integer> b) {
        var all = new LinkedHashSet<>(a);
        all.addAll(b);
        return all;
    }

    @SafeVarargs
    private static List<Integer> concat(List<Integer>... parts) {
        return Arrays.stream(parts).flatMap(List::stream).collect(Collectors.toList());
    }
}
