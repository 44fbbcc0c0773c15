package clearhead.onnx;

import clearhead.onnx.AttentionNodes.Inputs;
import clearhead.ops.AttentionSpec;
import clearhead.ops.KvView;
import clearhead.ops.ScoreStage;
import clearhead.tensor.Tensor;
import java.util.function.DoubleUnaryOperator;
import java.util.function.UnaryOperator;

/// Attention of 16-bit inputs as ONNX's function body types it: every step on the way is rounded to the
/// inputs' type, and the steps of the softmax to its own. Products are ours; what fused attention would
/// compute is more precise, and further from the published numbers than their tolerance.
///
/// @param type of the inputs
/// @param precision of the softmax
record TypedAttention(NodeRunner on, Inputs in, AttentionSpec spec, Element type, Element precision) {

    /// @param scaled q·k·scale
    /// @param capped after the soft-cap
    /// @param biased after bias and mask
    /// @param pattern the softmax's result
    /// @param y [batch, heads, queries, valueDim]
    record Stages(Grid scaled, Grid capped, Grid biased, Grid pattern, Grid y) {}

    private Grid rounded(Grid x, Element to, DoubleUnaryOperator f) {
        var y = new double[x.values().length];
        for (int i = 0; i < y.length; i++) {
            y[i] = to.nearest(f.applyAsDouble(x.values()[i]), false);
        }
        return new Grid(y, x.dims());
    }

    /// @param scoreMod what becomes of the biased scores
    /// @param probMod what becomes of the pattern
    Stages run(UnaryOperator<Grid> scoreMod, UnaryOperator<Grid> probMod) {
        double root = type.nearest(Math.sqrt(spec.scale()), false);
        var small = new Inputs(
                rounded(in.query(), type, x -> x * root), rounded(in.key(), type, x -> x * root), in.value());
        AttentionNodes attention = new AttentionNodes(on);
        AttentionSpec plain = new AttentionSpec(
                        spec.heads(), spec.kvHeads(), spec.headDim(), 1, clearhead.ops.Mask.BIDIRECTIONAL)
                .withValueDim(spec.valueDim());
        Grid scaled = rounded(attention.scores(small, plain, ScoreStage.PRODUCT), type, x -> x);
        Grid capped = scaled;
        if (spec.softCap() != 0) {
            double cap = spec.softCap();
            capped = rounded(scaled, type, x -> x / cap);
            capped = rounded(capped, type, Math::tanh);
            capped = rounded(capped, type, x -> x * cap);
        }
        Grid biased = biased(capped);
        Grid pattern = probMod.apply(softmax(scoreMod.apply(biased)));
        return new Stages(scaled, capped, biased, pattern, weighed(pattern));
    }

    private Grid biased(Grid scores) {
        var y = new double[scores.values().length];
        AttentionSpec added = spec.withSoftCap(0);
        int at = 0;
        for (int b = 0; b < in.batch(); b++) {
            int first = spec.alignment().first(b, in.queries(), in.keys());
            for (int h = 0; h < in.heads(); h++) {
                for (int i = 0; i < in.queries(); i++) {
                    for (int k = 0; k < in.keys(); k++) {
                        double bias = added.score(0, b, h, i, first + i, k);
                        y[at] = bias == Double.NEGATIVE_INFINITY
                                ? bias
                                : type.nearest(scores.values()[at] + bias, false);
                        at++;
                    }
                }
            }
        }
        return new Grid(y, scores.dims());
    }

    /// NumPy adds bfloat16 numbers one by one, and float16 ones in float.
    private Grid softmax(Grid scores) {
        int keys = in.keys();
        var y = new double[scores.values().length];
        for (int row = 0; row < y.length; row += keys) {
            double largest = Double.NEGATIVE_INFINITY;
            for (int k = row; k < row + keys; k++) {
                largest = Math.max(largest, precision.nearest(scores.values()[k], false));
            }
            double sum = 0;
            for (int k = row; k < row + keys && largest != Double.NEGATIVE_INFINITY; k++) {
                double shifted = precision.nearest(precision.nearest(scores.values()[k], false) - largest, false);
                y[k] = precision.nearest(Math.exp(shifted), false);
                sum += y[k];
                sum = precision == Element.BF16 ? precision.nearest(sum, false) : sum;
            }
            sum = precision.nearest(sum, false);
            for (int k = row; k < row + keys && sum > 0; k++) {
                y[k] = precision.nearest(y[k] / sum, false);
            }
        }
        return new Grid(y, scores.dims());
    }

    private Grid weighed(Grid pattern) {
        Grid weights =
                rounded(pattern, precision == Element.F32 || precision == Element.F64 ? precision : type, x -> x);
        KvView.Packed past = new AttentionNodes(on).past(in);
        int size = in.heads() * in.queries() * in.keys();
        var y = new double[in.batch() * in.queries() * in.heads() * in.valueDim()];
        for (int b = 0; b < in.batch(); b++) {
            var own = new double[size];
            System.arraycopy(weights.values(), b * size, own, 0, size);
            Tensor t = on.tensor(new Grid(own), in.heads(), in.queries(), in.keys());
            double[] out = on.ops().weigh(t, past, b, spec).toDoubles();
            System.arraycopy(out, 0, y, b * out.length, out.length);
        }
        Grid rows = new Grid(y, in.batch(), in.queries(), in.heads(), in.valueDim());
        return rounded(rows.transpose(0, 2, 1, 3), type, x -> x);
    }
}
