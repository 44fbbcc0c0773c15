package clearhead.nn;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import clearhead.io.Json;
import clearhead.ops.Activation;
import clearhead.ops.AttentionSpec;
import clearhead.ops.Backend;
import clearhead.ops.Ops;
import clearhead.ops.Sequences;
import clearhead.ops.Subject;
import clearhead.tensor.DType;
import clearhead.tensor.Tensor;
import clearhead.tensor.Workspace;
import clearhead.testing.SharedData;
import java.lang.foreign.Arena;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/// A published 3-layer GPT-2 that sorts letters, with every intermediate of its first block, the
/// residual after each block, and the logits: all within 1e-5.
class GptNanoSortTest {
    private static final double BOUND = 1e-5;
    private static final int HEADS = 3;
    private static final int DIM = 48;
    private static final int LAYERS = 3;

    private final Json.Obj model;
    private final Json.Obj published;
    private final Arena arena = Arena.ofAuto();

    GptNanoSortTest() {
        model = read("gpt-nano-sort-model.json");
        published = read("gpt-nano-sort-t0-partials.json");
    }

    private static Json.Obj read(String name) {
        return Json.readObject(SharedData.path("vectors/gpt-nano-sort/" + name));
    }

    static List<Subject> subjects() {
        return Subject.all();
    }

    private Tensor weight(String name) {
        return tensor(model.object(name));
    }

    private Tensor tensor(Json.Obj o) {
        Json.Arr shape = o.array("shape");
        var dims = new int[shape.size()];
        for (int n = 0; n < dims.length; n++) {
            dims[n] = shape.integer(n);
        }
        ByteBuffer bytes =
                ByteBuffer.wrap(Base64.getDecoder().decode(o.text("data"))).order(ByteOrder.LITTLE_ENDIAN);
        Tensor t = Tensor.zeros(arena, DType.F32, dims);
        assertEquals(t.size() * 4, bytes.remaining());
        for (int i = 0; i < t.size(); i++) {
            t.set(i, bytes.getFloat(4 * i));
        }
        return t;
    }

    private Transformer build() {
        var blocks = new ArrayList<Block>();
        for (int layer = 0; layer < LAYERS; layer++) {
            String at = "transformer.h." + layer + ".";
            Tensor qkv = weight(at + "attn.c_attn.weight"); // [3·dim, dim]
            Tensor bias = weight(at + "attn.c_attn.bias");
            blocks.add(new Block.PreNorm(
                    norm(at + "ln_1"),
                    new Attention(
                            AttentionSpec.causal(HEADS, HEADS, DIM / HEADS),
                            new Positions.None(),
                            Linear.of(qkv.rows(0, DIM), bias.rows(0, DIM)),
                            Linear.of(qkv.rows(DIM, 2 * DIM), bias.rows(DIM, 2 * DIM)),
                            Linear.of(qkv.rows(2 * DIM, 3 * DIM), bias.rows(2 * DIM, 3 * DIM)),
                            linear(at + "attn.c_proj")),
                    norm(at + "ln_2"),
                    new Mlp.Dense(linear(at + "mlp.c_fc"), linear(at + "mlp.c_proj"), Activation.GELU_TANH)));
        }
        return new Transformer(
                weight("transformer.wte.weight"),
                new Positions.Learned(weight("transformer.wpe.weight").reshape(11, DIM)),
                blocks,
                norm("transformer.ln_f"),
                Linear.of(weight("lm_head.weight")),
                11);
    }

    private Norm norm(String name) {
        return new Norm.Layer(weight(name + ".weight"), weight(name + ".bias"), 1e-5);
    }

    private Linear linear(String name) {
        return Linear.of(weight(name + ".weight"), weight(name + ".bias"));
    }

    /// Keeps what the published file names.
    private final class Seen implements Probe {
        final Map<String, double[]> values = new HashMap<>();
        final Ops ops;
        final ForwardPass pass;
        final int tokens;

        Seen(Ops ops, ForwardPass pass, int tokens) {
            this.ops = ops;
            this.pass = pass;
            this.tokens = tokens;
        }

        @Override
        public Interest wants(Site site, int layer) {
            return Interest.READ;
        }

        @Override
        public Tensor see(Site site, int layer, Tensor value) {
            if (layer > 0 && site != Site.RESID_POST) {
                return value;
            }
            switch (site) {
                case EMBED -> keep("x", value);
                case ATTN_NORM -> keep("ln1", value);
                case Q -> {
                    values.put("q", byHead(value));
                    third(0, value);
                }
                case K -> {
                    values.put("k", byHead(value));
                    third(1, value);
                }
                case V -> {
                    values.put("v", byHead(value));
                    third(2, value);
                }
                case Z -> keep("y", value);
                case ATTN_OUT -> keep("yProj", value);
                case RESID_MID -> keep("attnResid", value);
                case MLP_NORM -> {
                    keep("ln2", value);
                    keep("fc", linear("transformer.h.0.mlp.c_fc").forward(pass, value));
                }
                case MLP_POST -> keep("gelu", value);
                case MLP_OUT -> keep("mlp", value);
                case RESID_POST -> {
                    keep("block" + layer, value);
                    if (layer == 0) {
                        keep("mlpResid", value);
                    }
                }
                case FINAL_NORM -> keep("ln_f", value);
                case LOGITS -> {
                    keep("lm_head", value);
                    keep("probs", ops.softmax(value));
                }
                case RESID_PRE, Q_PRE, K_PRE, SCORES, PATTERN -> {}
            }
            return value;
        }

        /// query, key or value, side by side in each row of `qkv`.
        private void third(int n, Tensor t) {
            double[] qkv = values.computeIfAbsent("qkv", _ -> new double[3 * (int) t.size()]);
            for (int i = 0; i < t.size(); i++) {
                qkv[(i / DIM * 3 + n) * DIM + i % DIM] = t.at(i);
            }
        }

        private void keep(String name, Tensor value) {
            values.put(name, value.toDoubles());
        }

        /// [batch·tokens, heads, headDim] as [batch, heads, tokens, headDim].
        private double[] byHead(Tensor t) {
            int headDim = t.dim(2);
            var result = new double[(int) t.size()];
            for (int row = 0; row < t.dim(0); row++) {
                for (int h = 0; h < HEADS; h++) {
                    int to = ((row / tokens * HEADS + h) * tokens + row % tokens) * headDim;
                    for (int i = 0; i < headDim; i++) {
                        result[to + i] = t.at(((long) row * HEADS + h) * headDim + i);
                    }
                }
            }
            return result;
        }

        /// Scores by the plain path; the pattern from them and the lse of the fused run.
        @Override
        public void attended(int layer, Attention a) {
            if (layer > 0) {
                return;
            }
            int batch = a.queries().count();
            var scores = new double[batch * HEADS * tokens * tokens];
            var pattern = new double[scores.length];
            for (int s = 0; s < batch; s++) {
                Tensor query = a.query().rows(a.queries().start(s), a.queries().start(s + 1));
                Tensor own = ops.scores(query, a.past(), s, a.spec()); // [heads, queries, context]
                for (int i = 0; i < own.size(); i++) {
                    int h = i / (tokens * tokens);
                    int n = i / tokens % tokens;
                    double lse = a.result().lse().at((long) h * batch * tokens + s * tokens + n);
                    scores[s * (int) own.size() + i] = own.at(i);
                    pattern[s * (int) own.size() + i] = Math.exp(own.at(i) - lse);
                }
            }
            values.put("att", scores);
            values.put("attSm", pattern);
        }
    }

    @ParameterizedTest
    @MethodSource("subjects")
    void everyIntermediate(Subject subject) {
        int[] ids = Arrays.stream(tensor(published.object("idx")).toDoubles())
                .mapToInt(i -> (int) i)
                .toArray();
        int batch = published.object("idx").array("shape").integer(0);
        int tokens = published.object("idx").array("shape").integer(1);
        Transformer transformer = build();
        Backend backend = subject.two();
        try (var workspace = new Workspace()) {
            Ops ops = backend.ops(workspace);
            ForwardPass pass = ForwardPass.of(ops, ids, Sequences.equal(batch, tokens));
            var seen = new Seen(ops, pass, tokens);
            transformer.forward(pass.with(seen));
            seen.keep("tok_emb", ops.embed(transformer.embedding(), pass.ids()));
            Tensor places = pass.positions().rows(0, tokens);
            seen.keep("pos_emb", ops.embed(((Positions.Learned) transformer.positions()).table(), places));
            compare(subject, seen.values);
        }
    }

    private void compare(Subject subject, Map<String, double[]> found) {
        var compared = new TreeSet<String>();
        for (String name : published.fields().keySet()) {
            if (name.equals("config") || name.equals("idx")) {
                continue;
            }
            double[] wanted = tensor(published.object(name)).toDoubles();
            double[] got = found.get(name);
            assertTrue(got != null, () -> "nothing for the published " + name);
            assertArrayEquals(wanted, got, BOUND, subject + ": " + name);
            compared.add(name);
        }
        assertEquals(24, compared.size(), () -> "compared " + compared);
    }
}
