package clearhead.inspect;

import clearhead.nn.Probe;
import clearhead.ops.AttentionSpec;
import clearhead.ops.KvView;
import clearhead.tensor.DType;
import clearhead.tensor.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;

/// The attention pattern of one layer and one sequence, rebuilt row by row or tile by tile when
/// somebody looks: weight = exp(score − lse). Keeps query, keys, values and lse of the run, so
/// memory grows linearly with the text; the run itself is not changed by a bit.
///
/// Products are summed in double; what is left is the rounding of the run's own `lse`.
public final class PatternRows {
    private final AttentionSpec spec;
    private final Tensor query;
    private final Tensor key;
    private final Tensor value;
    private final Tensor lse;
    private final Tensor out;
    private final int sequence;
    private final Cuts cuts;

    /// @param query [queries, heads, headDim], rotated
    /// @param key [context, kvHeads, headDim], rotated
    /// @param value [context, kvHeads, valueDim]
    /// @param lse [heads, queries]
    /// @param out [queries, heads, headDim]: Σ weight·value as the run computed it
    /// @param sequence its number in the run's pass
    /// @param cuts cells that queries do not see, though the mask lets them
    private PatternRows(
            AttentionSpec spec,
            Tensor query,
            Tensor key,
            Tensor value,
            Tensor lse,
            Tensor out,
            int sequence,
            Cuts cuts) {
        this.spec = spec;
        this.query = query;
        this.key = key;
        this.value = value;
        this.lse = lse;
        this.out = out;
        this.sequence = sequence;
        this.cuts = cuts;
    }

    /// Copies what one sequence of a pass needs, so that it outlives the pass.
    ///
    /// @param sequence number of the sequence in the pass
    /// @param arena owner of the copies
    public static PatternRows copy(Probe.Attention attention, int sequence, Arena arena) {
        PatternRows view = of(attention, sequence, arena);
        return new PatternRows(
                view.spec,
                view.query.copy(arena),
                attention.past() instanceof KvView.Packed ? view.key.copy(arena) : view.key,
                attention.past() instanceof KvView.Packed ? view.value.copy(arena) : view.value,
                view.lse,
                view.out.copy(arena),
                sequence,
                Cuts.NONE);
    }

    /// A copy of all that it is made of.
    ///
    /// @param arena owner of the copies
    PatternRows copy(Arena arena) {
        return new PatternRows(
                spec,
                query.copy(arena),
                key.copy(arena),
                value.copy(arena),
                lse.copy(arena),
                out.copy(arena),
                sequence,
                cuts);
    }

    /// The same layer with cells cut out. Rows that lose a key get a new lse and a new Σ
    /// weight·value; all others stay as they are, bit for bit. Without the keys that are gone, whose
    /// weights sum to W, the row is (out − Σ weight·value)/(1 − W); where they had more than half of
    /// it, it is summed anew, since little would be left of its digits.
    ///
    /// @param newLse [heads, queries], a copy of the run's, which is changed
    /// @param newOut [queries, heads, headDim], a copy of the run's, which is changed
    PatternRows cut(Cuts cut, Tensor newLse, Tensor newOut) {
        var changed = new PatternRows(spec, query, key, value, newLse, newOut, sequence, cut);
        for (int head = 0; head < spec.heads(); head++) {
            for (int i = 0; i < queries(); i++) {
                List<Integer> keys = cut.keys(head, position(i));
                if (!keys.isEmpty()) {
                    cutRow(cut, changed, head, i, keys);
                }
            }
        }
        return changed;
    }

    private void cutRow(Cuts cut, PatternRows changed, int head, int i, List<Integer> keys) {
        double rowLse = lse.at((long) head * queries() + i);
        double[] z = out(head, i);
        double gone = 0; // of the weights: what the rest takes over
        for (int p : keys) {
            double weight = weight(scores(head, i, p, p + 1)[0], rowLse);
            double[] v = value(head, p);
            for (int e = 0; e < z.length; e++) {
                z[e] -= weight * v[e];
            }
            gone += cut.renormalises(head, position(i), p) ? weight : 0;
        }
        if (gone <= 0.5) {
            for (int e = 0; e < z.length; e++) {
                z[e] /= 1 - gone;
            }
            rowLse += Math.log1p(-gone);
        } else {
            double[] scores = scores(head, i);
            for (int p : keys) {
                if (cut.renormalises(head, position(i), p)) {
                    scores[p] = Double.NEGATIVE_INFINITY;
                }
            }
            rowLse = NextTokens.lse(scores);
        }
        changed.lse.set((long) head * queries() + i, rowLse);
        if (gone > 0.5) {
            z = changed.weighed(changed.row(head, i));
        }
        for (int e = 0; e < z.length; e++) {
            changed.out.set(((long) i * spec.heads() + head) * z.length + e, z[e]);
        }
    }

    /// A view that is valid as long as the pass's own memory, which is during [Probe#attended].
    ///
    /// @param arena owner of the little that must be copied all the same
    public static PatternRows of(Probe.Attention attention, int sequence, Arena arena) {
        var queries = attention.queries();
        int from = queries.start(sequence);
        int to = queries.start(sequence + 1);
        Tensor key;
        Tensor value;
        switch (attention.past()) {
            case KvView.Packed packed -> {
                int first = packed.rows().start(sequence);
                int end = packed.rows().start(sequence + 1);
                key = packed.key().rows(first, end);
                value = packed.value().rows(first, end);
            }
            case KvView.Paged paged -> {
                var spec = attention.spec();
                key = gather(paged, sequence, spec.kvHeads(), spec.headDim(), arena, paged::key);
                value = gather(paged, sequence, spec.kvHeads(), spec.valueDim(), arena, paged::value);
            }
        }
        return new PatternRows(
                attention.spec(),
                attention.query().rows(from, to),
                key,
                value,
                columns(attention.result().lse(), from, to, arena),
                attention.result().out().rows(from, to),
                sequence,
                Cuts.NONE);
    }

    /// Columns `from` to `to` of every row.
    private static Tensor columns(Tensor t, int from, int to, Arena arena) {
        int rows = t.dim(0);
        Tensor part = Tensor.zeros(arena, t.type(), rows, to - from);
        long width = t.type().bytes(t.dim(1));
        long bytes = t.type().bytes(to - from);
        for (int row = 0; row < rows; row++) {
            MemorySegment.copy(t.data(), row * width + t.type().bytes(from), part.data(), row * bytes, bytes);
        }
        return part;
    }

    /// One element of the keys or values of a cache.
    @FunctionalInterface
    private interface Element {
        double at(int sequence, int kvHead, int position, int i);
    }

    /// What the pass reads from a cache, as it is stored there; zeros where a ring holds it no longer.
    ///
    /// @return [context, kvHeads, dim]
    private static Tensor gather(KvView.Paged past, int sequence, int kvHeads, int dim, Arena arena, Element element) {
        int context = past.length(sequence);
        var type = past.keys().type() == DType.F64 ? DType.F64 : DType.F32;
        Tensor rows = Tensor.zeros(arena, type, context, kvHeads, dim);
        for (int position = past.firstHeld(sequence); position < context; position++) {
            for (int kvHead = 0; kvHead < kvHeads; kvHead++) {
                long target = ((long) position * kvHeads + kvHead) * dim;
                for (int i = 0; i < dim; i++) {
                    rows.set(target + i, element.at(sequence, kvHead, position, i));
                }
            }
        }
        return rows;
    }

    /// Σ weight·value of all rows.
    ///
    /// @return [queries, heads, headDim]
    Tensor out() {
        return out;
    }

    public AttentionSpec spec() {
        return spec;
    }

    /// Memory of query, key, value, lse and out.
    long bytes() {
        long sum = 0;
        for (Tensor t : new Tensor[] {query, key, value, lse, out}) {
            sum += t.data().byteSize();
        }
        return sum;
    }

    boolean isOut(Tensor z) {
        return z.data().address() == out.data().address();
    }

    /// The row's log-sum-exp.
    double lse(int head, int queryRow) {
        return lse.at((long) head * queries() + queryRow);
    }

    /// Keys that the query at a position does not see, though the mask lets it.
    List<Integer> cutKeys(int head, int position) {
        return cuts.keys(head, position);
    }

    /// Query vectors of one head, from row `from` on.
    ///
    /// @param into [rows, headDim]
    void copyQueries(int head, int from, Tensor into) {
        copy(query, head, from, into);
    }

    /// Key vectors that one query head reads, from position `from` on.
    ///
    /// @param into [keys, headDim]
    void copyKeys(int head, int from, Tensor into) {
        copy(key, spec.kvHead(head), from, into);
    }

    /// Value vectors that one query head reads, all of them.
    ///
    /// @param into [context, headDim]
    void copyValues(int head, Tensor into) {
        copy(value, spec.kvHead(head), 0, into);
    }

    private static void copy(Tensor t, int head, int from, Tensor into) {
        long bytes = t.type().bytes(t.dim(2));
        long row = bytes * t.dim(1);
        for (int r = 0; r < into.dim(0); r++) {
            MemorySegment.copy(t.data(), (from + r) * row + head * bytes, into.data(), r * bytes, bytes);
        }
    }

    /// q·k·scale of all queries with one key, −∞ where masked.
    ///
    /// @return [queries]
    double[] column(int head, int keyPosition) {
        double[] k = key(head, keyPosition);
        var column = new double[queries()];
        for (int i = 0; i < column.length; i++) {
            column[i] = sees(head, i, keyPosition)
                    ? score(Elements.dot(query(head, i), k), head, i, keyPosition)
                    : Double.NEGATIVE_INFINITY;
        }
        return column;
    }

    /// Whether a query sees a key, and the edge between them is not cut.
    private boolean sees(int head, int queryRow, int key) {
        int position = position(queryRow);
        return spec.mask().sees(sequence, head, queryRow, position, key) && !cuts.cuts(head, position, key);
    }

    /// What the layer makes of a product q·k before the softmax; −∞ where the query does not see the
    /// key.
    double score(double product, int head, int queryRow, int key) {
        int position = position(queryRow);
        return cuts.cuts(head, position, key)
                ? Double.NEGATIVE_INFINITY
                : spec.score(product, sequence, head, queryRow, position, key);
    }

    /// Query rows of this sequence.
    public int queries() {
        return query.dim(0);
    }

    /// Keys of this sequence.
    public int context() {
        return key.dim(0);
    }

    /// Position of a query row in its sequence.
    public int position(int queryRow) {
        return spec.alignment().first(sequence, queries(), context()) + queryRow;
    }

    /// Keys that a row may see by its kind of mask: itself and those before it, or all where tokens see each
    /// other in both directions.
    public int visible(int queryRow) {
        return AttentionMap.causal(this) ? position(queryRow) + 1 : context();
    }

    /// One row: scores, weights and their lse.
    public AttentionRow row(int head, int queryRow) {
        double[] scores = scores(head, queryRow);
        double rowLse = lse.at((long) head * queries() + queryRow);
        var weights = new double[scores.length];
        for (int k = 0; k < weights.length; k++) {
            weights[k] = weight(scores[k], rowLse);
        }
        return new AttentionRow(head, queryRow, scores, weights, rowLse);
    }

    private static double weight(double score, double rowLse) {
        return score == Double.NEGATIVE_INFINITY ? 0 : Math.exp(score - rowLse);
    }

    /// q·k·scale of one row, −∞ where masked.
    ///
    /// @return [context]
    public double[] scores(int head, int queryRow) {
        return scores(head, queryRow, 0, context());
    }

    private double[] scores(int head, int queryRow, int fromKey, int toKey) {
        double[] q = query(head, queryRow);
        int headDim = spec.headDim();
        int kvHead = spec.kvHead(head);
        var k = new double[headDim];
        var scratch = new float[headDim];
        var scores = new double[toKey - fromKey];
        for (int p = fromKey; p < toKey; p++) {
            if (sees(head, queryRow, p)) {
                Elements.read(key, ((long) p * spec.kvHeads() + kvHead) * headDim, k, scratch);
                scores[p - fromKey] = score(Elements.dot(q, k), head, queryRow, p);
            } else {
                scores[p - fromKey] = Double.NEGATIVE_INFINITY;
            }
        }
        return scores;
    }

    /// Weights of a rectangle of the pattern.
    ///
    /// @param fromQuery first query row; `toQuery` is exclusive
    /// @param fromKey first key; `toKey` is exclusive
    /// @return [queries, keys], row-major
    public float[] tile(int head, int fromQuery, int toQuery, int fromKey, int toKey) {
        int width = toKey - fromKey;
        var tile = new float[Math.multiplyExact(toQuery - fromQuery, width)];
        for (int i = fromQuery; i < toQuery; i++) {
            double rowLse = lse.at((long) head * queries() + i);
            double[] scores = scores(head, i, fromKey, toKey);
            for (int k = 0; k < width; k++) {
                tile[(i - fromQuery) * width + k] = (float) weight(scores[k], rowLse);
            }
        }
        return tile;
    }

    /// Σ weight·value of one row, from the rebuilt weights.
    ///
    /// @return [headDim]
    public double[] weighed(AttentionRow row) {
        int valueDim = spec.valueDim();
        int kvHead = spec.kvHead(row.head());
        var sum = new double[valueDim];
        var v = new double[valueDim];
        var scratch = new float[valueDim];
        for (int p = 0; p < context(); p++) {
            double weight = row.weights()[p];
            if (weight != 0) {
                Elements.read(value, ((long) p * spec.kvHeads() + kvHead) * valueDim, v, scratch);
                for (int e = 0; e < valueDim; e++) {
                    sum[e] += weight * v[e];
                }
            }
        }
        return sum;
    }

    /// The query vector of one row, rotated.
    ///
    /// @return [headDim]
    public double[] query(int head, int queryRow) {
        return Elements.head(query, queryRow, head);
    }

    /// The key vector that query head `head` reads at a position, rotated.
    ///
    /// @return [headDim]
    public double[] key(int head, int position) {
        return Elements.head(key, position, spec.kvHead(head));
    }

    /// The value vector that query head `head` reads at a position.
    ///
    /// @return [headDim]
    public double[] value(int head, int position) {
        return Elements.head(value, position, spec.kvHead(head));
    }

    /// Σ weight·value of one row, as the run computed it.
    ///
    /// @return [headDim]
    public double[] out(int head, int queryRow) {
        return Elements.head(out, queryRow, head);
    }

    /// Compares rebuilt weights·values with the run's own.
    ///
    /// @param most how many query rows to compare at most, evenly spread, the last one among them
    public Parity parity(int head, int most) {
        int rows = Math.min(most, queries());
        double difference = 0;
        double largest = 0;
        for (int n = 0; n < rows; n++) {
            int i = queries() - 1 - (int) ((long) n * queries() / rows);
            double[] run = out(head, i);
            double[] rebuilt = weighed(row(head, i));
            difference = Math.max(difference, Elements.largestDifference(rebuilt, run));
            largest = Math.max(largest, Elements.largest(run));
        }
        return new Parity(difference, largest, rows, queries());
    }
}
