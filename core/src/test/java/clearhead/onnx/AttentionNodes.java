package clearhead.onnx;

import clearhead.ops.Alignment;
import clearhead.ops.AttentionSpec;
import clearhead.ops.Bias;
import clearhead.ops.KvView;
import clearhead.ops.Mask;
import clearhead.ops.ScoreStage;
import clearhead.ops.Sequences;
import clearhead.tensor.DType;
import clearhead.tensor.Tensor;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/// Attention of the standard operators and FlexAttention of the preview ones.
record AttentionNodes(NodeRunner on) {

    /// What a node attends with.
    ///
    /// @param query [batch, heads, queries, headDim]
    /// @param key [batch, kvHeads, keys, headDim], the past included
    /// @param value [batch, kvHeads, keys, valueDim]
    record Inputs(Grid query, Grid key, Grid value) {
        int batch() {
            return query.dims()[0];
        }

        int heads() {
            return query.dims()[1];
        }

        int queries() {
            return query.dims()[2];
        }

        int keys() {
            return key.dims()[2];
        }

        int valueDim() {
            return value.dims()[3];
        }

        AttentionSpec spec(double scale) {
            int headDim = query.dims()[3];
            double factor = Double.isNaN(scale) ? 1 / Math.sqrt(headDim) : scale;
            return new AttentionSpec(heads(), key.dims()[1], headDim, factor, Mask.BIDIRECTIONAL)
                    .withValueDim(valueDim())
                    .withAlignment(Alignment.TOP_LEFT);
        }
    }

    /// Q, K and V with 4 axes [batch, heads, tokens, width] or 3 [batch, tokens, heads·width], then attn_mask,
    /// past_key, past_value and nonpad_kv_seqlen; results Y, present_key, present_value and
    /// qk_matmul_output. The softmax is at least as precise as `softmax_precision` asks for in the types
    /// there are: F32, and what is exact in F64.
    List<Grid> attention(OnnxCase c) {
        softmaxPrecision(c);
        boolean flat = c.input(0).rank() == 3;
        Grid newKey = split(Grid.of(c.input(1)), c.node().integer("kv_num_heads", 0));
        Grid newValue = split(Grid.of(c.input(2)), c.node().integer("kv_num_heads", 0));
        int past = c.has(4) ? c.input(4).dim(2) : 0;
        if (c.has(4) != c.has(5) || c.has(4) && c.has(6)) {
            throw new IllegalArgumentException("past_key and past_value come together, without nonpad_kv_seqlen");
        }
        Inputs in = new Inputs(
                split(Grid.of(c.input(0)), c.node().integer("q_num_heads", 0)),
                c.has(4) ? Grid.of(c.input(4)).join(newKey, 2) : newKey,
                c.has(5) ? Grid.of(c.input(5)).join(newValue, 2) : newValue);
        AttentionSpec spec = masked(c, in.spec(c.node().number("scale", Double.NaN)), in, past)
                .withSoftCap(c.node().number("softcap", 0));
        Element type = c.element(0);
        if (on.typed() && (type == Element.F16 || type == Element.BF16)) {
            Element precision = Element.of(c.node().integer("softmax_precision", type.number));
            var stages = new TypedAttention(on, in, spec, type, precision).run(x -> x, x -> x);
            Grid y = flat ? merged(stages.y()) : stages.y();
            return List.of(y, in.key, in.value, chosen(c, stages));
        }
        Grid y = attend(in, spec);
        List<Grid> results = new ArrayList<>();
        results.add(flat ? merged(y) : y);
        results.add(in.key);
        results.add(in.value);
        if (c.node().outputs().size() > 3) {
            results.add(
                    switch (mode(c)) {
                        case 0 -> scores(in, spec, ScoreStage.SCALED);
                        case 1 -> scores(in, spec, ScoreStage.CAPPED);
                        case 2 -> scores(in, spec, ScoreStage.BIASED);
                        default -> pattern(in, spec);
                    });
        }
        return results;
    }

    private static Grid chosen(OnnxCase c, TypedAttention.Stages stages) {
        return switch (mode(c)) {
            case 0 -> stages.scaled();
            case 1 -> stages.capped();
            case 2 -> stages.biased();
            default -> stages.pattern();
        };
    }

    private static int mode(OnnxCase c) {
        int mode = c.node().integer("qk_matmul_output_mode", 0);
        if (mode < 0 || mode > 3) {
            throw new IllegalArgumentException("qk_matmul_output_mode " + mode);
        }
        return mode;
    }

    private static void softmaxPrecision(OnnxCase c) {
        Element asked = Element.of(c.node().integer("softmax_precision", 1));
        if (asked != Element.F32 && asked != Element.F64 && asked != Element.F16 && asked != Element.BF16) {
            throw new IllegalArgumentException("softmax_precision " + asked);
        }
    }

    /// [batch, tokens, heads·width] as [batch, heads, tokens, width].
    private static Grid split(Grid x, int heads) {
        if (x.rank() == 4) {
            return x;
        }
        int[] d = x.dims();
        return x.reshape(d[0], d[1], heads, d[2] / heads).transpose(0, 2, 1, 3);
    }

    private static Grid merged(Grid y) {
        Grid rows = y.transpose(0, 2, 1, 3);
        int[] d = rows.dims();
        return rows.reshape(d[0], d[1], d[2] * d[3]);
    }

    /// The spec with the node's masks. Queries stand after the past, or at the end of the keys that are
    /// no padding, or at the first key.
    private AttentionSpec masked(OnnxCase c, AttentionSpec plain, Inputs in, int past) {
        AttentionSpec spec = plain;
        boolean causal = c.node().integer("is_causal", 0) == 1;
        int left = c.node().integer("left_window_size", -1);
        int right = c.node().integer("right_window_size", -1);
        var masks = new ArrayList<Mask>();
        if (causal) {
            masks.add(Mask.CAUSAL);
        }
        if (left != -1 || right != -1) {
            masks.add(new Mask.Window(left, right));
        }
        if (c.has(6)) {
            int[] lengths = c.input(6).toInts();
            spec = spec.withAlignment(new Alignment.Offset(
                    Arrays.stream(lengths).map(n -> n - in.queries()).toArray()));
            masks.add(new Mask.Allowed(filled(lengths, in.keys())));
        } else {
            spec = spec.withAlignment(new Alignment.Offset(past));
        }
        if (c.has(3)) {
            Grid mask = Grid.of(c.input(3));
            boolean isBoolean = c.element(3) == Element.BOOL;
            // shorter masks hide the keys beyond them, also those of one key, which would else be repeated
            if (mask.dims()[mask.rank() - 1] == 1) {
                mask = mask.padded(in.keys(), isBoolean ? 0 : Double.NEGATIVE_INFINITY);
            }
            Tensor t = Tensor.of(on.arena(), isBoolean ? DType.BOOL : on.type(), mask.values(), mask.dims());
            if (isBoolean) {
                masks.add(new Mask.Allowed(t));
            } else {
                spec = spec.withBias(new Bias.Added(t));
            }
        }
        return switch (masks.size()) {
            case 0 -> spec;
            case 1 -> spec.withMask(masks.getFirst());
            default -> spec.withMask(new Mask.All(masks));
        };
    }

    /// [batch, 1, 1, keys]: whether a key comes before its sequence's padding.
    private Tensor filled(int[] lengths, int keys) {
        Tensor t = Tensor.zeros(on.arena(), DType.BOOL, lengths.length, 1, 1, keys);
        for (int b = 0; b < lengths.length; b++) {
            for (int k = 0; k < Math.min(keys, lengths[b]); k++) {
                t.set((long) b * keys + k, 1);
            }
        }
        return t;
    }

    private Tensor rows(Grid x) {
        Grid rows = x.transpose(0, 2, 1, 3);
        int[] d = rows.dims();
        return on.tensor(rows, d[0] * d[1], d[2], d[3]);
    }

    KvView.Packed past(Inputs in) {
        return new KvView.Packed(rows(in.key), rows(in.value), Sequences.equal(in.batch(), in.keys()));
    }

    private Grid attend(Inputs in, AttentionSpec spec) {
        Tensor y = on.ops()
                .attention(rows(in.query), Sequences.equal(in.batch(), in.queries()), past(in), spec)
                .out();
        return NodeRunner.grid(y, in.batch(), in.queries(), in.heads(), in.valueDim())
                .transpose(0, 2, 1, 3);
    }

    /// [batch, heads, queries, keys]
    Grid scores(Inputs in, AttentionSpec spec, ScoreStage stage) {
        Tensor query = rows(in.query);
        KvView.Packed past = past(in);
        int size = in.heads() * in.queries() * in.keys();
        var all = new double[in.batch() * size];
        for (int b = 0; b < in.batch(); b++) {
            Tensor own = query.rows(b * in.queries(), (b + 1) * in.queries());
            double[] scores = on.ops().scores(own, past, b, spec, stage).toDoubles();
            System.arraycopy(scores, 0, all, b * size, size);
        }
        return new Grid(all, in.batch(), in.heads(), in.queries(), in.keys());
    }

    private Grid pattern(Inputs in, AttentionSpec spec) {
        Grid scores = scores(in, spec, ScoreStage.BIASED);
        return NodeRunner.grid(on.ops().softmax(on.tensor(scores, scores.dims())), scores.dims());
    }

    /// Q, K and V [batch, heads, tokens, width]. `score_mod` becomes a score function of ours; weights that
    /// `prob_mod` changes are computed one by one.
    Grid flexAttention(OnnxCase c) {
        softmaxPrecision(c);
        Inputs in = new Inputs(Grid.of(c.input(0)), Grid.of(c.input(1)), Grid.of(c.input(2)));
        AttentionSpec spec = in.spec(c.node().number("scale", Double.NaN));
        Optional<Subgraph> scoreMod = subgraph(c, in, "score_mod");
        Optional<Subgraph> probMod = subgraph(c, in, "prob_mod");
        Element type = c.element(0);
        if (on.typed() && (type == Element.F16 || type == Element.BF16)) {
            Element precision = Element.of(c.node().integer("softmax_precision", Element.F32.number));
            return new TypedAttention(on, in, spec, type, precision)
                    .run(
                            x -> scoreMod.map(g -> g.apply(x)).orElse(x),
                            x -> probMod.map(g -> g.apply(x)).orElse(x))
                    .y();
        }
        if (scoreMod.isPresent()) {
            spec = spec.withScoreMod(scoreMod.get().scoreMod());
        }
        if (probMod.isEmpty()) {
            return attend(in, spec);
        }
        Grid weights = probMod.get().apply(pattern(in, spec));
        int size = in.heads() * in.queries() * in.keys();
        var y = new double[in.batch() * in.queries() * in.heads() * in.valueDim()];
        for (int b = 0; b < in.batch(); b++) {
            double[] own = Arrays.copyOfRange(weights.values(), b * size, (b + 1) * size);
            Tensor pattern = on.tensor(new Grid(own), in.heads(), in.queries(), in.keys());
            double[] out = on.ops().weigh(pattern, past(in), b, spec).toDoubles();
            System.arraycopy(out, 0, y, b * out.length, out.length);
        }
        return new Grid(y, in.batch(), in.queries(), in.heads(), in.valueDim()).transpose(0, 2, 1, 3);
    }

    private Optional<Subgraph> subgraph(OnnxCase c, Inputs in, String name) {
        return c.node().attributes().get(name) instanceof OnnxCase.Graph graph
                ? Optional.of(new Subgraph(on, graph, in.batch(), in.heads(), in.queries(), in.keys()))
                : Optional.empty();
    }
}
