package clearhead.nn;

import clearhead.ops.AttentionSpec;
import clearhead.ops.KvView;
import clearhead.ops.Ops;
import clearhead.ops.Sequences;
import clearhead.tensor.Tensor;
import java.lang.foreign.MemorySegment;

/// Multi-head attention: softmax(q·kᵀ·scale)·v, heads side by side, then ·Wo. Vaswani et al. 2017,
/// arXiv:1706.03762, section 3.2; grouped key and value heads, Ainslie et al. 2023,
/// arXiv:2305.13245.
///
/// @param before head norms before rotation
/// @param after head norms after rotation
/// @param output [dim, heads·valueDim]
public record Attention(
        AttentionSpec spec,
        Projections projections,
        HeadNorms before,
        Positions positions,
        HeadNorms after,
        OutputGate gate,
        Linear output)
        implements Mixer {

    /// A matrix each for queries, keys and values; no head norms, no gate.
    ///
    /// @param query [heads·headDim, dim]
    /// @param key [kvHeads·headDim, dim]
    /// @param value [kvHeads·valueDim, dim]
    public Attention(AttentionSpec spec, Positions positions, Linear query, Linear key, Linear value, Linear output) {
        this(
                spec,
                new Projections.Separate(query, key, value),
                HeadNorms.NONE,
                positions,
                HeadNorms.NONE,
                OutputGate.NONE,
                output);
    }

    public Attention withSpec(AttentionSpec other) {
        return new Attention(other, projections, before, positions, after, gate, output);
    }

    public Attention withPositions(Positions other) {
        return new Attention(spec, projections, before, other, after, gate, output);
    }

    public Attention withNormsBefore(HeadNorms norms) {
        return new Attention(spec, projections, norms, positions, after, gate, output);
    }

    public Attention withNormsAfter(HeadNorms norms) {
        return new Attention(spec, projections, before, positions, norms, gate, output);
    }

    public Attention withGate(OutputGate other) {
        return new Attention(spec, projections, before, positions, after, other, output);
    }

    @Override
    public Tensor forward(ForwardPass pass, int layer, Tensor x) {
        if (projections instanceof Projections.Borrowed borrowed) {
            var q = before.query()
                    .forward(
                            pass,
                            borrowed.query().forward(pass, x).reshape(pass.tokens(), spec.heads(), spec.headDim()));
            q = pass.tap(Site.Q_PRE, layer, q);
            q = pass.tap(Site.Q, layer, after.query().forward(pass, positions.rotate(pass, q)));
            return leave(pass, layer, x, q, pass.keyValues().seen(borrowed.source()));
        }
        var made = project(pass, x);
        var q = pass.tap(Site.Q_PRE, layer, made.query());
        var k = pass.tap(Site.K_PRE, layer, made.key());
        q = after.query().forward(pass, positions.rotate(pass, q));
        k = after.key().forward(pass, positions.rotate(pass, k));
        q = pass.tap(Site.Q, layer, q);
        k = pass.tap(Site.K, layer, k);
        var v = pass.tap(Site.V, layer, after.value().forward(pass, made.value()));
        KvView past = pass.keyValues().append(pass.ops(), layer, k, v, pass.sequences());
        return leave(pass, layer, x, q, past);
    }

    /// From rotated queries to what the layer adds.
    private Tensor leave(ForwardPass pass, int layer, Tensor x, Tensor q, KvView past) {
        int tokens = pass.tokens();
        var z = pass.tap(Site.Z, layer, attend(pass, layer, q, past)); // [tokens, heads, valueDim]
        z = gate.forward(pass, x, z.reshape(tokens, spec.heads() * spec.valueDim()));
        return output.forward(pass, z);
    }

    /// The three matrices, where there are three.
    ///
    /// @throws IllegalArgumentException if queries, keys and values come otherwise
    public Projections.Separate separate() {
        if (projections instanceof Projections.Separate separate) {
            return separate;
        }
        throw new IllegalArgumentException("queries, keys and values of this model do not come from a matrix each but"
                + " from " + projections.getClass().getSimpleName() + ", which cannot be written out");
    }

    /// Queries, keys and values before rotation, head norms done.
    ///
    /// @param x [tokens, dim], after its norm
    public Projections.Made project(ForwardPass pass, Tensor x) {
        return before.forward(pass, projections.make(pass, spec, x));
    }

    /// @param q [tokens, heads, headDim]
    /// @return [tokens, heads, valueDim]
    private Tensor attend(ForwardPass pass, int layer, Tensor q, KvView past) {
        Probe probe = pass.probe();
        var scores = probe.wants(Site.SCORES, layer);
        var pattern = probe.wants(Site.PATTERN, layer);
        if (scores == Probe.Interest.REPLACE || pattern == Probe.Interest.REPLACE) {
            return attendPlainly(pass, layer, q, past);
        }
        var dropping =
                pass.dropout().isNone() ? spec : spec.withDropout(pass.dropout().of(layer));
        var attended = pass.ops().attention(q, pass.sequences(), past, dropping);
        if (scores == Probe.Interest.READ || pattern == Probe.Interest.READ) {
            probe.attended(layer, new Probe.Attention(q, pass.sequences(), past, spec, attended));
        }
        return attended.out();
    }

    /// The same by whole matrices, so that a probe can change them.
    private Tensor attendPlainly(ForwardPass pass, int layer, Tensor q, KvView past) {
        if (!spec.dropout().isNone()) {
            throw new UnsupportedOperationException("scores and patterns of layer " + layer
                    + " cannot be changed in training: it drops weights, which the plain softmax does not");
        }
        Ops ops = pass.ops();
        Sequences sequences = pass.sequences();
        var z = ops.workspace().take(q.type(), q.dim(0), spec.heads(), spec.valueDim());
        for (int s = 0; s < sequences.count(); s++) {
            int from = sequences.start(s);
            int to = sequences.start(s + 1);
            var scores = ops.scores(q.rows(from, to), past, s, spec); // [heads, queries, context]
            scores = pass.tap(Site.SCORES, layer, scores);
            var pattern = pass.tap(Site.PATTERN, layer, pattern(ops, scores));
            var out = ops.weigh(pattern, past, s, spec); // [queries, heads, valueDim]
            z.rows(from, to).data().copyFrom(out.data());
        }
        return z;
    }

    /// softmax(scores); a head's sink takes part as one key more, whose weight is then left out.
    ///
    /// @param scores [heads, queries, context]
    private Tensor pattern(Ops ops, Tensor scores) {
        if (spec.sinks().isEmpty()) {
            return ops.softmax(scores);
        }
        int heads = scores.dim(0);
        int queries = scores.dim(1);
        int context = scores.dim(2);
        long rowBytes = scores.type().bytes(context);
        long longer = scores.type().bytes(context + 1);
        Tensor with = ops.workspace().take(scores.type(), heads, queries, context + 1);
        for (long row = 0; row < (long) heads * queries; row++) {
            MemorySegment.copy(scores.data(), row * rowBytes, with.data(), row * longer, rowBytes);
            with.set(row * (context + 1) + context, spec.sinks().get().at(row / queries));
        }
        Tensor weights = ops.softmax(with);
        Tensor pattern = ops.workspace().take(scores.type(), heads, queries, context);
        for (long row = 0; row < (long) heads * queries; row++) {
            MemorySegment.copy(weights.data(), row * longer, pattern.data(), row * rowBytes, rowBytes);
        }
        return pattern;
    }
}
