package clearhead.train;

import clearhead.ops.Activation;
import clearhead.ops.Adjoints;
import clearhead.ops.Attended;
import clearhead.ops.AttentionSpec;
import clearhead.ops.Backend;
import clearhead.ops.Bias;
import clearhead.ops.Carried;
import clearhead.ops.CellState;
import clearhead.ops.KvView;
import clearhead.ops.Ops;
import clearhead.ops.Pairing;
import clearhead.ops.Recurred;
import clearhead.ops.Recurrence;
import clearhead.ops.Routed;
import clearhead.ops.Routing;
import clearhead.ops.ScoreStage;
import clearhead.ops.Sequences;
import clearhead.ops.StateSpace;
import clearhead.ops.StateUpdate;
import clearhead.tensor.Tensor;
import clearhead.tensor.Workspace;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/// Operations that remember what ran, and run it backwards: reverse-mode differentiation.
///
/// A tensor is known by the address of its memory, because a view under other axes is the same
/// numbers. So nothing is given back to the workspace until the step ends, and a weight that is used
/// twice (a tied embedding) gathers both gradients in one place.
///
/// ```java
/// var tape = new Tape(backend.ops(activations), backend, gradients);
/// tape.watch(weight, weightGradient);            // adds into weightGradient
/// var losses = tape.crossEntropy(model.forward(pass), targets);
/// tape.backward(losses, dLosses);
/// ```
public final class Tape implements Ops {
    private final Ops ops;
    private final Ops backwardOps;
    private final Adjoints adjoints;
    private final Workspace gradients;
    private final List<Node> nodes = new ArrayList<>();

    /// Accumulator of each watched tensor, by the tensor's address.
    private final Map<Long, Tensor> accumulators = new HashMap<>();

    /// Addresses of the results that depend on a watched tensor.
    private final Set<Long> reached = new HashSet<>();

    private final Map<Long, Gradient> pending = new HashMap<>();

    /// A gradient on its way back. Both summands of a sum are given the same one; it may be added to
    /// in place only when one of them is left.
    private static final class Gradient {
        Tensor value;
        int owners = 1;

        Gradient(Tensor value) {
            this.value = value;
        }
    }

    /// @param ops runs the forward pass
    /// @param backend of the same kind; its adjoints run the way back
    /// @param gradients holds what is computed on the way back, which is given back piece by piece;
    ///     not the workspace of `ops`
    public Tape(Ops ops, Backend backend, Workspace gradients) {
        if (ops.workspace() == gradients) {
            throw new IllegalArgumentException("a tape needs two workspaces: one for activations, one for gradients");
        }
        this.ops = ops;
        this.gradients = gradients;
        this.backwardOps = backend.ops(gradients);
        this.adjoints = backend.adjoints(gradients);
    }

    /// From now on, adds the gradient of `tensor` into `accumulator`.
    ///
    /// @param accumulator of the tensor's shape and type
    public void watch(Tensor tensor, Tensor accumulator) {
        if (!tensor.shape().equals(accumulator.shape()) || tensor.type() != accumulator.type()) {
            throw new IllegalArgumentException(
                    "the gradient of a tensor " + tensor + " needs the same type and shape, got " + accumulator);
        }
        accumulators.put(address(tensor), accumulator);
    }

    /// Forgets what ran and resets both workspaces; goes on watching.
    public void reset() {
        nodes.clear();
        reached.clear();
        pending.clear();
        ops.workspace().reset();
        gradients.reset();
    }

    /// Runs back from `output`, adding to the accumulators of all watched tensors, and forgets what
    /// ran. The activations stay in their workspace until [#reset].
    ///
    /// @param dOutput gradient of the loss by `output`, of its shape
    public void backward(Tensor output, Tensor dOutput) {
        if (!reached.contains(address(output))) {
            throw new IllegalStateException("nothing that is watched led to the tensor " + output
                    + "; watch the parameters before the forward pass, and run it on the"
                    + " tape");
        }
        long start = gradients.mark();
        pending.put(address(output), new Gradient(dOutput));
        while (!nodes.isEmpty()) {
            Node node = nodes.removeLast();
            Gradient gradient = pending.remove(address(node.output()));
            if (gradient == null && cells(node).isPresent()) {
                gradient = new Gradient(adjoints.zerosLike(node.output()));
            }
            if (gradient == null) {
                continue;
            }
            adjoint(node, gradient);
            gradient.owners--;
            if (pending.size() == 1) {
                var last = pending.values().iterator().next();
                if (last.value != dOutput) {
                    last.value = moveTo(start, last.value);
                }
            }
        }
        pending.clear();
        reached.clear();
    }

    /// A recurrence's cells, if something asked for them: it has two outputs.
    private Optional<Tensor> cells(Node node) {
        return node instanceof Node.Recur recur
                ? recur.recurred().cells().filter(c -> pending.containsKey(address(c)))
                : Optional.empty();
    }

    /// Gives back all gradients but this one: between two layers only the residual's is alive.
    private Tensor moveTo(long start, Tensor gradient) {
        gradients.release(start);
        Tensor moved = gradients.take(gradient.type(), gradient.shape());
        if (address(moved) != address(gradient)) {
            moved.data().copyFrom(gradient.data());
        }
        return moved;
    }

    /// One case an operation. A new one without an adjoint does not compile.
    private void adjoint(Node node, Gradient gradient) {
        Tensor dOut = like(gradient.value, node.output());
        switch (node) {
            case Node.Embed(var table, var ids, var _) -> into(table).ifPresent(d -> adjoints.embed(ids, dOut, d));
            case Node.Linear(var x, var weight, var bias, var _) -> {
                into(weight).ifPresent(d -> adjoints.linearWeight(x, dOut, d));
                bias.flatMap(this::into).ifPresent(d -> adjoints.linearBias(dOut, d));
                if (matters(x)) {
                    give(x, adjoints.linearInput(dOut, weight));
                }
            }
            case Node.Add(var a, var b, var _) -> {
                share(a, gradient);
                share(b, gradient);
            }
            case Node.Scale(var x, var factor, var _) -> give(x, backwardOps.scale(dOut, factor));
            case Node.Multiply(var a, var b, var _) -> multiply(a, b, dOut);
            case Node.LayerNorm(var x, var weight, var bias, var eps, var _) ->
                give(x, adjoints.layerNorm(x, weight, eps, dOut, intoOrScratch(weight), intoOrScratch(bias)));
            case Node.RmsNorm(var x, var weight, var eps, var _) ->
                give(x, adjoints.rmsNorm(x, weight, eps, dOut, intoOrScratch(weight)));
            case Node.Activate(var act, var x, var _) -> give(x, adjoints.activate(act, x, dOut));
            case Node.Gate(var act, var gate, var up, var _) -> {
                var d = adjoints.gate(act, gate, up, dOut);
                give(gate, d.dGate());
                give(up, d.dUp());
            }
            case Node.Rope(var x, var cos, var sin, var positions, var pairing, var _) ->
                give(x, adjoints.rope(dOut, cos, sin, positions, pairing));
            case Node.Attention(var query, var queries, var past, var spec, var attended) -> {
                var d = adjoints.attention(query, queries, past, spec, attended, dOut);
                give(query, d.dQuery());
                give(past.key(), d.dKey());
                give(past.value(), d.dValue());
                spec.sinks().ifPresent(sinks -> give(sinks, d.dSinks().orElseThrow()));
                bias(spec).ifPresent(bias -> give(bias, d.dBias().orElseThrow()));
            }
            case Node.CausalConvolution(var x, var weight, var bias, var rows, var state, var _) -> {
                var intoBias = bias.map(this::intoOrScratch);
                give(x, adjoints.causalConvolution(x, weight, rows, state, dOut, intoOrScratch(weight), intoBias));
            }
            case Node.LinearAttention(
                    var query,
                    var key,
                    var value,
                    var update,
                    var scale,
                    var rows,
                    var state,
                    var _) -> {
                var d = adjoints.linearAttention(query, key, value, update, scale, rows, state, dOut);
                give(query, d.dQuery());
                give(key, d.dKey());
                give(value, d.dValue());
                d.dDecay().ifPresent(g -> give(update.optionalDecay().orElseThrow(), g));
                d.dRate().ifPresent(g -> give(update.optionalRate().orElseThrow(), g));
            }
            case Node.Softmax(var x, var y) -> give(x, adjoints.softmax(y, dOut));
            case Node.CrossEntropy(var logits, var targets, var _) ->
                give(logits, adjoints.crossEntropy(logits, targets, dOut));
            case Node.Select(var x, var rows, var _) -> give(x, adjoints.select(rows, dOut, x.dim(0)));
            case Node.Route(var logits, var routing, var routed) ->
                give(logits, adjoints.route(logits, routing, routed, dOut));
            case Node.Combine(var parts, var rows, var weights, var _) -> {
                var d = adjoints.combine(parts, rows, weights, dOut);
                for (int i = 0; i < parts.size(); i++) {
                    give(parts.get(i), d.dParts().get(i));
                }
                give(weights, d.dWeights());
            }
            case Node.Clamp(var x, var low, var high, var _) -> give(x, adjoints.clamp(x, low, high, dOut));
            case Node.Recur recur -> recur(recur, dOut);
            case Node.Join(var left, var right, var _) -> {
                var d = adjoints.split(dOut, left.dim(1));
                give(left, d.dLeft());
                give(right, d.dRight());
            }
        }
    }

    private void multiply(Tensor a, Tensor b, Tensor dOut) {
        if (matters(a)) {
            give(a, backwardOps.multiply(dOut, b));
        }
        if (!matters(b)) {
            return;
        }
        Tensor dB = backwardOps.multiply(dOut, a);
        if (b.shape().equals(a.shape())) {
            give(b, dB);
        } else {
            int dim = b.dim(0);
            into(b).ifPresent(d -> adjoints.linearBias(dB.reshape(Math.toIntExact(dB.size() / dim), dim), d));
        }
    }

    private void recur(Node.Recur node, Tensor dOut) {
        Recurrence r = node.recurrence();
        Optional<Tensor> dCells = cells(node)
                .flatMap(c -> Optional.ofNullable(pending.remove(address(c))).map(held -> like(held.value, c)));
        var into = new Recurrence(
                r.cell(),
                r.reverse(),
                intoOrScratch(r.weight(), dOut),
                r.bias().map(b -> intoOrScratch(b, dOut)),
                r.peepholes().map(p -> intoOrScratch(p, dOut)));
        var d = adjoints.recur(node.sequences(), r, node.start(), node.recurred(), dOut, dCells, into);
        give(node.inputs(), d.dInputs());
        node.start().ifPresent(start -> {
            give(start.hidden(), d.dStart().hidden());
            start.cell().ifPresent(c -> give(c, d.dStart().cell().orElseThrow()));
        });
    }

    private static long address(Tensor tensor) {
        return tensor.data().address();
    }

    /// `tensor` under the axes of `model`.
    private static Tensor like(Tensor tensor, Tensor model) {
        return tensor.shape().equals(model.shape())
                ? tensor
                : tensor.reshape(model.shape().dims());
    }

    private boolean matters(Tensor tensor) {
        long address = address(tensor);
        return accumulators.containsKey(address) || reached.contains(address);
    }

    /// Where the gradient of a weight is added up; empty if nobody wants it.
    private Optional<Tensor> into(Tensor weight) {
        Tensor accumulator = accumulators.get(address(weight));
        if (accumulator != null) {
            return Optional.of(like(accumulator, weight));
        }
        if (!reached.contains(address(weight))) {
            return Optional.empty();
        }
        Gradient held = pending.get(address(weight));
        if (held == null) {
            held = new Gradient(adjoints.zerosLike(weight));
            pending.put(address(weight), held);
        } else if (held.owners > 1) {
            // The other owner still needs the old value.
            held.owners--;
            Tensor copy = adjoints.zerosLike(held.value);
            copy.data().copyFrom(held.value.data());
            held = new Gradient(copy);
            pending.put(address(weight), held);
        }
        return Optional.of(like(held.value, weight));
    }

    private Tensor intoOrScratch(Tensor weight) {
        return into(weight).orElseGet(() -> adjoints.zerosLike(weight));
    }

    /// The same for a weight that may be of a type that holds no gradients, such as halves.
    private Tensor intoOrScratch(Tensor weight, Tensor like) {
        return into(weight).orElseGet(() -> {
            Tensor zeros = gradients.take(like.type(), weight.shape());
            zeros.data().fill((byte) 0);
            return zeros;
        });
    }

    /// Adds a fresh tensor to the gradient of `tensor`; the first one becomes it.
    private void give(Tensor tensor, Tensor d) {
        if (!matters(tensor)) {
            return;
        }
        Tensor accumulator = accumulators.get(address(tensor));
        if (accumulator != null) {
            adjoints.accumulate(like(d, accumulator), accumulator);
            return;
        }
        Gradient held = pending.get(address(tensor));
        if (held == null) {
            pending.put(address(tensor), new Gradient(d));
        } else if (held.owners == 1) {
            adjoints.accumulate(like(d, held.value), held.value);
        } else {
            // The other owner still needs the old value; the fresh tensor takes the sum.
            held.owners--;
            adjoints.accumulate(like(held.value, d), d);
            pending.put(address(tensor), new Gradient(d));
        }
    }

    /// Adds the gradient of a sum to that of a summand, without a copy where it is the first.
    private void share(Tensor tensor, Gradient gradient) {
        if (!matters(tensor)) {
            return;
        }
        if (accumulators.containsKey(address(tensor)) || pending.containsKey(address(tensor))) {
            Tensor accumulator = into(tensor).orElseThrow();
            adjoints.accumulate(like(gradient.value, accumulator), accumulator);
        } else {
            gradient.owners++;
            pending.put(address(tensor), gradient);
        }
    }

    /// Remembers a node if something watched led to it.
    private Tensor remember(Node node, Tensor... inputs) {
        for (Tensor input : inputs) {
            if (matters(input)) {
                nodes.add(node);
                reached.add(address(node.output()));
                break;
            }
        }
        return node.output();
    }

    @Override
    public Workspace workspace() {
        return ops.workspace();
    }

    @Override
    public Tensor embed(Tensor table, Tensor ids) {
        return remember(new Node.Embed(table, ids, ops.embed(table, ids)), table);
    }

    @Override
    public Tensor linear(Tensor x, Tensor weight) {
        Tensor y = ops.linear(x, weight);
        return remember(new Node.Linear(x, weight, Optional.empty(), y), x, weight);
    }

    @Override
    public Tensor linear(Tensor x, Tensor weight, Tensor bias) {
        Tensor y = ops.linear(x, weight, bias);
        return remember(new Node.Linear(x, weight, Optional.of(bias), y), x, weight, bias);
    }

    @Override
    public Tensor add(Tensor a, Tensor b) {
        return remember(new Node.Add(a, b, ops.add(a, b)), a, b);
    }

    @Override
    public Tensor scale(Tensor x, double factor) {
        return remember(new Node.Scale(x, factor, ops.scale(x, factor)), x);
    }

    @Override
    public Tensor multiply(Tensor a, Tensor b) {
        return remember(new Node.Multiply(a, b, ops.multiply(a, b)), a, b);
    }

    @Override
    public Tensor layerNorm(Tensor x, Tensor weight, Tensor bias, double eps) {
        Tensor y = ops.layerNorm(x, weight, bias, eps);
        return remember(new Node.LayerNorm(x, weight, bias, eps, y), x, weight, bias);
    }

    @Override
    public Tensor rmsNorm(Tensor x, Tensor weight, double eps) {
        return remember(new Node.RmsNorm(x, weight, eps, ops.rmsNorm(x, weight, eps)), x, weight);
    }

    @Override
    public Tensor activate(Activation act, Tensor x) {
        return remember(new Node.Activate(act, x, ops.activate(act, x)), x);
    }

    @Override
    public Tensor gate(Activation act, Tensor gate, Tensor up) {
        return remember(new Node.Gate(act, gate, up, ops.gate(act, gate, up)), gate, up);
    }

    @Override
    public Tensor rope(Tensor x, Tensor cos, Tensor sin, Tensor positions, Pairing pairing) {
        Tensor y = ops.rope(x, cos, sin, positions, pairing);
        return remember(new Node.Rope(x, cos, sin, positions, pairing, y), x);
    }

    @Override
    public Carried causalConvolution(
            Tensor x, Tensor weight, Optional<Tensor> bias, Sequences rows, Optional<Tensor> state) {
        Carried y = ops.causalConvolution(x, weight, bias, rows, state);
        var node = new Node.CausalConvolution(x, weight, bias, rows, state, y.out());
        return new Carried(remember(node, x, weight, bias.orElse(weight)), y.state());
    }

    @Override
    public Carried linearAttention(
            Tensor query,
            Tensor key,
            Tensor value,
            StateUpdate update,
            double scale,
            Sequences rows,
            Optional<Tensor> state) {
        Carried y = ops.linearAttention(query, key, value, update, scale, rows, state);
        var node = new Node.LinearAttention(query, key, value, update, scale, rows, state, y.out());
        Tensor decay = update.optionalDecay().orElse(query);
        Tensor rate = update.optionalRate().orElse(query);
        return new Carried(remember(node, query, key, value, decay, rate), y.state());
    }

    @Override
    public Carried selectiveScan(
            Tensor x,
            Tensor step,
            Tensor input,
            Tensor output,
            StateSpace space,
            Sequences rows,
            Optional<Tensor> state) {
        throw new UnsupportedOperationException(
                "a tape cannot run back through a selective scan: Mamba runs here but is not trained");
    }

    @Override
    public Carried wkv(Tensor key, Tensor value, Tensor decay, Tensor first, Sequences rows, Optional<Tensor> state) {
        throw new UnsupportedOperationException(
                "a tape cannot run back through RWKV's weighted average: RWKV runs here but is not trained");
    }

    @Override
    public void store(Tensor key, Tensor value, Sequences queries, KvView.Paged past) {
        throw cached();
    }

    @Override
    public Attended attention(Tensor query, Sequences queries, KvView past, AttentionSpec spec) {
        return switch (past) {
            case KvView.Packed packed -> {
                var attended = ops.attention(query, queries, packed, spec);
                var inputs = new ArrayList<>(List.of(query, packed.key(), packed.value()));
                spec.sinks().ifPresent(inputs::add);
                bias(spec).ifPresent(inputs::add);
                remember(new Node.Attention(query, queries, packed, spec, attended), inputs.toArray(new Tensor[0]));
                yield attended;
            }
            case KvView.Paged _ -> throw cached();
        };
    }

    /// The bias that can be learned.
    private static Optional<Tensor> bias(AttentionSpec spec) {
        return switch (spec.bias()) {
            case Bias.None(), Bias.Alibi(double[] _) -> Optional.empty();
            case Bias.Relative(Tensor table, boolean _, int _) -> Optional.of(table);
            case Bias.Added(Tensor values) -> Optional.of(values);
        };
    }

    private static UnsupportedOperationException cached() {
        return new UnsupportedOperationException(
                "a tape cannot run back through a key-value cache; train on whole sequences" + " (KeyValues.NONE)");
    }

    @Override
    public Tensor scores(Tensor query, KvView past, int sequence, AttentionSpec spec, ScoreStage stage) {
        throw plain();
    }

    @Override
    public Tensor weigh(Tensor pattern, KvView past, int sequence, AttentionSpec spec) {
        throw plain();
    }

    private static UnsupportedOperationException plain() {
        return new UnsupportedOperationException(
                "a tape runs fused attention only; take away the probe that replaces scores or" + " patterns");
    }

    @Override
    public Tensor softmax(Tensor x) {
        return remember(new Node.Softmax(x, ops.softmax(x)), x);
    }

    @Override
    public Tensor crossEntropy(Tensor logits, Tensor targets) {
        Tensor losses = ops.crossEntropy(logits, targets);
        return remember(new Node.CrossEntropy(logits, targets, losses), logits);
    }

    @Override
    public Tensor select(Tensor x, Tensor rows) {
        return remember(new Node.Select(x, rows, ops.select(x, rows)), x);
    }

    @Override
    public Recurred recur(Tensor inputs, Sequences sequences, Recurrence recurrence, Optional<CellState> start) {
        Recurred recurred = ops.recur(inputs, sequences, recurrence, start);
        var from = new ArrayList<>(List.of(inputs, recurrence.weight()));
        recurrence.bias().ifPresent(from::add);
        recurrence.peepholes().ifPresent(from::add);
        start.ifPresent(state -> {
            from.add(state.hidden());
            state.cell().ifPresent(from::add);
        });
        var node = new Node.Recur(inputs, sequences, recurrence, start, recurred);
        remember(node, from.toArray(new Tensor[0]));
        if (reached.contains(address(node.output()))) {
            recurred.cells().ifPresent(c -> reached.add(address(c)));
        }
        return recurred;
    }

    @Override
    public Tensor join(Tensor left, Tensor right) {
        return remember(new Node.Join(left, right, ops.join(left, right)), left, right);
    }

    @Override
    public Routed route(Tensor logits, Routing routing) {
        Routed routed = ops.route(logits, routing);
        remember(new Node.Route(logits, routing, routed), logits);
        return routed;
    }

    @Override
    public Tensor combine(List<Tensor> parts, Tensor rows, Tensor weights) {
        var from = new ArrayList<>(parts);
        from.add(weights);
        Tensor out = ops.combine(parts, rows, weights);
        return remember(new Node.Combine(parts, rows, weights, out), from.toArray(new Tensor[0]));
    }

    @Override
    public Tensor clamp(Tensor x, double low, double high) {
        return remember(new Node.Clamp(x, low, high, ops.clamp(x, low, high)), x);
    }

    /// Keeps everything: the way back needs it.
    @Override
    public Tensor keep(long mark, Tensor tensor) {
        return tensor;
    }
}
