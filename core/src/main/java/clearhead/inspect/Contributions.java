package clearhead.inspect;

import clearhead.nn.Attention;
import clearhead.nn.Block;
import clearhead.nn.EmbeddingRule;
import clearhead.nn.ForwardPass;
import clearhead.nn.LogitRule;
import clearhead.nn.Norm;
import clearhead.nn.Positions;
import clearhead.nn.Site;
import clearhead.nn.Transformer;
import clearhead.ops.Ops;
import clearhead.tensor.DType;
import clearhead.tensor.Tensor;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalInt;
import java.util.stream.IntStream;

/// One logit, or the difference of two, as a sum over what every part of the model wrote into the
/// residual stream ("direct logit attribution"). Elhage et al. 2021, "A mathematical framework for
/// transformer circuits"; nostalgebraist 2020.
///
/// The residual that leaves the last block is x = embedding + Σ attention + Σ mlp, and with the last
/// norm's divisor r held as the run computed it, a logit is linear in x:
///
/// - RMSNorm: logit(a) = Σ over parts of u·(weight·part)/r,             r = √(mean(x²) + eps)
/// - LayerNorm: logit(a) = Σ over parts of u·(weight·(part − mean))/r + u·bias, r = √(var(x) + eps)
///
/// where u is row a of the head's matrix, or row a − row b. Only what a part says directly to the head
/// is counted, not what later layers make of it.
///
/// @param position token after which is predicted
/// @param a token whose logit this is
/// @param b token whose logit is subtracted, if there is one
/// @param divisor r
/// @param parts in the order of the computation
/// @param sum of all parts
/// @param logit the model's own number: logit(a), or logit(a) − logit(b)
public record Contributions(
        int position, int a, OptionalInt b, double divisor, List<Part> parts, double sum, double logit) {

    public Contributions {
        parts = List.copyOf(parts);
    }

    /// What writes.
    public enum Kind {
        /// The token's embedding.
        TOKEN,
        /// The learned vector of its position.
        POSITION,
        /// One head: its z·Wo.
        HEAD,
        /// The bias of Wo.
        ATTENTION_BIAS,
        /// What a layer that carries a state instead of attention writes.
        MIXER,
        /// One layer's MLP, its biases included.
        MLP,
        /// What a change of the residual stream itself put in (or took out) in a layer.
        CHANGE,
        /// u·bias of the last norm.
        NORM_BIAS,
        /// Of the head's matrix: bias(a) − bias(b).
        OUTPUT_BIAS
    }

    /// @param layer −1 outside the layers
    /// @param head −1 where it is no head's
    public record Part(Kind kind, int layer, int head, double value) {}

    /// What all heads and the bias of one layer's attention write.
    public double attention(int layer) {
        return parts.stream()
                .filter(p -> p.layer == layer && isMixing(p.kind))
                .mapToDouble(Part::value)
                .sum();
    }

    private static boolean isMixing(Kind kind) {
        return kind == Kind.HEAD || kind == Kind.ATTENTION_BIAS || kind == Kind.MIXER;
    }

    /// What one layer's MLP writes.
    public double mlp(int layer) {
        return parts.stream()
                .filter(p -> p.layer == layer && p.kind == Kind.MLP)
                .mapToDouble(Part::value)
                .sum();
    }

    /// sum − logit: what rounding in float32 makes.
    public double difference() {
        return sum - logit;
    }

    /// Whether logits of a model are sums of what its parts write: its head reads the last residual
    /// through the last norm only, and nothing bends what it says.
    static boolean possible(Transformer model) {
        return model.exit() instanceof EmbeddingRule.None
                && (model.logitRule() instanceof LogitRule.None || model.logitRule() instanceof LogitRule.Scaled);
    }

    /// Takes the logit of one position of a run apart.
    public static Contributions of(Run run, Ops ops, int position, int a, OptionalInt b) {
        if (position < 0 || position >= run.tokens()) {
            throw new IllegalArgumentException("position: wanted 0 to " + (run.tokens() - 1) + ", got " + position);
        }
        require(run.model(), a);
        if (b.isPresent()) {
            require(run.model(), b.getAsInt());
        }
        long mark = ops.workspace().mark();
        try {
            return new Taker(run, ops, position, a, b).take();
        } finally {
            ops.workspace().release(mark);
        }
    }

    private static void require(Transformer model, int id) {
        if (id < 0 || id >= model.vocab()) {
            throw new IllegalArgumentException("token id: wanted 0 to " + (model.vocab() - 1) + ", got " + id);
        }
    }

    private static final class Taker {
        /// A jump of the residual stream that rounding cannot make, relative to its largest element.
        private static final double JUMP = 1e-3;

        private final Transformer model;
        private final Ops ops;
        private final Streams streams;
        private final int position;
        private final int a;
        private final OptionalInt b;
        private final List<Part> parts = new ArrayList<>();
        private double[] direction = {};
        private double divisor;

        Taker(Run run, Ops ops, int position, int a, OptionalInt b) {
            this.model = run.model();
            this.ops = ops;
            this.streams = new Streams(run, ops);
            this.position = position;
            this.a = a;
            this.b = b;
        }

        Contributions take() {
            double factor = factor();
            double[] last = row(Site.RESID_POST, model.layers() - 1);
            double[] u = row(model.head().weight(), a);
            if (b.isPresent()) {
                double[] other = row(model.head().weight(), b.getAsInt());
                for (int d = 0; d < u.length; d++) {
                    u[d] -= other[d];
                }
            }
            for (int d = 0; d < u.length; d++) {
                u[d] *= factor;
            }
            double normBias = freeze(last, u);
            embedding();
            for (int layer = 0; layer < model.layers(); layer++) {
                layer(layer);
            }
            if (model.finalNorm() instanceof Norm.Layer) {
                parts.add(new Part(Kind.NORM_BIAS, -1, -1, normBias));
            }
            if (model.head().bias().isPresent()) {
                Tensor bias = model.head().bias().get();
                double said = bias.at(a) - (b.isPresent() ? bias.at(b.getAsInt()) : 0);
                parts.add(new Part(Kind.OUTPUT_BIAS, -1, -1, factor * said));
            }
            double sum = parts.stream().mapToDouble(Part::value).sum();
            Tensor x = streams.at(Site.RESID_POST, model.layers() - 1, streams.positions(position));
            double[] logits = streams.logits(x).toDoubles();
            return new Contributions(
                    position, a, b, divisor, parts, sum, logits[a] - (b.isPresent() ? logits[b.getAsInt()] : 0));
        }

        /// What the head's products are multiplied by.
        private double factor() {
            if (!(model.exit() instanceof EmbeddingRule.None)) {
                throw new IllegalArgumentException("this model's head does not read the residual itself but what "
                        + model.exit().getClass().getSimpleName() + " makes of it; logits cannot be taken apart yet");
            }
            return switch (model.logitRule()) {
                case LogitRule.None _ -> 1;
                case LogitRule.Scaled(double factor) -> factor;
                case LogitRule.Capped(double bound) ->
                    throw new IllegalArgumentException("this model bounds its logits to ±" + bound
                            + ", so that they are no sum of parts; they cannot be taken apart yet");
            };
        }

        /// One row of a weight, packed or not.
        private double[] row(Tensor weight, int row) {
            Tensor ids = ops.workspace().take(DType.I32, 1);
            ids.set(0, row);
            return ops.embed(weight, ids).toDoubles();
        }

        /// Makes of u the direction on which a part of the residual is projected.
        ///
        /// @return u·bias
        private double freeze(double[] x, double[] u) {
            int dim = x.length;
            direction = new double[dim];
            return switch (model.finalNorm()) {
                case Norm.None _ -> {
                    divisor = 1;
                    direction = u.clone();
                    yield 0;
                }
                case Norm.Rms(Tensor weight, double eps) -> {
                    divisor = Math.sqrt(Elements.dot(x, x) / dim + eps);
                    for (int d = 0; d < dim; d++) {
                        direction[d] = u[d] * weight.at(d) / divisor;
                    }
                    yield 0;
                }
                case Norm.Layer(Tensor weight, Tensor bias, double eps) -> {
                    double mean = 0;
                    for (double v : x) {
                        mean += v / dim;
                    }
                    double variance = 0;
                    for (double v : x) {
                        variance += (v - mean) * (v - mean) / dim;
                    }
                    divisor = Math.sqrt(variance + eps);
                    double center = 0;
                    double constant = 0;
                    for (int d = 0; d < dim; d++) {
                        direction[d] = u[d] * weight.at(d) / divisor;
                        center += direction[d] / dim;
                        constant += u[d] * bias.at(d);
                    }
                    for (int d = 0; d < dim; d++) {
                        direction[d] -= center;
                    }
                    yield constant;
                }
            };
        }

        private void add(Kind kind, int layer, int head, double[] written) {
            parts.add(new Part(kind, layer, head, Elements.dot(direction, written)));
        }

        private double[] row(Site site, int layer) {
            return streams.row(site, layer, position);
        }

        private void embedding() {
            double[] whole = row(Site.RESID_PRE, 0);
            boolean learned = model.positions() instanceof Positions.Learned
                    || model.positions() instanceof Positions.LearnedFrom;
            boolean plain = model.embeddingRule() instanceof EmbeddingRule.None
                    && model.entrance() instanceof EmbeddingRule.None;
            if (!learned || !plain) {
                add(Kind.TOKEN, -1, -1, whole);
                return;
            }
            double[] token = row(model.embedding(), streams.run().ids()[position]);
            add(Kind.TOKEN, -1, -1, token);
            for (int d = 0; d < whole.length; d++) {
                whole[d] -= token[d];
            }
            add(Kind.POSITION, -1, -1, whole);
        }

        private void layer(int layer) {
            Block block = model.blocks().get(layer);
            // a norm behind attention mixes what heads write: only the whole can be told
            if (block.headsAddUp() && block.mixer() instanceof Attention attention) {
                heads(layer, attention);
                attention.output().bias().ifPresent(bias -> bias(layer, block, bias));
            } else {
                add(Kind.MIXER, layer, -1, row(Site.ATTN_OUT, layer));
            }
            double[] mlp = row(Site.MLP_OUT, layer);
            add(Kind.MLP, layer, -1, mlp);
            double[] from = row(Site.RESID_PRE, layer);
            double[] said = row(Site.ATTN_OUT, layer);
            double[] to = row(Site.RESID_POST, layer);
            var jump = new double[to.length];
            for (int d = 0; d < jump.length; d++) {
                jump[d] = to[d] - from[d] - said[d] - mlp[d];
            }
            if (Elements.largest(jump) > JUMP * (Elements.largest(to) + Elements.largest(from))) {
                add(Kind.CHANGE, layer, -1, jump);
            }
        }

        private void bias(int layer, Block block, Tensor bias) {
            var pass = ForwardPass.of(ops, streams.run().ids()[position]);
            Tensor added = block.mixerOutput(pass, bias.reshape(1, Math.toIntExact(bias.size())));
            add(Kind.ATTENTION_BIAS, layer, -1, added.toDoubles());
        }

        /// One row a head, with that head's z alone, through the layer's own Wo.
        private void heads(int layer, Attention attention) {
            Tensor z = streams.run().z(layer); // [tokens, heads, headDim]
            int heads = z.dim(1);
            int headDim = z.dim(2);
            try (Arena arena = Arena.ofShared()) {
                Tensor alone = Tensor.zeros(arena, z.type(), heads, heads * headDim);
                for (int h = 0; h < heads; h++) {
                    double[] own = Elements.head(z, position, h);
                    for (int e = 0; e < headDim; e++) {
                        alone.set(((long) h * heads + h) * headDim + e, own[e]);
                    }
                }
                var rows = streams.positions(
                        IntStream.generate(() -> position).limit(heads).toArray());
                var pass = ForwardPass.of(ops, streams.run().ids()[position]);
                Tensor h = model.blocks().get(layer).mixerInput(pass, streams.at(Site.RESID_PRE, layer, rows));
                Tensor gated = attention.gate().forward(pass, h, alone);
                Tensor written = model.blocks()
                        .get(layer) // [heads, dim]
                        .mixerOutput(pass, ops.linear(gated, attention.output().weight()));
                for (int head = 0; head < heads; head++) {
                    add(Kind.HEAD, layer, head, Elements.row(written, head));
                }
            }
        }
    }
}
