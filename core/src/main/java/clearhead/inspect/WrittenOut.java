package clearhead.inspect;

import clearhead.nn.Attention;
import clearhead.nn.ForwardPass;
import clearhead.nn.HeadNorm;
import clearhead.nn.HeadNorms;
import clearhead.nn.Linear;
import clearhead.nn.Site;
import clearhead.ops.Ops;
import clearhead.tensor.DType;
import clearhead.tensor.Tensor;
import java.lang.foreign.Arena;

/// One element of a head's q, k, v or output as the sum it is, with every product: Σ x·weight + bias.
///
/// @param of which vector
/// @param token row in the text
/// @param index of the element: in the head for q, k and v (before rotation), in the residual for the output
/// @param x [dim] for q, k and v: the normed residual; [headDim] for the output: the head's z
/// @param weight as long as x
/// @param bias 0 where there is none, and for the output, whose bias no single head adds
/// @param sum Σ x·weight + bias in double precision
/// @param run the element as the run computed it; for the output this head's part, sent alone through Wo
public record WrittenOut(
        Of of, int token, int index, double[] x, double[] weight, double bias, double sum, double run) {
    /// What is written out.
    public enum Of {
        Q,
        K,
        V,
        OUTPUT
    }

    /// Writes one element out.
    ///
    /// @param key row whose k or v is meant; q and the output are the query's
    /// @throws IllegalArgumentException if there is no such element
    public static WrittenOut of(Look look, Ops ops, Of of, int key, int index) {
        Attention attention = look.model().attention(look.layer());
        var spec = attention.spec();
        int head = look.head();
        int count = of == Of.OUTPUT ? look.model().dim() : spec.headDim();
        if (index < 0 || index >= count) {
            throw new IllegalArgumentException(
                    "element " + index + " is out of range: there are " + count + ", numbered 0 to " + (count - 1));
        }
        return switch (of) {
            case Q -> projected(look, ops, of, attention.separate().query(), Site.Q_PRE, look.query(), head, index);
            case K -> projected(look, ops, of, attention.separate().key(), Site.K_PRE, key, spec.kvHead(head), index);
            case V -> projected(look, ops, of, attention.separate().value(), Site.V, key, spec.kvHead(head), index);
            case OUTPUT -> output(look, ops, attention.output(), index);
        };
    }

    private static WrittenOut projected(
            Look look, Ops ops, Of of, Linear linear, Site site, int token, int head, int index) {
        Tensor run = look.at(site);
        int row = head * run.dim(2) + index;
        double[] x = Elements.row(look.at(Site.ATTN_NORM), token);
        double[] weight = weightRows(ops, linear, row, row + 1)[0];
        double bias = linear.bias().isPresent() ? linear.bias().get().at(row) : 0;
        double made = normed(look, of) ? before(look, ops, linear, token, row) : Elements.head(run, token, head)[index];
        return new WrittenOut(of, token, index, x, weight, bias, Elements.dot(x, weight) + bias, made);
    }

    /// Whether what attention goes on with is the head norm of these products.
    private static boolean normed(Look look, Of of) {
        HeadNorms norms = look.model().attention(look.layer()).before();
        HeadNorm norm = switch (of) {
            case Q -> norms.query();
            case K -> norms.key();
            case V -> norms.value();
            case OUTPUT -> HeadNorm.NONE;
        };
        return !(norm instanceof HeadNorm.None);
    }

    /// The product before the norm, again: the same bits as in the run.
    private static double before(Look look, Ops ops, Linear linear, int token, int row) {
        long mark = ops.workspace().mark();
        try {
            Tensor x = look.at(Site.ATTN_NORM).rows(token, token + 1);
            return linear.forward(ForwardPass.of(ops, look.ids()[token]), x).at(row);
        } finally {
            ops.workspace().release(mark);
        }
    }

    private static WrittenOut output(Look look, Ops ops, Linear linear, int index) {
        Tensor z = look.at(Site.Z);
        int headDim = z.dim(2);
        double[] x = Elements.head(z, look.query(), look.head());
        double[] row = weightRows(ops, linear, index, index + 1)[0];
        var weight = new double[headDim];
        System.arraycopy(row, look.head() * headDim, weight, 0, headDim);
        long mark = ops.workspace().mark();
        try (Arena arena = Arena.ofShared()) {
            Tensor alone = Tensor.zeros(arena, z.type(), 1, row.length);
            for (int e = 0; e < headDim; e++) {
                alone.set((long) look.head() * headDim + e, x[e]);
            }
            double run = ops.linear(alone, linear.weight()).at(index);
            return new WrittenOut(Of.OUTPUT, look.query(), index, x, weight, 0, Elements.dot(x, weight), run);
        } finally {
            ops.workspace().release(mark);
        }
    }

    /// Rows `from` to `to` of a weight, whatever its type and layout.
    ///
    /// @return [to − from][in]
    static double[][] weightRows(Ops ops, Linear linear, int from, int to) {
        long mark = ops.workspace().mark();
        try (Arena arena = Arena.ofShared()) {
            Tensor ids = Tensor.zeros(arena, DType.I32, to - from);
            for (int r = from; r < to; r++) {
                ids.set(r - from, r);
            }
            Tensor read = ops.embed(linear.weight(), ids);
            var rows = new double[to - from][];
            for (int r = 0; r < rows.length; r++) {
                rows[r] = Elements.row(read, r);
            }
            return rows;
        } finally {
            ops.workspace().release(mark);
        }
    }
}
