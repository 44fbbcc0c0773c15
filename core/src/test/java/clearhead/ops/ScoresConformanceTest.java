package clearhead.ops;

import static org.junit.jupiter.api.Assertions.assertEquals;

import clearhead.ops.score.Value;
import clearhead.tensor.DType;
import clearhead.tensor.Tensor;
import clearhead.tensor.Workspace;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/// The plain path of attention of every kind, on every backend: scores at every stage, their softmax
/// and the weighted sum, against the reference and against fused attention.
class ScoresConformanceTest {
    private static final Sequences KEYS = new Sequences(0, 3, 3, 136);
    private static final Sequences QUERIES = new Sequences(0, 2, 3, 20);
    private static final int HEADS = 4;
    private static final int DIM = 24;
    private static final int VALUE_DIM = 17;

    static List<Subject> subjects() {
        return Subject.all();
    }

    private static Tensor allowed(Data data, int... dims) {
        Tensor t = Tensor.zeros(Arena.ofAuto(), DType.BOOL, dims);
        Tensor draws = data.normal(dims);
        for (long i = 0; i < t.size(); i++) {
            t.set(i, draws.at(i) > -0.5 ? 1 : 0);
        }
        return t;
    }

    private static Tensor holed(Tensor bias) {
        for (long i = 0; i < bias.size(); i += 5) {
            bias.set(i, Double.NEGATIVE_INFINITY);
        }
        return bias;
    }

    private static List<AttentionSpec> specs() {
        var data = new Data(3);
        AttentionSpec plain = new AttentionSpec(HEADS, 2, DIM, 0.3, Mask.BIDIRECTIONAL).withValueDim(VALUE_DIM);
        var specs = new ArrayList<AttentionSpec>();
        specs.add(plain);
        specs.add(plain.withMask(Mask.CAUSAL));
        specs.add(plain.withMask(Mask.CAUSAL).withAlignment(Alignment.TOP_LEFT));
        specs.add(plain.withMask(Mask.CAUSAL).withAlignment(new Alignment.Offset(-5, 0, 90)));
        specs.add(plain.withMask(new Mask.Window(7, 3)));
        specs.add(plain.withMask(new Mask.Chunked(16).and(new Mask.Window(9, -1))));
        specs.add(plain.withMask(new Mask.Allowed(allowed(data, 100))).withSoftCap(2));
        specs.add(plain.withMask(new Mask.Allowed(allowed(data, 3, 1, 17, 133)).and(Mask.CAUSAL)));
        specs.add(plain.withBias(new Bias.Added(holed(data.normal(HEADS, 17, 133)))));
        specs.add(plain.withBias(new Bias.Added(data.normal(17, 70))).withScale(-0.2));
        specs.add(plain.withBias(Bias.Alibi.of(HEADS)).withMask(Mask.CAUSAL));
        specs.add(plain.withBias(new Bias.Relative(data.normal(8, HEADS), true, 20)));
        specs.add(plain.withSoftCap(1.5)
                .withScoreMod((score, batch, head, query, key) ->
                        score.plus(query.minus(key).toValue().times(0.01))));
        specs.add(plain.withScoreMod((score, batch, head, query, key) ->
                key.mod(3).equalTo(0).choose(score, Value.of(Double.NEGATIVE_INFINITY))));
        return specs;
    }

    private static Tensor[] inputs() {
        var data = new Data(4);
        return new Tensor[] {
            data.normal(QUERIES.tokens(), HEADS, DIM),
            data.normal(KEYS.tokens(), 2, DIM),
            data.normal(KEYS.tokens(), 2, VALUE_DIM)
        };
    }

    private static Tensor rows(Tensor query, int sequence) {
        return query.rows(QUERIES.start(sequence), QUERIES.start(sequence) + QUERIES.length(sequence));
    }

    @ParameterizedTest
    @MethodSource("subjects")
    void everyStage(Subject subject) {
        for (AttentionSpec spec : specs()) {
            for (int sequence = 0; sequence < KEYS.count(); sequence++) {
                int s = sequence;
                Kit.check(
                        subject,
                        "scores of sequence " + s + ", " + spec,
                        20,
                        (d, in) -> {
                            var past = new KvView.Packed(in[1], in[2], KEYS);
                            var all = new ArrayList<Tensor>();
                            for (ScoreStage stage : ScoreStage.values()) {
                                all.add(d.ops().scores(rows(in[0], s), past, s, spec, stage));
                            }
                            Tensor pattern = d.ops().softmax(all.getLast());
                            all.add(pattern);
                            all.add(d.ops().weigh(pattern, past, s, spec));
                            return all;
                        },
                        inputs());
            }
        }
    }

    /// What fused attention computes, step by step.
    @ParameterizedTest
    @MethodSource("subjects")
    void plainIsFused(Subject subject) {
        Tensor[] in = inputs();
        var past = new KvView.Packed(in[1], in[2], KEYS);
        for (AttentionSpec spec : specs()) {
            try (var workspace = new Workspace()) {
                Ops ops = subject.two().ops(workspace);
                double[] fused = ops.attention(in[0], QUERIES, past, spec).out().toDoubles();
                int at = 0;
                for (int s = 0; s < KEYS.count(); s++) {
                    Tensor pattern = ops.softmax(ops.scores(rows(in[0], s), past, s, spec));
                    for (double value : ops.weigh(pattern, past, s, spec).toDoubles()) {
                        assertEquals(fused[at], value, 2e-6, spec + ", element " + at);
                        at++;
                    }
                }
            }
        }
    }

    /// What lies at keys that nobody sees is not looked at.
    @ParameterizedTest
    @MethodSource("subjects")
    void hiddenValuesMayBeAnything(Subject subject) {
        var spec = new AttentionSpec(HEADS, 2, DIM, 0.3, Mask.CAUSAL).withValueDim(VALUE_DIM);
        Tensor[] in = inputs();
        for (int i = 0; i < VALUE_DIM; i++) {
            in[2].set((KEYS.tokens() - 1L) * 2 * VALUE_DIM + i, i % 2 == 0 ? Double.NaN : Double.POSITIVE_INFINITY);
        }
        var past = new KvView.Packed(in[1], in[2], KEYS);
        try (var workspace = new Workspace()) {
            Ops ops = subject.two().ops(workspace);
            Tensor pattern = ops.softmax(ops.scores(rows(in[0], 2), past, 2, spec));
            Tensor y = ops.weigh(pattern, past, 2, spec);
            for (int i = 0; i < y.size(); i++) {
                boolean last = i / (HEADS * VALUE_DIM) == 16;
                boolean poisoned = last && i / VALUE_DIM % HEADS < 2;
                assertEquals(!poisoned, Double.isFinite(y.at(i)), "element " + i);
            }
        }
    }
}
