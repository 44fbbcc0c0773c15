package clearhead.ops;

import clearhead.tensor.DType;
import clearhead.tensor.Layout;
import clearhead.tensor.Tensor;
import java.util.Arrays;

/// Arguments of [Ops] and [Adjoints], checked once on entry by every backend; kernels below trust
/// them. A failure is an [IllegalArgumentException] that names the operation, the argument, its axes,
/// what was wanted and what was found.
public final class Checks {
    private Checks() {}

    // Lookups

    /// table [vocab, dim], ids I32 [tokens] in 0 … vocab − 1.
    public static void embed(Tensor table, Tensor ids) {
        real("embed", "table", table, 2, "[vocab, dim]");
        indices("embed", "ids", ids, "[tokens]", "vocab", table.dim(0));
    }

    /// x [tokens, dim], rows I32 [count] in 0 … tokens − 1.
    public static void select(Tensor x, Tensor rows) {
        activation("select", "x", x, 2, "[tokens, dim]");
        indices("select", "rows", rows, "[count]", "tokens", x.dim(0));
    }

    /// dOut [tokens, dim], ids I32 [tokens], intoTable [vocab, dim].
    public static void embedAdjoint(Tensor ids, Tensor dOut, Tensor intoTable) {
        activation("embed adjoint", "dOut", dOut, 2, "[tokens, dim]");
        activation("embed adjoint", "intoTable", intoTable, 2, "[vocab, dim]");
        axis("embed adjoint", "intoTable [vocab, dim]", "dim", intoTable.dim(1), dOut.dim(1), "dOut");
        indices("embed adjoint", "ids", ids, "[tokens]", "vocab", intoTable.dim(0));
        axis("embed adjoint", "ids [tokens]", "tokens", ids.dim(0), dOut.dim(0), "dOut");
    }

    /// dOut [count, dim], rows I32 [count] in 0 … tokens − 1.
    public static void selectAdjoint(Tensor rows, Tensor dOut, int tokens) {
        activation("select adjoint", "dOut", dOut, 2, "[count, dim]");
        indices("select adjoint", "rows", rows, "[count]", "tokens", tokens);
        axis("select adjoint", "rows [count]", "count", rows.dim(0), dOut.dim(0), "dOut");
    }

    // Products

    /// x [tokens, in], weight [out, in].
    public static void linear(Tensor x, Tensor weight) {
        activation("linear", "x", x, 2, "[tokens, in]");
        real("linear", "weight", weight, 2, "[out, in]");
        axis("linear", "weight [out, in]", "in", weight.dim(1), x.dim(1), "x [tokens, in]");
    }

    /// x [tokens, in], weight [out, in], bias [out].
    public static void linear(Tensor x, Tensor weight, Tensor bias) {
        linear(x, weight);
        vector("linear", "bias", bias, "out", weight.dim(0), "weight [out, in]");
    }

    /// dOut [tokens, out], weight [out, in].
    public static void linearInput(Tensor dOut, Tensor weight) {
        activation("linearInput", "dOut", dOut, 2, "[tokens, out]");
        real("linearInput", "weight", weight, 2, "[out, in]");
        if (weight.layout() != Layout.ROWS) {
            throw new IllegalArgumentException(
                    "linearInput: weight is packed for running (" + weight + "); gradients need it in rows");
        }
        axis("linearInput", "weight [out, in]", "out", weight.dim(0), dOut.dim(1), "dOut");
    }

    /// x [tokens, in], dOut [tokens, out], intoWeight [out, in].
    public static void linearWeight(Tensor x, Tensor dOut, Tensor intoWeight) {
        activation("linearWeight", "x", x, 2, "[tokens, in]");
        activation("linearWeight", "dOut", dOut, 2, "[tokens, out]");
        activation("linearWeight", "intoWeight", intoWeight, 2, "[out, in]");
        axis("linearWeight", "dOut [tokens, out]", "tokens", dOut.dim(0), x.dim(0), "x");
        axis("linearWeight", "intoWeight [out, in]", "out", intoWeight.dim(0), dOut.dim(1), "dOut");
        axis("linearWeight", "intoWeight [out, in]", "in", intoWeight.dim(1), x.dim(1), "x");
    }

    /// dOut [tokens, out], intoBias [out].
    public static void linearBias(Tensor dOut, Tensor intoBias) {
        activation("linearBias", "dOut", dOut, 2, "[tokens, out]");
        accumulator("linearBias", "intoBias", intoBias, "out", dOut.dim(1), "dOut [tokens, out]");
    }

    // Elementwise

    /// x of any shape.
    public static void elementwise(String op, Tensor x) {
        activation(op, "x", x);
    }

    /// Two tensors of one type and shape.
    public static void elementwise(String op, String aName, Tensor a, String bName, Tensor b) {
        activation(op, aName, a);
        like(op, bName, b, aName, a);
    }

    /// b like a, or [dim] for a [.., dim].
    public static void multiply(Tensor a, Tensor b) {
        activation("multiply", "a", a);
        if (b.rank() == 1 && a.rank() > 1) {
            type("multiply", "b", b, a.type());
            vector("multiply", "b", b, "dim", a.dim(-1), "a [.., dim]");
        } else {
            like("multiply", "b", b, "a", a);
        }
    }

    /// into has the shape of d.
    public static void accumulate(Tensor d, Tensor into) {
        activation("accumulate", "d", d);
        activation("accumulate", "into", into);
        shape("accumulate", "into", into, "d", d);
    }

    /// gate, up and dOut of one type and shape.
    public static void gateAdjoint(Tensor gate, Tensor up, Tensor dOut) {
        elementwise("gate adjoint", "gate", gate, "up", up);
        like("gate adjoint", "dOut", dOut, "gate", gate);
    }

    // Norms

    /// x [tokens, dim], weight and bias [dim].
    public static void layerNorm(Tensor x, Tensor weight, Tensor bias) {
        activation("layerNorm", "x", x, 2, "[tokens, dim]");
        vector("layerNorm", "weight", weight, "dim", x.dim(1), "x [tokens, dim]");
        vector("layerNorm", "bias", bias, "dim", x.dim(1), "x [tokens, dim]");
    }

    /// x [tokens, dim], weight [dim].
    public static void rmsNorm(Tensor x, Tensor weight) {
        activation("rmsNorm", "x", x, 2, "[tokens, dim]");
        vector("rmsNorm", "weight", weight, "dim", x.dim(1), "x [tokens, dim]");
    }

    /// As [#layerNorm], dOut like x, accumulators [dim].
    public static void layerNormAdjoint(Tensor x, Tensor weight, Tensor dOut, Tensor intoWeight, Tensor intoBias) {
        rmsNormAdjoint("layerNorm adjoint", x, weight, dOut, intoWeight);
        accumulator("layerNorm adjoint", "intoBias", intoBias, "dim", x.dim(1), "x [tokens, dim]");
    }

    /// As [#rmsNorm], dOut like x, accumulator [dim].
    public static void rmsNormAdjoint(Tensor x, Tensor weight, Tensor dOut, Tensor intoWeight) {
        rmsNormAdjoint("rmsNorm adjoint", x, weight, dOut, intoWeight);
    }

    private static void rmsNormAdjoint(String op, Tensor x, Tensor weight, Tensor dOut, Tensor intoWeight) {
        activation(op, "x", x, 2, "[tokens, dim]");
        vector(op, "weight", weight, "dim", x.dim(1), "x [tokens, dim]");
        like(op, "dOut", dOut, "x", x);
        accumulator(op, "intoWeight", intoWeight, "dim", x.dim(1), "x [tokens, dim]");
    }

    // Rotary

    /// x [tokens, heads, headDim], cos and sin [positions, pairs], positions I32 [tokens].
    public static void rope(Tensor x, Tensor cos, Tensor sin, Tensor positions) {
        activation("rope", "x", x, 3, "[tokens, heads, headDim]");
        activation("rope", "cos", cos, 2, "[positions, pairs]");
        like("rope", "sin", sin, "cos", cos);
        indices("rope", "positions", positions, "[tokens]", "positions of the table", cos.dim(0));
        axis("rope", "positions [tokens]", "tokens", positions.dim(0), x.dim(0), "x");
        if (2L * cos.dim(1) > x.dim(2)) {
            throw new IllegalArgumentException("rope: cos [positions, pairs] has " + cos.dim(1) + " pairs, which turn "
                    + 2L * cos.dim(1) + " elements, but headDim of x is " + x.dim(2));
        }
    }

    // Attention

    /// key [tokens, kvHeads, headDim] and value [tokens, kvHeads, valueDim] into pages that already count them.
    public static void store(Tensor key, Tensor value, Sequences queries, KvView.Paged past) {
        activation("store", "key", key, 3, "[tokens, kvHeads, headDim]");
        activation("store", "value", value, 3, "[tokens, kvHeads, valueDim]");
        axis("store", "value [tokens, kvHeads, valueDim]", "tokens", value.dim(0), key.dim(0), "key");
        axis("store", "key [tokens, …]", "tokens", key.dim(0), queries.tokens(), "queries");
        paged("store", past, key.dim(1), key.dim(2), value.dim(2));
        axis("store", "value", "kvHeads", value.dim(1), key.dim(1), "key");
        axis("store", "past", "sequences", past.sequences(), queries.count(), "queries");
        for (int s = 0; s < queries.count(); s++) {
            if (past.length(s) < queries.length(s)) {
                throw new IllegalArgumentException("store: sequence " + s + " of past has length " + past.length(s)
                        + ", which must already count its " + queries.length(s)
                        + " new tokens");
            }
            long capacity = (long) past.table()[s].length * KvView.PAGE;
            if (past.ring() && queries.length(s) > capacity) {
                throw new IllegalArgumentException("store: the ring of sequence " + s + " holds " + capacity
                        + " positions, which " + queries.length(s)
                        + " new tokens do not fit into; give it more pages or store fewer at a time");
            }
        }
    }

    /// query [tokens, heads, headDim] and the keys and values of the same sequences.
    public static void attention(Tensor query, Sequences queries, KvView past, AttentionSpec spec) {
        query("attention", query, spec);
        axis("attention", "query [tokens, …]", "tokens", query.dim(0), queries.tokens(), "queries");
        axis("attention", "past", "sequences", past.sequences(), queries.count(), "queries");
        past("attention", past, query, spec);
        for (int s = 0; s < queries.count(); s++) {
            ring("attention", past, s, queries.length(s), spec);
        }
        int[] lengths = new int[queries.count()];
        Arrays.setAll(lengths, queries::length);
        extras("attention", spec, past, lengths, 0);
    }

    /// query [queries, heads, headDim] of one sequence.
    public static void scores(Tensor query, KvView past, int sequence, AttentionSpec spec) {
        query("scores", query, spec);
        sequence("scores", past, sequence);
        past("scores", past, query, spec);
        ring("scores", past, sequence, query.dim(0), spec);
        extras("scores", spec, past, new int[] {query.dim(0)}, sequence);
    }

    /// pattern [heads, queries, context] of one sequence.
    public static void weigh(Tensor pattern, KvView past, int sequence, AttentionSpec spec) {
        activation("weigh", "pattern", pattern, 3, "[heads, queries, context]");
        axis("weigh", "pattern [heads, queries, context]", "heads", pattern.dim(0), spec.heads(), "spec");
        sequence("weigh", past, sequence);
        axis("weigh", "pattern [heads, queries, context]", "context", pattern.dim(2), past.length(sequence), "past");
        past("weigh", past, pattern, spec);
        ring("weigh", past, sequence, pattern.dim(1), spec);
    }

    /// As [#attention], with what it returned, and dOut like its output.
    public static void attentionAdjoint(
            Tensor query, Sequences queries, KvView.Packed past, AttentionSpec spec, Attended forward, Tensor dOut) {
        attention(query, queries, past, spec);
        type("attention adjoint", "key", past.key(), query.type());
        type("attention adjoint", "value", past.value(), query.type());
        Tensor out = forward.out();
        activation("attention adjoint", "out", out, 3, "[tokens, heads, valueDim]");
        axis("attention adjoint", "out", "tokens", out.dim(0), query.dim(0), "query");
        axis("attention adjoint", "out", "heads", out.dim(1), spec.heads(), "spec");
        axis("attention adjoint", "out", "valueDim", out.dim(2), past.value().dim(2), "value");
        activation("attention adjoint", "lse", forward.lse(), 2, "[heads, tokens]");
        axis("attention adjoint", "lse", "heads", forward.lse().dim(0), spec.heads(), "spec");
        axis("attention adjoint", "lse", "tokens", forward.lse().dim(1), query.dim(0), "query");
        like("attention adjoint", "dOut", dOut, "out", out);
    }

    /// What a mask, bias, alignment and sinks say of sequences, heads, queries and keys.
    ///
    /// @param lengths queries of each sequence from `first` on
    private static void extras(String op, AttentionSpec spec, KvView past, int[] lengths, int first) {
        spec.sinks().ifPresent(sinks -> {
            activation(op, "sinks", sinks, 1, "[heads]");
            axis(op, "sinks [heads]", "heads", sinks.dim(0), spec.heads(), "spec");
        });
        if (spec.alignment() instanceof Alignment.Offset(int[] offsets)) {
            oneOrEach(op, "alignment", offsets.length, past.sequences());
        }
        switch (spec.bias()) {
            case Bias.None() -> {}
            case Bias.Alibi(double[] slopes) ->
                axis(op, "slopes [heads]", "heads", slopes.length, spec.heads(), "spec");
            case Bias.Relative(Tensor table, boolean _, int _) ->
                axis(op, "table [buckets, heads]", "heads", table.dim(1), spec.heads(), "spec");
            case Bias.Added(Tensor values) -> broadcast(op, "bias", values, spec, past, lengths, first);
        }
        mask(op, spec.mask(), spec, past, lengths, first);
    }

    private static void mask(String op, Mask mask, AttentionSpec spec, KvView past, int[] lengths, int first) {
        switch (mask) {
            case Mask.Causal(), Mask.Bidirectional(), Mask.Window(int _, int _), Mask.Chunked(int _) -> {}
            case Mask.Prefix(int[] prefixes) -> oneOrEach(op, "prefix lengths", prefixes.length, past.sequences());
            case Mask.Documents(int[][] documents) -> {
                oneOrEach(op, "documents", documents.length, past.sequences());
                for (int s = 0; s < lengths.length; s++) {
                    int[] own = documents[documents.length == 1 ? 0 : first + s];
                    if (own.length < past.length(first + s)) {
                        throw new IllegalArgumentException(op + ": documents of sequence " + (first + s) + " name "
                                + own.length + " positions, past has " + past.length(first + s) + " keys");
                    }
                }
            }
            case Mask.Allowed(Tensor allowed) -> broadcast(op, "mask", allowed, spec, past, lengths, first);
            case Mask.Blocks(var blocks) -> {
                oneOrEach(op, "block mask", blocks.sequences(), past.sequences());
                if (blocks.heads() != 1) {
                    axis(op, "block mask", "heads", blocks.heads(), spec.heads(), "spec");
                }
                for (int s = 0; s < lengths.length; s++) {
                    int context = past.length(first + s);
                    long start = spec.alignment().first(first + s, lengths[s], context);
                    if (lengths[s] > 0 && (start < 0 || Math.max(context, start + lengths[s]) > blocks.positions())) {
                        throw new IllegalArgumentException(op + ": the block mask covers positions 0 to "
                                + (blocks.positions() - 1) + ", sequence " + (first + s) + " has queries at " + start
                                + " to " + (start + lengths[s] - 1) + " and " + context + " keys");
                    }
                }
            }
            case Mask.All(var masks) -> masks.forEach(each -> mask(op, each, spec, past, lengths, first));
        }
    }

    private static void oneOrEach(String op, String name, int found, int sequences) {
        if (found != 1 && found != sequences) {
            throw new IllegalArgumentException(op + ": " + name + " needs one entry, or one for each of the "
                    + sequences + " sequences, got " + found);
        }
    }

    /// The last axes of [sequences, heads, queries, keys], each of the right size or 1; the last may be
    /// shorter.
    private static void broadcast(
            String op, String name, Tensor t, AttentionSpec spec, KvView past, int[] lengths, int first) {
        int rank = t.rank();
        if (rank > 3 && t.dim(-4) != 1) {
            axis(op, name + " [sequences, heads, queries, keys]", "sequences", t.dim(-4), past.sequences(), "past");
        }
        if (rank > 2 && t.dim(-3) != 1) {
            axis(op, name + " [heads, queries, keys]", "heads", t.dim(-3), spec.heads(), "spec");
        }
        for (int s = 0; s < lengths.length; s++) {
            if (rank > 1 && t.dim(-2) != 1 && t.dim(-2) < lengths[s]) {
                axis(op, name + " [queries, keys]", "queries", t.dim(-2), lengths[s], "sequence " + (first + s));
            }
        }
    }

    private static void query(String op, Tensor query, AttentionSpec spec) {
        activation(op, "query", query, 3, "[tokens, heads, headDim]");
        axis(op, "query [tokens, heads, headDim]", "heads", query.dim(1), spec.heads(), "spec");
        axis(op, "query [tokens, heads, headDim]", "headDim", query.dim(2), spec.headDim(), "spec");
    }

    private static void sequence(String op, KvView past, int sequence) {
        if (sequence < 0 || sequence >= past.sequences()) {
            throw new IllegalArgumentException(
                    op + ": sequence " + sequence + " of past, which has " + past.sequences());
        }
    }

    private static void past(String op, KvView past, Tensor like, AttentionSpec spec) {
        switch (past) {
            case KvView.Packed(Tensor key, Tensor value, Sequences rows) -> {
                packed(op, "key", key, like, "[keys, kvHeads, headDim]");
                packed(op, "value", value, like, "[keys, kvHeads, valueDim]");
                axis(op, "key", "keys", key.dim(0), rows.tokens(), "rows");
                axis(op, "value", "keys", value.dim(0), rows.tokens(), "rows");
                axis(op, "key", "kvHeads", key.dim(1), spec.kvHeads(), "spec");
                axis(op, "value", "kvHeads", value.dim(1), spec.kvHeads(), "spec");
                axis(op, "key", "headDim", key.dim(2), spec.headDim(), "spec");
                axis(op, "value", "valueDim", value.dim(2), spec.valueDim(), "spec");
            }
            case KvView.Paged paged -> paged(op, paged, spec.kvHeads(), spec.headDim(), spec.valueDim());
        }
    }

    /// Of the query's type, or of one of 16 bits beside an F32 query.
    private static void packed(String op, String name, Tensor t, Tensor like, String axes) {
        boolean half = t.type() == DType.F16 || t.type() == DType.BF16;
        if (!half || like.type() != DType.F32) {
            type(op, name, t, like.type());
        }
        rows(op, name, t);
        rank(op, name, t, 3, axes);
    }

    private static void paged(String op, KvView.Paged past, int kvHeads, int keyDim, int valueDim) {
        Tensor keys = past.keys();
        Tensor values = past.values();
        storage(op, past);
        rank(op, "keys", keys, 4, "[pages, kvHeads, headDim, PAGE]");
        rank(op, "values", values, 4, "[pages, kvHeads, PAGE, valueDim]");
        axis(op, "keys", "kvHeads", keys.dim(1), kvHeads, "spec");
        axis(op, "keys", "headDim", keys.dim(2), keyDim, "spec");
        axis(op, "keys", "positions of a page", keys.dim(3), KvView.PAGE, "KvView.PAGE");
        axis(op, "values", "pages", values.dim(0), keys.dim(0), "keys");
        axis(op, "values", "kvHeads", values.dim(1), kvHeads, "spec");
        axis(op, "values", "positions of a page", values.dim(2), KvView.PAGE, "KvView.PAGE");
        axis(op, "values", "valueDim", values.dim(3), valueDim, "spec");
        past.scales().ifPresent(scales -> {
            scales(op, "scales of keys", scales.keys(), keys);
            scales(op, "scales of values", scales.values(), keys);
        });
        axis(op, "table", "sequences", past.table().length, past.sequences(), "lengths");
        for (int s = 0; s < past.sequences(); s++) {
            int pages = Math.ceilDiv(past.length(s), KvView.PAGE);
            int[] table = past.table()[s];
            boolean holds = past.ring() ? pages == 0 || table.length > 0 : table.length >= pages;
            if (past.length(s) < 0 || !holds) {
                throw new IllegalArgumentException(op + ": sequence " + s + " of length " + past.length(s) + " needs "
                        + pages + " pages, its block table has " + table.length);
            }
            for (int p = 0; p < Math.min(pages, table.length); p++) {
                if (table[p] < 0 || table[p] >= keys.dim(0)) {
                    throw new IllegalArgumentException(op + ": the block table of sequence " + s + " names page "
                            + table[p] + ", there are " + keys.dim(0));
                }
            }
        }
    }

    /// Pages are of one type, and have scales if that is I8.
    private static void storage(String op, KvView.Paged past) {
        DType type = past.keys().type();
        boolean fits = switch (type) {
            case F64, F32, F16, BF16 -> past.scales().isEmpty();
            case I8 -> past.scales().isPresent();
            default -> false;
        };
        if (!fits || past.values().type() != type) {
            throw new IllegalArgumentException(op + ": pages must be F32, F16, BF16 or F64 without scales, or I8 with"
                    + " scales, keys and values alike; found keys " + past.keys() + " and values " + past.values()
                    + (past.scales().isPresent() ? " with scales" : " without scales"));
        }
        rows(op, "keys", past.keys());
        rows(op, "values", past.values());
    }

    private static void scales(String op, String name, Tensor t, Tensor keys) {
        type(op, name, t, DType.F32);
        rank(op, name, t, 3, "[pages, kvHeads, PAGE]");
        axis(op, name, "pages", t.dim(0), keys.dim(0), "keys");
        axis(op, name, "kvHeads", t.dim(1), keys.dim(1), "keys");
        axis(op, name, "positions of a page", t.dim(2), KvView.PAGE, "KvView.PAGE");
    }

    /// A ring still holds every key that the last `queries` tokens of a sequence may see.
    private static void ring(String op, KvView past, int sequence, int queries, AttentionSpec spec) {
        if (!(past instanceof KvView.Paged paged) || queries == 0) {
            return;
        }
        int held = paged.firstHeld(sequence);
        int context = past.length(sequence);
        int lowest = lowest(spec.mask(), sequence, spec.alignment().first(sequence, queries, context));
        if (lowest < held) {
            throw new IllegalArgumentException(op + ": the ring of sequence " + sequence + " holds "
                    + (context - held) + " positions, from " + held + " on, but its " + queries
                    + " queries may see keys from " + lowest + " on; it needs " + (context - lowest)
                    + " positions, in whole pages of " + KvView.PAGE
                    + ": give it more pages, or fewer queries at a time");
        }
    }

    /// A key position below which no query from `position` on sees anything.
    private static int lowest(Mask mask, int sequence, int position) {
        return switch (mask) {
            case Mask.Interval interval -> Math.max(0, interval.from(sequence, position));
            case Mask.All(var masks) -> {
                int lowest = 0;
                for (Mask each : masks) {
                    lowest = Math.max(lowest, lowest(each, sequence, position));
                }
                yield lowest;
            }
            case Mask.Documents _, Mask.Allowed _, Mask.Blocks _ -> 0;
        };
    }

    // Softmax and loss

    /// x [.., n], at least one axis.
    public static void softmax(Tensor x) {
        lastAxis("softmax", x);
    }

    /// y and dOut of one type and shape.
    public static void softmaxAdjoint(Tensor y, Tensor dOut) {
        lastAxis("softmax adjoint", y);
        like("softmax adjoint", "dOut", dOut, "y", y);
    }

    /// logits [tokens, vocab], targets I32 [tokens], below vocab; negative ones are ignored.
    public static void crossEntropy(Tensor logits, Tensor targets) {
        activation("crossEntropy", "logits", logits, 2, "[tokens, vocab]");
        integers("crossEntropy", "targets", targets, "[tokens]");
        axis("crossEntropy", "targets [tokens]", "tokens", targets.dim(0), logits.dim(0), "logits");
        for (long i = 0; i < targets.size(); i++) {
            index("crossEntropy", "targets", Math.max(0, targets.intAt(i)), "vocab", logits.dim(1));
        }
    }

    /// As [#crossEntropy], dLoss [tokens].
    public static void crossEntropyAdjoint(Tensor logits, Tensor targets, Tensor dLoss) {
        crossEntropy(logits, targets);
        activation("crossEntropy adjoint", "dLoss", dLoss, 1, "[tokens]");
        type("crossEntropy adjoint", "dLoss", dLoss, logits.type());
        axis("crossEntropy adjoint", "dLoss", "tokens", dLoss.dim(0), logits.dim(0), "logits");
    }

    private static void lastAxis(String op, Tensor x) {
        activation(op, "x", x);
        if (x.rank() == 0) {
            throw new IllegalArgumentException(op + ": x must have a last axis, found a scalar");
        }
    }

    // Single facts

    /// `t` has this element type.
    public static void type(String op, String name, Tensor t, DType wanted) {
        if (t.type() != wanted) {
            throw new IllegalArgumentException(op + ": " + name + " must be " + wanted + ", found " + t);
        }
    }

    /// `t` is F32 or F64, in rows.
    static void activation(String op, String name, Tensor t) {
        if (t.type() != DType.F32 && t.type() != DType.F64) {
            throw new IllegalArgumentException(op + ": " + name + " must be F32 or F64, found " + t);
        }
        rows(op, name, t);
    }

    static void activation(String op, String name, Tensor t, int rank, String axes) {
        activation(op, name, t);
        rank(op, name, t, rank, axes);
    }

    static void real(String op, String name, Tensor t, int rank, String axes) {
        if (!t.type().isReal()) {
            throw new IllegalArgumentException(op + ": " + name + " must hold real numbers, found " + t);
        }
        rank(op, name, t, rank, axes);
    }

    public static void rows(String op, String name, Tensor t) {
        if (t.layout() != Layout.ROWS) {
            throw new IllegalArgumentException(op + ": " + name + " must be in rows, found " + t + "");
        }
    }

    private static void rank(String op, String name, Tensor t, int rank, String axes) {
        if (t.rank() != rank) {
            throw new IllegalArgumentException(op + ": " + name + " must be " + axes + ", found " + t);
        }
    }

    /// A parameter with one axis, of any real type.
    static void vector(String op, String name, Tensor t, String axis, int wanted, String from) {
        real(op, name, t, 1, "a vector");
        rows(op, name, t);
        axis(op, name, axis, t.dim(0), wanted, from);
    }

    private static void accumulator(String op, String name, Tensor t, String axis, int wanted, String from) {
        activation(op, name, t, 1, "a vector");
        axis(op, name, axis, t.dim(0), wanted, from);
    }

    static void axis(String op, String name, String axis, int found, int wanted, String from) {
        if (found != wanted) {
            throw new IllegalArgumentException(
                    op + ": " + axis + " of " + name + " must be " + wanted + " as in " + from + ", found " + found);
        }
    }

    static void shape(String op, String name, Tensor t, String wantedName, Tensor wanted) {
        if (!t.shape().equals(wanted.shape())) {
            throw new IllegalArgumentException(op + ": " + name + " must have the shape " + wanted.shape() + " of "
                    + wantedName + ", found " + t.shape());
        }
    }

    static void like(String op, String name, Tensor t, String wantedName, Tensor wanted) {
        type(op, name, t, wanted.type());
        rows(op, name, t);
        shape(op, name, t, wantedName, wanted);
    }

    private static void integers(String op, String name, Tensor t, String axes) {
        type(op, name, t, DType.I32);
        rank(op, name, t, 1, axes);
    }

    static void indices(String op, String name, Tensor t, String axes, String axis, int limit) {
        integers(op, name, t, axes);
        for (long i = 0; i < t.size(); i++) {
            index(op, name, t.intAt(i), axis, limit);
        }
    }

    private static void index(String op, String name, int found, String axis, int limit) {
        if (found < 0 || found >= limit) {
            throw new IllegalArgumentException(op + ": " + name + " must be from 0 to " + (limit - 1) + " (" + axis
                    + " is " + limit + "), found " + found);
        }
    }
}
