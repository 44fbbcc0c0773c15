package clearhead.onnx;

import clearhead.ops.score.Condition;
import clearhead.ops.score.Index;
import clearhead.ops.score.ScoreMod;
import clearhead.ops.score.Table;
import clearhead.ops.score.Value;
import clearhead.tensor.Tensor;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.DoubleBinaryOperator;
import java.util.function.DoubleUnaryOperator;
import java.util.stream.IntStream;

/// A graph that FlexAttention applies to its scores or weights [batch, heads, queries, keys]: run on
/// numbers, or on a symbol for one score, which makes it a score function of ours. What depends on
/// shapes and positions alone is numbers in both; a symbol meets it as a captured table.
record Subgraph(NodeRunner on, OnnxCase.Graph graph, int... shape) {

    private sealed interface Term {}

    /// @param whole whether these are integers, which are divided as such
    private record Known(Grid grid, boolean whole) implements Term {}

    private record Symbol(Value value) implements Term {}

    private record Truth(Condition condition) implements Term {}

    /// On numbers.
    Grid apply(Grid input) {
        if (run(new Known(input, false)) instanceof Known(var grid, var _)) {
            return grid.broadcast(shape);
        }
        throw new IllegalStateException("numbers became symbols");
    }

    /// On symbols.
    ScoreMod scoreMod() {
        return (score, batch, head, query, key) -> value(run(new Symbol(score)));
    }

    private Term run(Term input) {
        if (graph.inputs().size() != 1 || graph.outputs().size() != 1) {
            throw new IllegalArgumentException("a graph of one input and one output is wanted, found " + graph.inputs()
                    + " and " + graph.outputs());
        }
        Map<String, Term> terms = new LinkedHashMap<>();
        graph.constants()
                .forEach((name, t) -> terms.put(
                        name,
                        new Known(
                                Grid.of(t),
                                !graph.types().getOrDefault(name, Element.F32).isFloat())));
        terms.put(graph.inputs().getFirst(), input);
        for (OnnxCase.Node node : graph.nodes()) {
            List<Term> in =
                    node.inputs().stream().map(name -> term(terms, name)).toList();
            terms.put(node.outputs().getFirst(), node(node, in));
        }
        return term(terms, graph.outputs().getFirst());
    }

    private static Term term(Map<String, Term> terms, String name) {
        Term found = terms.get(name);
        if (found == null) {
            throw new IllegalArgumentException("the graph has nothing named " + name);
        }
        return found;
    }

    private Term node(OnnxCase.Node node, List<Term> in) {
        return switch (node.type()) {
            case "Identity", "CastLike" -> in.getFirst();
            case "Constant" -> constant(node);
            case "Cast" -> cast(node, in.getFirst());
            case "Shape" -> shape(node, in.getFirst());
            case "Range" -> range(known(in, 0), known(in, 1), known(in, 2));
            case "Gather" ->
                new Known(
                        MovementNodes.gather(
                                known(in, 0).grid,
                                known(in, 1).grid,
                                known(in, 0).grid.axis(node.integer("axis", 0))),
                        known(in, 0).whole);
            case "Reshape" -> reshape(known(in, 0), known(in, 1).grid.values());
            case "Unsqueeze" -> unsqueeze(known(in, 0), known(in, 1).grid.values());
            case "Add" -> two(in, Value::plus, Double::sum);
            case "Sub" -> two(in, Value::minus, (a, b) -> a - b);
            case "Mul" -> two(in, Value::times, (a, b) -> a * b);
            case "Div" -> divide(in);
            case "Min" -> two(in, Value::min, Math::min);
            case "Max" -> two(in, Value::max, Math::max);
            case "Neg" -> one(in, Value::negate, x -> -x);
            case "Abs" -> one(in, Value::abs, Math::abs);
            case "Exp" -> one(in, Value::exp, Math::exp);
            case "Log" -> one(in, Value::log, Math::log);
            case "Sqrt" -> one(in, Value::sqrt, Math::sqrt);
            case "Tanh" -> one(in, Value::tanh, Math::tanh);
            case "Sigmoid" -> one(in, Value::sigmoid, x -> 1 / (1 + Math.exp(-x)));
            case "Relu" -> one(in, x -> x.max(0), x -> Math.max(x, 0));
            case "LessOrEqual" -> compare(in, Value::atMost, (a, b) -> a <= b ? 1 : 0);
            case "GreaterOrEqual" -> compare(in, (a, b) -> b.atMost(a), (a, b) -> a >= b ? 1 : 0);
            case "Less" -> compare(in, (a, b) -> b.atMost(a).not(), (a, b) -> a < b ? 1 : 0);
            case "Greater" -> compare(in, (a, b) -> a.atMost(b).not(), (a, b) -> a > b ? 1 : 0);
            case "Equal" -> compare(in, (a, b) -> a.atMost(b).and(b.atMost(a)), (a, b) -> a == b ? 1 : 0);
            case "And" -> logic(in, Condition::and, (a, b) -> a * b);
            case "Or" -> logic(in, Condition::or, Math::max);
            case "Not" ->
                in.getFirst() instanceof Known(var grid, var _)
                        ? new Known(mapped(grid, x -> 1 - x), true)
                        : new Truth(condition(in.getFirst()).not());
            case "Where" -> where(in);
            default -> throw new IllegalArgumentException("no score function of ours can do " + node.type());
        };
    }

    private static Known known(List<Term> in, int n) {
        if (in.get(n) instanceof Known k) {
            return k;
        }
        throw new IllegalArgumentException("input " + n + " depends on scores, but only their shapes may be moved");
    }

    private static Known constant(OnnxCase.Node node) {
        Object value = node.attributes().values().iterator().next();
        return switch (value) {
            case Tensor t -> new Known(Grid.of(t), !t.type().isReal());
            case Long n -> new Known(new Grid(new double[] {n}), true);
            case Float x -> new Known(new Grid(new double[] {x}), false);
            case List<?> all -> {
                double[] values = all.stream()
                        .mapToDouble(x -> ((Number) x).doubleValue())
                        .toArray();
                yield new Known(new Grid(values, values.length), all.getFirst() instanceof Long);
            }
            default -> throw new IllegalArgumentException("constant " + value);
        };
    }

    private static Term cast(OnnxCase.Node node, Term x) {
        Element to = Element.of(node.integer("to", 0));
        if (x instanceof Known(var grid, var _)) {
            DoubleUnaryOperator change = to.isFloat()
                    ? v -> to.nearest(v, false)
                    : to == Element.BOOL ? v -> v != 0 ? 1 : 0 : v -> (double) (long) v;
            return new Known(mapped(grid, change), !to.isFloat());
        }
        if (!to.isFloat()) {
            throw new IllegalArgumentException("a score cannot become " + to);
        }
        return x instanceof Truth(var condition) ? new Symbol(condition.choose(Value.of(1), Value.of(0))) : x;
    }

    private Known shape(OnnxCase.Node node, Term x) {
        int[] dims = x instanceof Known(var grid, var _) ? grid.dims() : shape;
        int start = node.integer("start", 0);
        int end = node.integer("end", dims.length);
        int from = Math.clamp(start < 0 ? start + dims.length : start, 0, dims.length);
        int to = Math.clamp(end < 0 ? end + dims.length : end, from, dims.length);
        double[] values = Arrays.stream(dims, from, to).asDoubleStream().toArray();
        return new Known(new Grid(values, values.length), true);
    }

    private static Known range(Known start, Known limit, Known delta) {
        double from = start.grid.values()[0];
        double step = delta.grid.values()[0];
        int count = Math.max(0, (int) Math.ceil((limit.grid.values()[0] - from) / step));
        double[] values =
                IntStream.range(0, count).mapToDouble(n -> from + n * step).toArray();
        return new Known(new Grid(values, count), start.whole);
    }

    private static Known reshape(Known x, double[] wanted) {
        int[] dims = Arrays.stream(wanted).mapToInt(d -> (int) d).toArray();
        int rest = x.grid.values().length;
        for (int n = 0; n < dims.length; n++) {
            dims[n] = dims[n] == 0 ? x.grid.dims()[n] : dims[n];
            rest /= dims[n] > 0 ? dims[n] : 1;
        }
        for (int n = 0; n < dims.length; n++) {
            dims[n] = dims[n] == -1 ? rest : dims[n];
        }
        return new Known(x.grid.reshape(dims), x.whole);
    }

    private static Known unsqueeze(Known x, double[] axes) {
        int rank = x.grid.rank() + axes.length;
        var dims = new int[rank];
        for (double axis : axes) {
            dims[(int) (axis < 0 ? axis + rank : axis)] = 1;
        }
        int next = 0;
        for (int n = 0; n < rank; n++) {
            dims[n] = dims[n] == 1 ? 1 : x.grid.dims()[next++];
        }
        return new Known(x.grid.reshape(dims), x.whole);
    }

    private static Grid mapped(Grid x, DoubleUnaryOperator f) {
        return new Grid(Arrays.stream(x.values()).map(f).toArray(), x.dims());
    }

    private static Grid mapped(Grid a, Grid b, DoubleBinaryOperator f) {
        int[] dims = common(a.dims(), b.dims());
        double[] x = a.broadcast(dims).values();
        double[] y = b.broadcast(dims).values();
        return new Grid(
                IntStream.range(0, x.length)
                        .mapToDouble(n -> f.applyAsDouble(x[n], y[n]))
                        .toArray(),
                dims);
    }

    private static int[] common(int[] a, int[] b) {
        var dims = new int[Math.max(a.length, b.length)];
        for (int n = 1; n <= dims.length; n++) {
            int x = n > a.length ? 1 : a[a.length - n];
            int y = n > b.length ? 1 : b[b.length - n];
            dims[dims.length - n] = x == 1 ? y : x;
        }
        return dims;
    }

    /// A term as the number that a score meets at its place.
    private Value value(Term term) {
        return switch (term) {
            case Symbol(var value) -> value;
            case Truth(var condition) -> condition.choose(Value.of(1), Value.of(0));
            case Known(var grid, var _) -> {
                if (grid.values().length == 1) {
                    yield Value.of(grid.values()[0]);
                }
                Index[] axes = {Index.BATCH, Index.HEAD, Index.QUERY, Index.KEY};
                var at = new Index[grid.rank()];
                for (int n = 0; n < at.length; n++) {
                    at[n] = grid.dims()[n] == 1 ? Index.of(0) : axes[4 - at.length + n];
                }
                yield Table.of(on.tensor(grid, grid.dims())).at(at);
            }
        };
    }

    private Condition condition(Term term) {
        return term instanceof Truth(var condition) ? condition : Value.of(0.5).atMost(value(term));
    }

    @FunctionalInterface
    private interface OfValue {
        Value apply(Value x);
    }

    @FunctionalInterface
    private interface OfValues {
        Value apply(Value a, Value b);
    }

    @FunctionalInterface
    private interface Comparison {
        Condition apply(Value a, Value b);
    }

    @FunctionalInterface
    private interface OfConditions {
        Condition apply(Condition a, Condition b);
    }

    private Term one(List<Term> in, OfValue symbolic, DoubleUnaryOperator numeric) {
        return in.getFirst() instanceof Known(var grid, var whole)
                ? new Known(mapped(grid, numeric), whole)
                : new Symbol(symbolic.apply(value(in.getFirst())));
    }

    private Term two(List<Term> in, OfValues symbolic, DoubleBinaryOperator numeric) {
        return in.get(0) instanceof Known(var a, var whole) && in.get(1) instanceof Known(var b, var _)
                ? new Known(mapped(a, b, numeric), whole)
                : new Symbol(symbolic.apply(value(in.get(0)), value(in.get(1))));
    }

    private Term divide(List<Term> in) {
        boolean whole = in.getFirst() instanceof Known k && k.whole;
        return two(in, Value::over, whole ? (a, b) -> (double) ((long) a / (long) b) : (a, b) -> a / b);
    }

    private Term compare(List<Term> in, Comparison symbolic, DoubleBinaryOperator numeric) {
        return in.get(0) instanceof Known(var a, var _) && in.get(1) instanceof Known(var b, var _)
                ? new Known(mapped(a, b, numeric), true)
                : new Truth(symbolic.apply(value(in.get(0)), value(in.get(1))));
    }

    private Term logic(List<Term> in, OfConditions symbolic, DoubleBinaryOperator numeric) {
        return in.get(0) instanceof Known(var a, var _) && in.get(1) instanceof Known(var b, var _)
                ? new Known(mapped(a, b, numeric), true)
                : new Truth(symbolic.apply(condition(in.get(0)), condition(in.get(1))));
    }

    private Term where(List<Term> in) {
        if (in.get(0) instanceof Known(var mask, var _)
                && in.get(1) instanceof Known(var then, var whole)
                && in.get(2) instanceof Known(var otherwise, var _)) {
            int[] dims = common(common(mask.dims(), then.dims()), otherwise.dims());
            double[] m = mask.broadcast(dims).values();
            double[] a = then.broadcast(dims).values();
            double[] b = otherwise.broadcast(dims).values();
            return new Known(
                    new Grid(
                            IntStream.range(0, m.length)
                                    .mapToDouble(n -> m[n] != 0 ? a[n] : b[n])
                                    .toArray(),
                            dims),
                    whole);
        }
        return new Symbol(condition(in.get(0)).choose(value(in.get(1)), value(in.get(2))));
    }
}
