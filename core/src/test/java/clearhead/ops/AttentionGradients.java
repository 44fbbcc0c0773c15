package clearhead.ops;

import clearhead.ops.score.BlockMask;
import clearhead.ops.score.Value;
import clearhead.tensor.DType;
import clearhead.tensor.Tensor;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Random;

/// Attention with everything that a spec can have, as cases for tests of its gradients.
public final class AttentionGradients {
    private AttentionGradients() {}

    /// What is special about a case.
    @FunctionalInterface
    public interface Kind {
        /// @param bias the bias's tensor, where the case has one
        AttentionSpec of(AttentionSpec spec, Optional<Tensor> bias);
    }

    /// @param queries of each sequence
    /// @param contexts keys of each sequence
    /// @param sinks whether there are sinks
    /// @param bias dimensions of the bias's tensor; none if it has no gradient
    public record Case(
            String name,
            int[] queries,
            int[] contexts,
            int heads,
            int kvHeads,
            int headDim,
            int valueDim,
            boolean sinks,
            int[] bias,
            Kind kind) {
        public Sequences queryRows() {
            return rows(queries);
        }

        public Sequences keyRows() {
            return rows(contexts);
        }

        private static Sequences rows(int[] lengths) {
            int[] starts = new int[lengths.length + 1];
            for (int s = 0; s < lengths.length; s++) {
                starts[s + 1] = starts[s] + lengths[s];
            }
            return new Sequences(starts);
        }

        /// Query, key, value; then sinks and bias where there are such.
        public Tensor[] inputs(Data data) {
            var inputs = new ArrayList<Tensor>();
            inputs.add(data.normal(queryRows().tokens(), heads, headDim));
            inputs.add(data.normal(keyRows().tokens(), kvHeads, headDim));
            inputs.add(data.normal(keyRows().tokens(), kvHeads, valueDim));
            if (sinks) {
                inputs.add(data.normal(heads));
            }
            if (bias.length > 0) {
                inputs.add(data.normal(bias));
            }
            return inputs.toArray(new Tensor[0]);
        }

        public AttentionSpec spec(Tensor[] in) {
            var spec = new AttentionSpec(heads, kvHeads, headDim, 1 / Math.sqrt(headDim), Mask.CAUSAL)
                    .withValueDim(valueDim);
            if (sinks) {
                spec = spec.withSinks(in[3]);
            }
            return kind.of(spec, bias.length == 0 ? Optional.empty() : Optional.of(in[sinks ? 4 : 3]));
        }

        public Attended forward(Ops ops, Tensor[] in) {
            return ops.attention(in[0], queryRows(), new KvView.Packed(in[1], in[2], keyRows()), spec(in));
        }

        /// Gradients by all inputs.
        public List<Tensor> gradients(Adjoints adjoints, Tensor[] in, Attended forward, Tensor dOut) {
            var past = new KvView.Packed(in[1], in[2], keyRows());
            Adjoints.Attention g = adjoints.attention(in[0], queryRows(), past, spec(in), forward, dOut);
            var all = new ArrayList<>(List.of(g.dQuery(), g.dKey(), g.dValue()));
            g.dSinks().ifPresent(all::add);
            g.dBias().ifPresent(all::add);
            return all;
        }

        @Override
        public String toString() {
            return name + ", " + heads + "/" + kvHeads + " heads of " + headDim + "/" + valueDim + ", queries "
                    + java.util.Arrays.toString(queries) + " of context " + java.util.Arrays.toString(contexts);
        }
    }

    private static int[] list(int... values) {
        return values;
    }

    /// Every feature, and some together, at lengths of about `length`.
    public static List<Case> cases(int length) {
        int t = length;
        var cases = new ArrayList<Case>();
        add(cases, "narrow values", t, (s, _) -> s, 6, 2, 8, 5);
        add(cases, "wide values", t, (s, _) -> s, 2, 2, 5, 12);
        add(cases, "top-left", t, (s, _) -> s.withAlignment(Alignment.TOP_LEFT));
        add(cases, "offset", t, (s, _) -> s.withAlignment(new Alignment.Offset(-2)));
        add(cases, "window", t, (s, _) -> s.withMask(new Mask.Window(t / 4, t / 8)));
        add(cases, "window of one", t, (s, _) -> s.withMask(new Mask.Window(0, 0)));
        add(cases, "chunked", t, (s, _) -> s.withMask(new Mask.Chunked(t / 3)));
        add(cases, "prefix", t, (s, _) -> s.withMask(new Mask.Prefix(t / 2)));
        int[] pieces = new int[2 * t];
        int[] scattered = new int[2 * t];
        for (int i = 0; i < pieces.length; i++) {
            pieces[i] = 5 * i / (2 * t);
            scattered[i] = i % 3;
        }
        add(cases, "documents", t, (s, _) -> s.withMask(new Mask.Documents(pieces).and(Mask.CAUSAL)));
        add(cases, "scattered documents", t, (s, _) -> s.withMask(new Mask.Documents(scattered).and(Mask.CAUSAL)));
        var lambda = BlockMask.of((_, _, q, k) -> (q + k) % 3 != 0 && Math.abs(q - k) < t / 2 + 1, 2 * t);
        int[] square = list(t, t - 2);
        cases.add(new Case(
                "block mask",
                square,
                square,
                4,
                2,
                6,
                6,
                false,
                list(),
                (s, _) -> s.withMask(new Mask.Blocks(lambda))));
        for (int[] dims : new int[][] {{t}, {t, t}, {1, 4, t, 1}, {4, t, t / 2}, {2, 1, t, t}}) {
            Tensor allowed = allowed(dims);
            String name = "allowed " + java.util.Arrays.toString(dims);
            add(cases, name, t, (s, _) -> s.withMask(new Mask.Allowed(allowed)));
        }
        add(cases, "soft-cap", t, (s, _) -> s.withSoftCap(1.5));
        add(cases, "negative scale", t, (s, _) -> s.withScale(-0.4));
        add(cases, "ALiBi", t, (s, _) -> s.withBias(Bias.Alibi.of(4)));
        add(cases, "dropout", t, (s, _) -> s.withDropout(0.3, 77));
        add(
                cases,
                "score function",
                t,
                (s, _) -> s.withScoreMod((score, _, head, query, key) -> {
                    Value bend = score.square().times(0.2);
                    return score.plus(bend)
                            .minus(query.minus(key)
                                    .times(head.plus(1))
                                    .toValue()
                                    .times(0.03));
                }));
        add(
                cases,
                "plain score function",
                t,
                (s, _) -> s.withScoreFunction(
                        (score, _, head, query, key) -> Math.sin(score) * (head + 1) - 0.1 * (query - key)));
        bias(
                cases,
                "relative",
                t,
                false,
                list(8, 4),
                (s, b) -> s.withBias(new Bias.Relative(b.orElseThrow(), false, t)));
        bias(
                cases,
                "relative both ways",
                t,
                false,
                list(8, 4),
                (s, b) -> s.withMask(Mask.BIDIRECTIONAL).withBias(new Bias.Relative(b.orElseThrow(), true, t)));
        for (int[] dims :
                new int[][] {{t}, {1}, {t, t}, {t, 1}, {1, t, t}, {4, t, t}, {4, 1, t}, {2, 1, t, t}, {2, 4, t, t / 2}
                }) {
            String name = "added " + java.util.Arrays.toString(dims);
            bias(cases, name, t, false, dims, (s, b) -> s.withBias(new Bias.Added(b.orElseThrow())));
        }
        bias(cases, "sinks", t, true, list(), (s, _) -> s);
        bias(cases, "sinks, nothing seen", t, true, list(), (s, _) -> s.withAlignment(new Alignment.Offset(-t / 2)));
        bias(
                cases,
                "all at once",
                t,
                true,
                list(4, t, t),
                (s, b) -> s.withMask(new Mask.Window(t / 2, 3).and(new Mask.Documents(pieces)))
                        .withSoftCap(2)
                        .withScale(0.7)
                        .withDropout(0.2, 5)
                        .withScoreMod((score, _, _, query, key) -> score.times(1.1)
                                .minus(query.minus(key).toValue().times(0.01)))
                        .withBias(new Bias.Added(b.orElseThrow())));
        return cases;
    }

    private static void add(List<Case> cases, String name, int t, Kind kind) {
        add(cases, name, t, kind, 4, 2, 6, 6);
    }

    private static void add(
            List<Case> cases, String name, int t, Kind kind, int heads, int kvHeads, int headDim, int valueDim) {
        int[] lengths = list(t, t - 2);
        cases.add(new Case(name, lengths, lengths, heads, kvHeads, headDim, valueDim, false, list(), kind));
        cases.add(
                new Case(name, list(t - 3, t), list(t, t - 2), heads, kvHeads, headDim, valueDim, false, list(), kind));
    }

    private static void bias(List<Case> cases, String name, int t, boolean sinks, int[] bias, Kind kind) {
        cases.add(new Case(name, list(t, t - 3), list(t, t - 2), 4, 2, 6, 6, sinks, bias, kind));
    }

    private static Tensor allowed(int... dims) {
        var random = new Random(3);
        Tensor t = Tensor.zeros(Arena.ofAuto(), DType.BOOL, dims);
        for (long i = 0; i < t.size(); i++) {
            t.set(i, random.nextInt(3) == 0 ? 0 : 1);
        }
        return t;
    }
}
