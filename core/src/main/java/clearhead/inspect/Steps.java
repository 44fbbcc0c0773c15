package clearhead.inspect;

import clearhead.ops.Ops;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;

/// How one head computed one row of attention, and one cell of it, with every number. Text, JSON, CSV
/// and the page are written from this.
///
/// Vectors called `run` are what the forward pass computed, taken by the probe. Everything else is
/// computed again in double precision from the run's own inputs of that step, to show where the
/// number comes from; `difference` is how far the two are apart.
///
/// @param place which cell
/// @param queryInput the query token's residual and its norm
/// @param keyInput the key token's residual and its norm
/// @param query q = x·Wq of the query token, before rotation
/// @param key k = x·Wk of the key token, before rotation
/// @param value v = x·Wv of the key token
/// @param rotations of query and key, in this order; empty for models that do not rotate
/// @param products q·k element by element
/// @param softmax the row: scores of all keys, masked, to weights
/// @param weighted Σ weight·value
/// @param output z·Wo
/// @param sum the residual after attention
/// @param effect on the prediction of the token after the query
public record Steps(
        Place place,
        Input queryInput,
        Input keyInput,
        Projection query,
        Projection key,
        Projection value,
        List<Rotation> rotations,
        Products products,
        Softmax softmax,
        Weighted weighted,
        Output output,
        Sum sum,
        Effect effect) {
    public Steps {
        rotations = List.copyOf(rotations);
    }

    /// Takes the steps of what is looked at.
    ///
    /// @param key position of the key whose cell is shown; if not said, the one with the largest
    ///     weight. It may be a later one than the query: its score is shown, and masked
    public static Steps of(Look look, Ops ops, OptionalInt key) {
        return new StepTaker(look, ops, key, Interventions.NONE, look.ids(), new int[0]).steps();
    }

    /// The same of a run with changes: the total effect of the head is what switching it off does on top of them.
    ///
    /// @param changes made in the run that is looked at
    /// @param ids its text before the changes
    /// @param other text that patches take values from; empty where there is none
    public static Steps of(Look look, Ops ops, OptionalInt key, Interventions changes, int[] ids, int[] other) {
        return new StepTaker(look, ops, key, changes, ids, other).steps();
    }

    /// Which cell of which head.
    ///
    /// @param kvHead the key and value head that this head reads
    /// @param sharedBy how many query heads read it
    /// @param scale factor on q·k
    public record Place(
            int layer,
            int head,
            int kvHead,
            int sharedBy,
            int query,
            int key,
            int heads,
            int kvHeads,
            int headDim,
            int dim,
            double scale) {}

    /// A token's residual and its norm: weight·(residual − mean)/divisor + bias.
    ///
    /// @param token row in the text
    /// @param norm `rms` or `layer`
    /// @param residual [dim], run
    /// @param mean 0 for rms
    /// @param meanSquare of residual − mean: the variance for `layer`
    /// @param eps what keeps the divisor from 0
    /// @param divisor √(meanSquare + eps)
    /// @param weight [dim]
    /// @param bias [dim]; empty for rms
    /// @param run [dim]: the normed residual x
    public record Input(
            int token,
            String norm,
            double[] residual,
            double mean,
            double meanSquare,
            double eps,
            double divisor,
            double[] weight,
            double[] bias,
            double[] run,
            double difference) {}

    /// One head's x·W + b.
    ///
    /// @param token row in the text
    /// @param head query or key and value head
    /// @param elements one for every element of the head
    /// @param run [headDim]
    /// @param normed [headDim]: after the head's norm; empty where there is none
    public record Projection(
            int token, int head, List<Element> elements, double[] run, double[] normed, double difference) {}

    /// One element of x·W + b.
    ///
    /// @param index in the head
    /// @param sum of all products and the bias
    /// @param largest the products of largest size, the largest first
    /// @param bias 0 where there is none
    public record Element(int index, double sum, List<Product> largest, double bias) {}

    /// One product of a sum.
    ///
    /// @param index element of x
    public record Product(int index, double x, double weight) {
        public double product() {
            return x * weight;
        }
    }

    /// Rotary position: every pair (a, b) becomes (a·cos − b·sin, a·sin + b·cos).
    ///
    /// @param of `query` or `key`
    /// @param pairs the pairs that turn, in the order of their frequencies
    /// @param before [headDim], run
    /// @param run [headDim]: after
    public record Rotation(
            String of, int position, List<Pair> pairs, double[] before, double[] run, double difference) {}

    /// One pair that turns.
    ///
    /// @param first index of a
    /// @param second index of b
    /// @param angle in radians, in (−π, π]
    public record Pair(int first, int second, double angle, double cos, double sin, double a, double b) {
        public double turnedA() {
            return a * cos - b * sin;
        }

        public double turnedB() {
            return a * sin + b * cos;
        }
    }

    /// q·k element by element.
    ///
    /// @param query [headDim], run
    /// @param key [headDim], run
    /// @param products [headDim]
    /// @param sum Σ products
    /// @param score sum·scale
    public record Products(double[] query, double[] key, double[] products, double sum, double score) {}

    /// One row from scores to weights.
    ///
    /// @param cells one for every key of the text
    /// @param max largest score that is not masked
    /// @param sum Σ exp(score − max)
    /// @param lse max + ln sum
    /// @param runLse the same as the run's fused attention computed it
    /// @param difference largest |exp/sum − exp(score − runLse)|
    public record Softmax(List<Cell> cells, double max, double sum, double lse, double runLse, double difference) {}

    /// One key in the row.
    ///
    /// @param dot q·k
    /// @param masked whether the query may not see the key; its score is then −∞
    /// @param score dot·scale, or −∞
    /// @param shifted score − max
    /// @param exp exp(shifted)
    /// @param weight exp/sum
    public record Cell(int key, double dot, boolean masked, double score, double shifted, double exp, double weight) {}

    /// Σ weight·value.
    ///
    /// @param parts weight·value of the keys with the largest weights, in the order of the text
    /// @param rest [headDim]: the sum of all others
    /// @param restKeys how many others there are
    /// @param sum [headDim]
    /// @param run [headDim]: z
    /// @param parity of all rows of this head
    public record Weighted(
            List<Part> parts,
            double[] rest,
            int restKeys,
            double[] sum,
            double[] run,
            double difference,
            Parity parity) {}

    /// One key's part of the sum.
    ///
    /// @param value [headDim], run
    /// @param product [headDim]: weight·value
    public record Part(int key, double weight, double[] value, double[] product) {}

    /// z·Wo. What attention adds is the sum of its heads' parts and the bias.
    ///
    /// @param head [dim]: this head's part, its z through its own slice of Wo
    /// @param norms [heads]: length of every head's part
    /// @param bias [dim]; empty where there is none
    /// @param run [dim]: what attention adds
    public record Output(double[] head, double[] norms, double[] bias, double[] run, double difference) {}

    /// residual + attention.
    ///
    /// @param residual [dim], run
    /// @param attention [dim], run
    /// @param run [dim]
    public record Sum(double[] residual, double[] attention, double[] run, double difference) {}

    /// What the head does to the logits of the next token.
    ///
    /// `direct` takes the head's part out of the residual that leaves the last block, and applies the
    /// last norm and the head of the model to what is left; the layers between do not change. `total`
    /// runs the model again with this head switched off at every token.
    ///
    /// @param direct logits with the head (before) and without it (after)
    /// @param total the same by running again
    /// @param difference largest |logit| difference between the run and its last norm and head
    ///     applied again, from which `direct` starts
    public record Effect(LogitEffect direct, LogitEffect total, double difference) {}

    /// The rotation of the query or of the key.
    public Optional<Rotation> rotation(String of) {
        return rotations.stream().filter(r -> r.of().equals(of)).findFirst();
    }

    /// The largest of all differences between what is explained and what ran, each relative to the
    /// largest value of its step.
    public double largestRelativeDifference() {
        double largest = 0;
        largest = Math.max(largest, relative(queryInput.difference, queryInput.run));
        largest = Math.max(largest, relative(keyInput.difference, keyInput.run));
        for (Projection p : List.of(query, key, value)) {
            largest = Math.max(largest, relative(p.difference, p.run));
        }
        for (Rotation r : rotations) {
            largest = Math.max(largest, relative(r.difference, r.run));
        }
        largest = Math.max(largest, softmax.difference);
        largest = Math.max(largest, relative(weighted.difference, weighted.run));
        largest = Math.max(largest, relative(output.difference, output.run));
        largest = Math.max(largest, relative(sum.difference, sum.run));
        return Math.max(largest, relative(effect.difference, effect.direct.before()));
    }

    private static double relative(double difference, double[] run) {
        return difference == 0 ? 0 : difference / Elements.largest(run);
    }
}
