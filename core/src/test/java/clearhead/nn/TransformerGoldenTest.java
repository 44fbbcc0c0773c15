package clearhead.nn;

import static org.junit.jupiter.api.Assertions.assertEquals;

import clearhead.io.Json;
import clearhead.ops.Activation;
import clearhead.ops.Backend;
import clearhead.ops.BackendProvider;
import clearhead.ops.Backends;
import clearhead.ops.Mask;
import clearhead.ops.Ops;
import clearhead.ops.Sequences;
import clearhead.tensor.DType;
import clearhead.tensor.Tensor;
import clearhead.tensor.Workspace;
import clearhead.testing.SharedData;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/// Encoder and decoder layers against PyTorch's own tests, and against layers that
/// tools/golden/layers.py ran there. Once with padding and a mask, as there, and once packed without it,
/// which is how this project runs sequences of different lengths.
class TransformerGoldenTest {
    private static final double ATOL = 1e-5;

    private final Arena arena = Arena.ofAuto();

    static Stream<String> backends() {
        return Backends.all().stream()
                .filter(provider -> provider.obstacles().isEmpty())
                .map(BackendProvider::name);
    }

    static Stream<Arguments> published() {
        Json.Arr cases = Json.readObject(SharedData.path("vectors/pytorch/transformer_golden.json"))
                .array("cases");
        return backends()
                .flatMap(backend -> IntStream.range(0, cases.size())
                        .mapToObj(cases::object)
                        .map(c -> Arguments.of(c.text("name"), backend, c)));
    }

    /// Tokens of a batch, padded to one length.
    ///
    /// @param values [batch][token][dim]
    /// @param hidden [batch][token]: 1 is padding
    private record Batch(double[][][] values, Optional<int[][]> hidden) {

        /// @param axes [token][batch][dim] where `tokensFirst`, else [batch][token][dim]
        static Batch of(Json.Arr axes, boolean tokensFirst, Optional<Json.Arr> padding) {
            int outer = axes.size();
            int inner = axes.array(0).size();
            var values = new double[tokensFirst ? inner : outer][tokensFirst ? outer : inner][];
            for (int i = 0; i < outer; i++) {
                for (int j = 0; j < inner; j++) {
                    values[tokensFirst ? j : i][tokensFirst ? i : j] =
                            axes.array(i).array(j).reals();
                }
            }
            return new Batch(
                    values,
                    padding.map(p -> IntStream.range(0, p.size())
                            .mapToObj(b -> p.array(b).integers())
                            .toArray(int[][]::new)));
        }

        int dim() {
            return values[0][0].length;
        }

        /// Whether a token is one of those that `packed` keeps.
        private boolean kept(int b, int t, boolean packed) {
            return !packed || hidden.isEmpty() || hidden.get()[b][t] == 0;
        }

        List<double[]> rows(boolean packed) {
            var rows = new ArrayList<double[]>();
            for (int b = 0; b < values.length; b++) {
                for (int t = 0; t < values[b].length; t++) {
                    if (kept(b, t, packed)) {
                        rows.add(values[b][t]);
                    }
                }
            }
            return rows;
        }

        Sequences sequences(boolean packed) {
            var starts = new int[values.length + 1];
            for (int b = 0; b < values.length; b++) {
                starts[b + 1] = starts[b];
                for (int t = 0; t < values[b].length; t++) {
                    starts[b + 1] += kept(b, t, packed) ? 1 : 0;
                }
            }
            return new Sequences(starts);
        }

        /// @return [tokens, dim]
        Tensor tensor(Arena arena, boolean packed) {
            double[] all = rows(packed).stream()
                    .flatMapToDouble(java.util.Arrays::stream)
                    .toArray();
            return Tensor.of(arena, DType.F32, all, all.length / dim(), dim());
        }

        Mask seen(Arena arena, boolean packed) {
            return TorchLayers.seen(arena, packed ? Optional.empty() : hidden);
        }

        Batch with(Optional<int[][]> other) {
            return new Batch(values, other);
        }
    }

    @ParameterizedTest(name = "{0} on {1}")
    @MethodSource
    void published(String name, String backendName, Json.Obj wanted) {
        boolean encoder = wanted.text("kind").equals("encoder");
        Batch x = Batch.of(
                wanted.array(encoder ? "src" : "tgt"),
                true,
                padding(wanted, encoder ? "src_key_padding_mask" : "tgt_key_padding_mask"));
        Batch memory = encoder ? x : Batch.of(wanted.array("memory"), true, padding(wanted, "memory_key_padding_mask"));
        Batch out = Batch.of(wanted.array("out"), true, Optional.empty()).with(x.hidden());
        Activation act = wanted.text("act").equals("gelu") ? Activation.GELU : Activation.RELU;
        for (boolean packed : ways(x, memory)) {
            var masks = new TorchLayers.Masks(x.seen(arena, packed), memory.seen(arena, packed));
            // cos of a float32 number, rounded to float32
            var layers = new TorchLayers(arena, 4, 2, 16, false, act, (_, i, _) -> (float) Math.cos((float) i), masks);
            check(name, backendName, out.rows(packed), ops -> {
                int count = wanted.integer("layers");
                Tensor y = run(layers, ops, encoder, count, x, memory, packed);
                return wanted.bool("norm", false) ? plainNorm(ops, y) : y;
            });
        }
    }

    private static boolean[] ways(Batch x, Batch memory) {
        boolean padded = x.hidden().isPresent() || memory.hidden().isPresent();
        return padded ? new boolean[] {false, true} : new boolean[] {true};
    }

    private static Optional<Json.Arr> padding(Json.Obj wanted, String name) {
        return wanted.has(name) ? Optional.of(wanted.array(name)) : Optional.empty();
    }

    private Tensor run(TorchLayers layers, Ops ops, boolean encoder, int count, Batch x, Batch memory, boolean packed) {
        Tensor tokens = x.tensor(arena, packed);
        return encoder
                ? layers.encode(ops, count, tokens, x.sequences(packed))
                : layers.decode(
                        ops,
                        count,
                        tokens,
                        x.sequences(packed),
                        memory.tensor(arena, packed),
                        memory.sequences(packed));
    }

    /// A norm as it is before any training: weight 1, bias 0.
    private Tensor plainNorm(Ops ops, Tensor y) {
        Tensor one = Tensor.of(arena, DType.F32, new double[] {1, 1, 1, 1}, 4);
        return ops.layerNorm(y, one, Tensor.zeros(arena, DType.F32, 4), 1e-5);
    }

    static Stream<Arguments> made() {
        Json.Obj all =
                Json.readObject(SharedData.repository().resolve("core/src/test/resources/clearhead/nn/layers.json"));
        Json.Arr cases = all.array("cases");
        return backends()
                .flatMap(backend -> IntStream.range(0, cases.size())
                        .mapToObj(cases::object)
                        .map(c -> Arguments.of(
                                c.text("kind")
                                        + (c.bool("norm_first") ? ", norms before, " : ", norms after, ")
                                        + c.text("act")
                                        + (c.bool("causal") ? ", causal" : "")
                                        + (c.bool("padded") ? ", padded" : ""),
                                backend,
                                all,
                                c)));
    }

    @ParameterizedTest(name = "{0} on {1}")
    @MethodSource
    void made(String name, String backendName, Json.Obj all, Json.Obj wanted) {
        boolean encoder = wanted.text("kind").equals("encoder");
        boolean padded = wanted.bool("padded");
        Batch source = Batch.of(all.array("source"), false, given(padded, all, "source_padding"));
        Batch target = Batch.of(all.array("target"), false, given(padded, all, "target_padding"));
        Batch x = encoder ? source : target;
        Batch out = Batch.of(wanted.array("out"), false, Optional.empty()).with(x.hidden());
        Activation act = wanted.text("act").equals("gelu") ? Activation.GELU : Activation.RELU;
        for (boolean packed : ways(x, source)) {
            Mask padding = x.seen(arena, packed);
            Mask own = padding;
            if (wanted.bool("causal")) {
                own = padding instanceof Mask.Allowed ? Mask.CAUSAL.and(padding) : Mask.CAUSAL;
            }
            var masks = new TorchLayers.Masks(own, source.seen(arena, packed));
            var layers = new TorchLayers(
                    arena,
                    all.integer("dim"),
                    all.integer("heads"),
                    all.integer("hidden"),
                    wanted.bool("norm_first"),
                    act,
                    (n, i, norm) -> 0.4 * Math.cos(1.7 * i + n) + (norm ? 1 : 0),
                    masks);
            check(name, backendName, out.rows(packed), ops -> run(layers, ops, encoder, 2, x, source, packed));
        }
    }

    private static Optional<Json.Arr> given(boolean padded, Json.Obj all, String name) {
        return padded ? Optional.of(all.array(name)) : Optional.empty();
    }

    @FunctionalInterface
    private interface Run {
        Tensor on(Ops ops);
    }

    private static void check(String name, String backendName, List<double[]> wanted, Run run) {
        try (Backend backend = Backends.named(backendName, 2);
                var workspace = new Workspace()) {
            Tensor found = run.on(backend.ops(workspace));
            assertEquals(wanted.size(), found.dim(0));
            for (int row = 0; row < wanted.size(); row++) {
                double[] values = wanted.get(row);
                for (int e = 0; e < values.length; e++) {
                    double value = found.at((long) row * values.length + e);
                    assertEquals(values[e], value, ATOL, name + ", row " + row + ", element " + e);
                }
            }
        }
    }
}
