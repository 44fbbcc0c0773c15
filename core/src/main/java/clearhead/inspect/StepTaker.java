package clearhead.inspect;

import clearhead.nn.Attention;
import clearhead.nn.Block;
import clearhead.nn.ForwardPass;
import clearhead.nn.HeadNorm;
import clearhead.nn.Linear;
import clearhead.nn.Norm;
import clearhead.nn.OutputGate;
import clearhead.nn.Positions;
import clearhead.nn.Site;
import clearhead.nn.Transformer;
import clearhead.ops.Mask;
import clearhead.ops.Ops;
import clearhead.ops.Pairing;
import clearhead.tensor.Tensor;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.OptionalInt;
import java.util.stream.IntStream;

/// Takes the [Steps] of one cell of a [Look].
final class StepTaker {
    /// Products named for every element of q, k and v.
    private static final int LARGEST = 8;

    /// Keys whose weighted values are told one by one.
    private static final int PARTS = 64;

    /// Rows compared for the parity figure.
    static final int PARITY_ROWS = 512;

    private final Look look;
    private final Ops ops;
    private final Transformer model;
    private final Block block;
    private final Attention attention;
    private final PatternRows pattern;
    private final AttentionRow row;
    private final int head;
    private final int kvHead;
    private final int query;
    private final int key;
    private final Interventions changes;
    private final int[] ids;
    private final int[] other;

    /// @param changes made in the run that is looked at
    /// @param ids its text before the changes
    /// @param other text that patches take values from; empty where there is none
    StepTaker(Look look, Ops ops, OptionalInt key, Interventions changes, int[] ids, int[] other) {
        this.look = look;
        this.changes = changes;
        this.ids = ids;
        this.other = other;
        this.ops = ops;
        model = look.model();
        block = model.blocks().get(look.layer());
        attention = block.attention();
        if (!(attention.gate() instanceof OutputGate.None)) {
            throw new IllegalArgumentException("layer " + look.layer() + " gates what its heads say before Wo ("
                    + attention.gate().getClass().getSimpleName() + "); its steps cannot be shown yet");
        }
        pattern = look.pattern();
        row = look.row();
        head = look.head();
        kvHead = pattern.spec().kvHead(head);
        query = look.query();
        this.key = key.isPresent() ? key.getAsInt() : row.ranked().getFirst();
        if (this.key < 0 || this.key >= pattern.context()) {
            throw new IllegalArgumentException("key " + this.key + " is out of range: there are " + pattern.context()
                    + ", numbered 0 to " + (pattern.context() - 1));
        }
    }

    Steps steps() {
        var spec = pattern.spec();
        var place = new Steps.Place(
                look.layer(),
                head,
                kvHead,
                spec.heads() / spec.kvHeads(),
                query,
                key,
                spec.heads(),
                spec.kvHeads(),
                spec.headDim(),
                model.dim(),
                spec.scale());
        var rotations = new ArrayList<Steps.Rotation>();
        attention.positions().rotation(ids.length).ifPresent(rope -> {
            double[] q = Elements.head(look.at(Site.Q_PRE), query, head);
            double[] k = Elements.head(look.at(Site.K_PRE), key, kvHead);
            rotations.add(rotation("query", rope, query, q, pattern.query(head, query)));
            rotations.add(rotation("key", rope, key, k, pattern.key(head, key)));
        });
        Steps.Output output = output();
        return new Steps(
                place,
                input(query),
                input(key),
                projection(
                        attention.separate().query(),
                        query,
                        head,
                        look.at(Site.Q_PRE),
                        attention.before().query()),
                projection(
                        attention.separate().key(),
                        key,
                        kvHead,
                        look.at(Site.K_PRE),
                        attention.before().key()),
                projection(
                        attention.separate().value(),
                        key,
                        kvHead,
                        look.at(Site.V),
                        attention.before().value()),
                rotations,
                products(),
                softmax(),
                weighted(),
                output,
                sum(output),
                effect(output));
    }

    private Steps.Input input(int token) {
        double[] x = Elements.row(look.at(Site.RESID_PRE), token);
        double[] run = Elements.row(look.at(Site.ATTN_NORM), token);
        Norm norm = switch (block) {
            case Block.PreNorm b -> b.attentionNorm();
            case Block.Parallel b -> b.attentionNorm();
            case Block.ScaledPreNorm _, Block.Rescaled _ ->
                throw new IllegalArgumentException("layer " + look.layer()
                        + " multiplies what it adds to the residual; its steps cannot be shown yet");
            case Block.MixerOnly b -> b.norm();
            case Block.NormedResidual _ ->
                throw new IllegalArgumentException("layer " + look.layer()
                        + " adds to its norms and not to the residual; its steps cannot be shown yet");
            case Block.Sandwich _, Block.PostNorm _, Block.Followed _ ->
                throw new IllegalArgumentException("layer " + look.layer()
                        + " has its norms after attention and MLP; its steps cannot be shown yet");
            case Block.Reading _ ->
                throw new IllegalArgumentException("layer " + look.layer()
                        + " reads another text between attention and MLP; its steps cannot be shown yet");
        };
        return switch (norm) {
            case Norm.None _ ->
                throw new IllegalArgumentException(
                        "layer " + look.layer() + " has no norm before attention; its steps cannot be shown yet");
            case Norm.Rms(Tensor weight, double eps) ->
                input(token, "rms", x, 0, eps, weight.toDoubles(), new double[0], run);
            case Norm.Layer(Tensor weight, Tensor bias, double eps) ->
                input(
                        token,
                        "layer",
                        x,
                        Arrays.stream(x).sum() / x.length,
                        eps,
                        weight.toDoubles(),
                        bias.toDoubles(),
                        run);
        };
    }

    private static Steps.Input input(
            int token, String norm, double[] x, double mean, double eps, double[] weight, double[] bias, double[] run) {
        double meanSquare = 0;
        for (double v : x) {
            meanSquare += (v - mean) * (v - mean) / x.length;
        }
        double divisor = Math.sqrt(meanSquare + eps);
        var again = new double[x.length];
        for (int i = 0; i < x.length; i++) {
            again[i] = (x[i] - mean) / divisor * weight[i] + (bias.length == 0 ? 0 : bias[i]);
        }
        return new Steps.Input(
                token,
                norm,
                x,
                mean,
                meanSquare,
                eps,
                divisor,
                weight,
                bias,
                run,
                Elements.largestDifference(again, run));
    }

    /// @param run [tokens, heads, headDim]: what the run made of it
    /// @param made what attention goes on with, after `norm`
    private Steps.Projection projection(Linear linear, int token, int ofHead, Tensor made, HeadNorm norm) {
        int headDim = made.dim(2);
        double[] x = Elements.row(look.at(Site.ATTN_NORM), token);
        boolean normed = !(norm instanceof HeadNorm.None);
        double[] result = normed ? plain(linear, token, ofHead, headDim) : Elements.head(made, token, ofHead);
        double[][] weights = weights(linear, ofHead * headDim, (ofHead + 1) * headDim);
        var elements = new ArrayList<Steps.Element>();
        var sums = new double[headDim];
        for (int e = 0; e < headDim; e++) {
            double[] w = weights[e];
            double bias = linear.bias().isPresent() ? linear.bias().get().at((long) ofHead * headDim + e) : 0;
            sums[e] = Elements.dot(x, w) + bias;
            List<Steps.Product> largest = IntStream.range(0, x.length)
                    .boxed()
                    .sorted(Comparator.comparingDouble((Integer i) -> -Math.abs(x[i] * w[i])))
                    .limit(LARGEST)
                    .map(i -> new Steps.Product(i, x[i], w[i]))
                    .toList();
            elements.add(new Steps.Element(e, sums[e], largest, bias));
        }
        return new Steps.Projection(
                token,
                ofHead,
                elements,
                result,
                normed ? Elements.head(made, token, ofHead) : new double[0],
                Elements.largestDifference(sums, result));
    }

    /// x·W + b before a head norm, again for one token: the same bits as in the run.
    private double[] plain(Linear linear, int token, int ofHead, int headDim) {
        long mark = ops.workspace().mark();
        try {
            Tensor x = look.at(Site.ATTN_NORM).rows(token, token + 1);
            double[] all =
                    linear.forward(ForwardPass.of(ops, look.ids()[token]), x).toDoubles();
            return Arrays.copyOfRange(all, ofHead * headDim, (ofHead + 1) * headDim);
        } finally {
            ops.workspace().release(mark);
        }
    }

    /// Rows `from` to `to` of a weight, whatever its type and layout.
    ///
    /// @return [to − from][in]
    private double[][] weights(Linear linear, int from, int to) {
        return WrittenOut.weightRows(ops, linear, from, to);
    }

    private static Steps.Rotation rotation(
            String of, Positions.Rope rope, int position, double[] before, double[] run) {
        int count = rope.cos().dim(1);
        var pairs = new ArrayList<Steps.Pair>();
        double[] after = before.clone();
        for (int j = 0; j < count; j++) {
            int first = rope.pairing() == Pairing.HALVES ? j : 2 * j;
            int second = rope.pairing() == Pairing.HALVES ? j + count : 2 * j + 1;
            double cos = rope.cos().at((long) position * count + j);
            double sin = rope.sin().at((long) position * count + j);
            var pair = new Steps.Pair(first, second, Math.atan2(sin, cos), cos, sin, before[first], before[second]);
            after[first] = pair.turnedA();
            after[second] = pair.turnedB();
            pairs.add(pair);
        }
        return new Steps.Rotation(of, position, pairs, before, run, Elements.largestDifference(after, run));
    }

    private Steps.Products products() {
        double[] q = pattern.query(head, query);
        double[] k = pattern.key(head, key);
        var products = new double[q.length];
        double sum = 0;
        for (int e = 0; e < q.length; e++) {
            products[e] = q[e] * k[e];
            sum += products[e];
        }
        double score = pattern.spec().withMask(Mask.BIDIRECTIONAL).score(sum, 0, head, query, query, key);
        return new Steps.Products(q, k, products, sum, score);
    }

    private Steps.Softmax softmax() {
        double[] q = pattern.query(head, query);
        double sink = pattern.spec().sinks().map(s -> s.at(head)).orElse(Double.NEGATIVE_INFINITY);
        double max = Math.max(sink, Arrays.stream(row.scores()).max().orElse(sink));
        double sum = sink == Double.NEGATIVE_INFINITY ? 0 : Math.exp(sink - max);
        for (double score : row.scores()) {
            sum += Math.exp(score - max);
        }
        var cells = new ArrayList<Steps.Cell>();
        double difference = 0;
        for (int k = 0; k < row.scores().length; k++) {
            double dot = Elements.dot(q, pattern.key(head, k));
            double score = row.scores()[k];
            double exp = Math.exp(score - max);
            cells.add(new Steps.Cell(k, dot, score == Double.NEGATIVE_INFINITY, score, score - max, exp, exp / sum));
            difference = Math.max(difference, Math.abs(exp / sum - row.weights()[k]));
        }
        return new Steps.Softmax(List.copyOf(cells), max, sum, max + Math.log(sum), row.lse(), difference);
    }

    private Steps.Weighted weighted() {
        List<Integer> told = row.ranked().stream().limit(PARTS).sorted().toList();
        double[] sum = pattern.weighed(row);
        double[] rest = sum.clone();
        var parts = new ArrayList<Steps.Part>();
        for (int k : told) {
            double weight = row.weights()[k];
            double[] value = pattern.value(head, k);
            var product = new double[value.length];
            for (int e = 0; e < value.length; e++) {
                product[e] = weight * value[e];
                rest[e] -= product[e];
            }
            parts.add(new Steps.Part(k, weight, value, product));
        }
        int restKeys = row.ranked().size() - told.size();
        double[] run = Elements.head(look.at(Site.Z), query, head);
        return new Steps.Weighted(
                List.copyOf(parts),
                restKeys == 0 ? new double[rest.length] : rest,
                restKeys,
                sum,
                run,
                Elements.largestDifference(sum, run),
                pattern.parity(head, PARITY_ROWS));
    }

    private Steps.Output output() {
        int heads = pattern.spec().heads();
        int headDim = pattern.spec().valueDim();
        double[] run = Elements.row(look.at(Site.ATTN_OUT), query);
        double[] bias = attention.output().bias().map(Tensor::toDoubles).orElseGet(() -> new double[0]);
        long mark = ops.workspace().mark();
        try (Arena arena = Arena.ofShared()) {
            // One row a head, with that head's z alone, through the layer's own Wo.
            Tensor z = look.at(Site.Z);
            Tensor alone = Tensor.zeros(arena, z.type(), heads, heads * headDim);
            for (int h = 0; h < heads; h++) {
                double[] own = Elements.head(z, query, h);
                for (int e = 0; e < headDim; e++) {
                    alone.set(((long) h * heads + h) * headDim + e, own[e]);
                }
            }
            Tensor parts = ops.linear(alone, attention.output().weight()); // [heads, dim]
            var norms = new double[heads];
            double[] again = bias.length == 0 ? new double[run.length] : bias.clone();
            for (int h = 0; h < heads; h++) {
                double[] part = Elements.row(parts, h);
                norms[h] = Math.sqrt(Elements.dot(part, part));
                for (int d = 0; d < part.length; d++) {
                    again[d] += part[d];
                }
            }
            return new Steps.Output(
                    Elements.row(parts, head), norms, bias, run, Elements.largestDifference(again, run));
        } finally {
            ops.workspace().release(mark);
        }
    }

    private Steps.Sum sum(Steps.Output output) {
        double[] residual = Elements.row(look.at(Site.RESID_PRE), query);
        double[] run = Elements.row(look.at(Site.RESID_MID), query);
        var again = new double[run.length];
        for (int d = 0; d < again.length; d++) {
            again[d] = residual[d] + output.run()[d];
        }
        return new Steps.Sum(residual, output.run(), run, Elements.largestDifference(again, run));
    }

    private Steps.Effect effect(Steps.Output output) {
        double[] with = look.finalResidual();
        var without = new double[with.length];
        for (int d = 0; d < with.length; d++) {
            without[d] = with[d] - output.head()[d];
        }
        double[] run = look.logits();
        double[] again = unembed(with);
        var direct = new LogitEffect(again, unembed(without));
        var off = changes.with(new Change.HeadScale(look.layer(), head, 0));
        var total = new LogitEffect(
                run, Interventions.logits(model, ops, changes.ids(ids), off.probe(model, ops, ids, other), query));
        return new Steps.Effect(direct, total, Elements.largestDifference(again, run));
    }

    /// The model's last norm and head of one residual.
    ///
    /// @param residual [dim]
    /// @return [vocab]
    private double[] unembed(double[] residual) {
        long mark = ops.workspace().mark();
        try (Arena arena = Arena.ofShared()) {
            var pass = ForwardPass.of(ops, look.ids()[query]);
            Tensor x = Tensor.of(arena, look.at(Site.RESID_PRE).type(), residual, 1, residual.length);
            return model.logits(pass, model.finalNorm().forward(pass, x)).toDoubles();
        } finally {
            ops.workspace().release(mark);
        }
    }
}
