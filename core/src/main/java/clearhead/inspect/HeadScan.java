package clearhead.inspect;

import clearhead.nn.Attention;
import clearhead.nn.Block;
import clearhead.nn.OutputGate;
import clearhead.nn.Transformer;
import clearhead.ops.Ops;
import clearhead.tensor.DType;
import clearhead.tensor.Tensor;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.concurrent.CancellationException;
import java.util.stream.IntStream;

/// Every head of a run, measured. Rows stream by, some at a time, in float32 by the backend's own product
/// and softmax; sums are taken in double. Memory is linear in the text, time quadratic: once attention
/// over.
///
/// @param position where direct effects are taken: the token after which is predicted
/// @param predicted what the model predicts there
/// @param heads layer by layer
/// @param uniform what a head would score that gives all keys the same weight
/// @param rows how many rows each metric is a mean of; the same for all heads
public record HeadScan(
        int tokens,
        int position,
        int predicted,
        List<HeadMetrics> heads,
        HeadMetrics uniform,
        Map<HeadMetric, Integer> rows) {
    private static final int STRIP = 1 << 21;

    public HeadScan {
        heads = List.copyOf(heads);
        rows = Collections.unmodifiableMap(new EnumMap<>(rows));
    }

    /// Measures every head, with direct effects on what is predicted after the last token.
    public static HeadScan of(Run run, Ops ops) {
        return of(run, ops, run.tokens() - 1, Run.Progress.NONE);
    }

    /// Measures every head.
    ///
    /// @param position token after which is predicted, for the direct effect
    /// @param progress told after every layer, and asked whether to go on
    public static HeadScan of(Run run, Ops ops, int position, Run.Progress progress) {
        if (position < 0 || position >= run.tokens()) {
            throw new IllegalArgumentException("position: wanted 0 to " + (run.tokens() - 1) + ", got " + position);
        }
        int layers = run.model().layers();
        run.model().requireAttention();
        List<Integer> attending = run.model().attentionLayers();
        var text = new RowSums.Text(run.ids(), AttentionMap.causal(run.pattern(attending.getFirst())));
        RowSums flat = RowSums.uniform(text);
        int predicted = NextTokens.top(run.logits(ops, position), 1).getFirst().id();
        double[][] effects = effects(run, ops, position, predicted);
        var heads = new ArrayList<HeadMetrics>();
        for (int layer : attending) {
            PatternRows pattern = run.pattern(layer);
            for (int head = 0; head < pattern.spec().heads(); head++) {
                RowSums sums = sums(pattern, ops, text, head);
                Map<HeadMetric, Double> values = sums.means();
                if (writesThroughWo(run.model(), layer)) {
                    values.put(HeadMetric.OUTPUT_NORM, outputNorm(run, ops, layer, head));
                }
                putEffect(values, effects[layer][head]);
                heads.add(new HeadMetrics(layer, head, values, sums.evidence(flat)));
            }
            if (!progress.layer(layer + 1, layers)) {
                throw new CancellationException("cancelled after layer " + layer);
            }
        }
        Map<HeadMetric, Integer> rows = flat.rows();
        rows.put(HeadMetric.OUTPUT_NORM, run.tokens());
        rows.put(HeadMetric.DIRECT_EFFECT, 1);
        var uniform = new HeadMetrics(-1, -1, flat.means(), flat.evidence(flat));
        return new HeadScan(run.tokens(), position, predicted, heads, uniform, rows);
    }

    private static void putEffect(Map<HeadMetric, Double> values, double effect) {
        if (!Double.isNaN(effect)) {
            values.put(HeadMetric.DIRECT_EFFECT, effect);
        }
    }

    /// Whether what a head adds to the residual is z·Wo and nothing else: no gate, no norm, no factor.
    private static boolean writesThroughWo(Transformer model, int layer) {
        Block block = model.blocks().get(layer);
        return model.attention(layer).gate() instanceof OutputGate.None && block.addsAsWritten();
    }

    /// One head.
    public HeadMetrics head(int layer, int head) {
        return heads.stream()
                .filter(h -> h.layer() == layer && h.head() == head)
                .findFirst()
                .orElseThrow(() -> new IllegalArgumentException("there is no layer " + layer + ", head " + head));
    }

    /// The same with the direct effects on what is predicted after another token.
    public HeadScan after(Run run, Ops ops, int at) {
        if (at < 0 || at >= tokens || run.tokens() != tokens) {
            throw new IllegalArgumentException("position: wanted 0 to " + (tokens - 1) + ", got " + at);
        }
        int next = NextTokens.top(run.logits(ops, at), 1).getFirst().id();
        double[][] effects = effects(run, ops, at, next);
        var changed = new ArrayList<HeadMetrics>();
        for (HeadMetrics h : heads) {
            var values = new EnumMap<HeadMetric, Double>(h.values());
            putEffect(values, effects[h.layer()][h.head()]);
            changed.add(new HeadMetrics(h.layer(), h.head(), values, h.evidence()));
        }
        return new HeadScan(tokens, at, next, changed, uniform, rows);
    }

    /// The same with one more metric of each head.
    ///
    /// @param from a scan of another text by the same model
    HeadScan with(HeadMetric metric, HeadScan from, HeadMetric source) {
        var more = new ArrayList<HeadMetrics>();
        for (HeadMetrics h : heads) {
            var values = new EnumMap<HeadMetric, Double>(HeadMetric.class);
            values.putAll(h.values());
            from.head(h.layer(), h.head()).value(source).ifPresent(v -> values.put(metric, v));
            more.add(new HeadMetrics(h.layer(), h.head(), values, h.evidence()));
        }
        var flat = new EnumMap<HeadMetric, Double>(HeadMetric.class);
        flat.putAll(uniform.values());
        from.uniform.value(source).ifPresent(v -> flat.put(metric, v));
        var counts = new EnumMap<HeadMetric, Integer>(HeadMetric.class);
        counts.putAll(rows);
        counts.put(metric, from.rows.getOrDefault(source, 0));
        return new HeadScan(
                tokens, position, predicted, more, new HeadMetrics(-1, -1, flat, uniform.evidence()), counts);
    }

    private static RowSums sums(PatternRows pattern, Ops ops, RowSums.Text text, int head) {
        var sums = new RowSums(text);
        int tokens = text.tokens();
        int from = 0;
        while (from < tokens) {
            // Rows see keys up to the last of them: few rows at a time waste little.
            int count = Math.clamp(STRIP / text.keys(from), 1, Math.min(128, tokens - from));
            int keys = text.keys(from + count - 1);
            long mark = ops.workspace().mark();
            try {
                RowStrip strip = RowStrip.of(pattern, ops, head, from, from + count, keys);
                int first = from;
                IntStream.range(0, count)
                        .parallel()
                        .forEach(r -> sums.row(
                                first + r,
                                strip.weights(),
                                strip.scores(),
                                r * keys,
                                pattern.lse(head, first + r),
                                pattern.cutKeys(head, first + r).size()));
            } finally {
                ops.workspace().release(mark);
            }
            from += count;
        }
        return sums;
    }

    /// [layers][heads]; NaN where what heads write cannot be told apart
    private static double[][] effects(Run run, Ops ops, int position, int predicted) {
        var effects = new double[run.model().layers()][];
        for (int layer : run.model().attentionLayers()) {
            effects[layer] = new double[run.pattern(layer).spec().heads()];
            Arrays.fill(effects[layer], Double.NaN);
        }
        if (!Contributions.possible(run.model())) {
            return effects;
        }
        for (Contributions.Part part : Contributions.of(run, ops, position, predicted, OptionalInt.empty())
                .parts()) {
            if (part.kind() == Contributions.Kind.HEAD) {
                effects[part.layer()][part.head()] = part.value();
            }
        }
        return effects;
    }

    /// ‖z·Wo‖ by the products of Wo's columns with each other, which are headDim × headDim.
    private static double outputNorm(Run run, Ops ops, int layer, int head) {
        Attention attention = run.model().attention(layer);
        int headDim = attention.spec().valueDim();
        long mark = ops.workspace().mark();
        try {
            Tensor columns = HeadOutput.columns(attention, ops, head); // [headDim, dim]
            Tensor gram = ops.linear(columns, columns); // [headDim, headDim]
            Tensor all = run.z(layer);
            Tensor z = ops.workspace().take(DType.F32, run.tokens(), headDim);
            for (int t = 0; t < run.tokens(); t++) {
                double[] one = Elements.head(all, t, head);
                for (int e = 0; e < headDim; e++) {
                    z.set((long) t * headDim + e, one[e]);
                }
            }
            float[] product = ops.linear(z, gram).toFloats(); // [tokens, headDim]
            float[] value = z.toFloats();
            double sum = 0;
            for (int t = 0; t < run.tokens(); t++) {
                double square = 0;
                for (int e = t * headDim; e < (t + 1) * headDim; e++) {
                    square += (double) product[e] * value[e];
                }
                sum += Double.isNaN(square) ? square : Math.sqrt(Math.max(0, square));
            }
            return sum / run.tokens();
        } finally {
            ops.workspace().release(mark);
        }
    }
}
