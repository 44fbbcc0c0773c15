package clearhead.nn;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import clearhead.io.Json;
import clearhead.ops.Backend;
import clearhead.ops.BackendProvider;
import clearhead.ops.Backends;
import clearhead.ops.Data;
import clearhead.ops.Ops;
import clearhead.ops.Pairing;
import clearhead.ops.Sequences;
import clearhead.tensor.DType;
import clearhead.tensor.Tensor;
import clearhead.tensor.Workspace;
import clearhead.testing.SharedData;
import java.lang.foreign.Arena;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

class PositionsTest {
    private static final int HEADS = 3;
    private static final int HEAD_DIM = 72;
    private static final int CONTEXT = 100;

    private final Arena arena = Arena.ofAuto();

    static Stream<String> backends() {
        return Backends.all().stream()
                .filter(provider -> provider.obstacles().isEmpty())
                .map(BackendProvider::name);
    }

    static Stream<Arguments> backendsAndPairings() {
        return backends()
                .flatMap(backend -> Stream.of(Pairing.values()).map(pairing -> Arguments.of(backend, pairing)));
    }

    @FunctionalInterface
    private interface Check {
        void with(Ops ops);
    }

    private static void on(String backendName, Check check) {
        try (Backend backend = Backends.named(backendName, 2);
                var workspace = new Workspace()) {
            check.with(backend.ops(workspace));
        }
    }

    private static ForwardPass pass(Ops ops, Sequences sequences, int... first) {
        return ForwardPass.at(ops, new int[sequences.tokens()], sequences, first, KeyValues.NONE);
    }

    private static ForwardPass at(Ops ops, Sequences sequences, int... positions) {
        Tensor places = ops.workspace().take(DType.I32, positions.length);
        for (int i = 0; i < positions.length; i++) {
            places.set(i, positions[i]);
        }
        return pass(ops, sequences, new int[sequences.count()]).withPositions(places);
    }

    private Positions.Rope rope(int rotaryDim, Pairing pairing) {
        return Positions.Rope.of(arena, DType.F32, CONTEXT, rotaryDim, 10000, pairing);
    }

    /// Position 3, rotaryDim 4 of headDim 6, theta 100: pair 0 turns by 3, pair 1 by 0.3. HALVES pairs
    /// elements (0, 2) and (1, 3), INTERLEAVED (0, 1) and (2, 3); 4 and 5 pass through.
    @ParameterizedTest
    @MethodSource("backends")
    void trap10PairingIsInterleavedOrHalves(String backend) {
        on(backend, ops -> {
            Tensor x = Tensor.of(arena, DType.F32, new double[] {1, 0, 0, 1, 5, 6}, 1, 1, 6);
            var pass = pass(ops, Sequences.one(1), 3);
            var halves = Positions.Rope.of(arena, DType.F32, 8, 4, 100, Pairing.HALVES);
            double[] c = {Math.cos(3), Math.cos(0.3)};
            double[] s = {Math.sin(3), Math.sin(0.3)};
            close(halves.rotate(pass, x), c[0], -s[1], s[0], c[1], 5, 6);
            var interleaved = Positions.Rope.of(arena, DType.F32, 8, 4, 100, Pairing.INTERLEAVED);
            close(interleaved.rotate(pass, x), c[0], s[0], -s[1], c[1], 5, 6);
        });
    }

    private static void close(Tensor found, double... wanted) {
        assertArrayEquals(wanted, found.toDoubles(), 1e-6);
    }

    /// The two pairings are one rotation of differently ordered elements: what a converter to GGUF does
    /// to the rows of Wq and Wk, so that interleaved pairs there are halves here.
    @ParameterizedTest
    @MethodSource("backends")
    void trap10OnePairingIsTheOtherOfPermutedElements(String backend) {
        on(backend, ops -> {
            int half = HEAD_DIM / 2;
            Tensor x = new Data(1).normal(5, HEADS, HEAD_DIM);
            Tensor permuted = Tensor.zeros(arena, DType.F32, 5, HEADS, HEAD_DIM);
            for (int row = 0; row < 5 * HEADS; row++) {
                for (int j = 0; j < half; j++) {
                    permuted.set((long) row * HEAD_DIM + 2 * j, x.at((long) row * HEAD_DIM + j));
                    permuted.set((long) row * HEAD_DIM + 2 * j + 1, x.at((long) row * HEAD_DIM + half + j));
                }
            }
            var pass = pass(ops, Sequences.one(5), 2);
            Tensor wanted = rope(HEAD_DIM, Pairing.HALVES).rotate(pass, x);
            Tensor found = rope(HEAD_DIM, Pairing.INTERLEAVED).rotate(pass, permuted);
            for (int row = 0; row < 5 * HEADS; row++) {
                for (int j = 0; j < half; j++) {
                    assertEquals(wanted.at((long) row * HEAD_DIM + j), found.at((long) row * HEAD_DIM + 2 * j), 1e-6);
                    assertEquals(
                            wanted.at((long) row * HEAD_DIM + half + j),
                            found.at((long) row * HEAD_DIM + 2 * j + 1),
                            1e-6);
                }
            }
            assertTrue(different(wanted, rope(HEAD_DIM, Pairing.INTERLEAVED).rotate(pass, x)));
        });
    }

    /// Trap 11: parts of one model may pair differently (DeepSeek's indexer by halves, its attention
    /// interleaved). The pairing belongs to the layer, and scores depend on it.
    @ParameterizedTest
    @MethodSource("backends")
    void trap11PairingBelongsToTheLayer(String backend) {
        on(backend, ops -> {
            Tensor q = new Data(2).normal(1, 1, HEAD_DIM);
            Tensor k = new Data(3).normal(1, 1, HEAD_DIM);
            var near = pass(ops, Sequences.one(1), 5);
            var far = pass(ops, Sequences.one(1), 9);
            double[] scores = Stream.of(Pairing.HALVES, Pairing.INTERLEAVED)
                    .mapToDouble(pairing -> dot(
                            rope(HEAD_DIM, pairing).rotate(far, q),
                            rope(HEAD_DIM, pairing).rotate(near, k)))
                    .toArray();
            assertTrue(Math.abs(scores[0] - scores[1]) > 1e-2);
        });
    }

    private static double dot(Tensor a, Tensor b) {
        double sum = 0;
        for (long i = 0; i < a.size(); i++) {
            sum += a.at(i) * b.at(i);
        }
        return sum;
    }

    private static boolean different(Tensor a, Tensor b) {
        return IntStream.range(0, (int) a.size()).anyMatch(i -> Math.abs(a.at(i) - b.at(i)) > 1e-3);
    }

    /// Against the definition in double, for every even rotaryDim.
    @ParameterizedTest
    @MethodSource("backendsAndPairings")
    void everyPartOfAHeadCanTurn(String backend, Pairing pairing) {
        on(backend, ops -> {
            Tensor x = new Data(4).normal(7, HEADS, HEAD_DIM);
            var pass = pass(ops, new Sequences(0, 4, 7), 11, 90);
            for (int rotaryDim = 2; rotaryDim <= HEAD_DIM; rotaryDim += 2) {
                Tensor y = rope(rotaryDim, pairing).rotate(pass, x);
                for (int token = 0; token < 7; token++) {
                    int position = token < 4 ? 11 + token : 90 + token - 4;
                    for (int head = 0; head < HEADS; head++) {
                        turned(x, y, (token * HEADS + head) * HEAD_DIM, position, rotaryDim, pairing);
                    }
                }
            }
        });
    }

    /// A head of odd size can turn in part.
    @ParameterizedTest
    @MethodSource("backendsAndPairings")
    void oddHeadsTurnInPart(String backend, Pairing pairing) {
        on(backend, ops -> {
            Tensor x = new Data(12).normal(3, 1, 7);
            Tensor y = rope(6, pairing).rotate(pass(ops, Sequences.one(3), 9), x);
            Tensor even = Tensor.zeros(arena, DType.F32, 3, 1, 6);
            for (int i = 0; i < 18; i++) {
                even.set(i, x.at(i / 6 * 7 + i % 6));
            }
            Tensor wanted = rope(6, pairing).rotate(pass(ops, Sequences.one(3), 9), even);
            for (int i = 0; i < 18; i++) {
                assertEquals(wanted.at(i), y.at(i / 6 * 7 + i % 6));
            }
            for (int token = 0; token < 3; token++) {
                assertEquals(x.at(token * 7 + 6), y.at(token * 7 + 6));
            }
        });
    }

    private static void turned(Tensor x, Tensor y, int row, int position, int rotaryDim, Pairing pairing) {
        for (int j = 0; j < rotaryDim / 2; j++) {
            int a = pairing == Pairing.HALVES ? j : 2 * j;
            int b = pairing == Pairing.HALVES ? j + rotaryDim / 2 : 2 * j + 1;
            double angle = position * Math.pow(10000, -2.0 * j / rotaryDim);
            double first = x.at(row + a) * Math.cos(angle) - x.at(row + b) * Math.sin(angle);
            double second = x.at(row + a) * Math.sin(angle) + x.at(row + b) * Math.cos(angle);
            assertEquals(first, y.at(row + a), 2e-6);
            assertEquals(second, y.at(row + b), 2e-6);
        }
        for (int e = rotaryDim; e < HEAD_DIM; e++) {
            assertEquals(x.at(row + e), y.at(row + e));
        }
    }

    /// Scores depend on the distance alone, wherever the sequence starts.
    @ParameterizedTest
    @MethodSource("backendsAndPairings")
    void onlyDistanceMatters(String backend, Pairing pairing) {
        on(backend, ops -> {
            Tensor q = new Data(5).normal(1, 1, HEAD_DIM);
            Tensor k = new Data(6).normal(1, 1, HEAD_DIM);
            var rope = rope(16, pairing);
            double wanted =
                    dot(rope.rotate(at(ops, Sequences.one(1), 8), q), rope.rotate(at(ops, Sequences.one(1), 1), k));
            for (int start : new int[] {5, 37, 92}) {
                double found = dot(
                        rope.rotate(at(ops, Sequences.one(1), start + 7), q),
                        rope.rotate(at(ops, Sequences.one(1), start), k));
                assertEquals(wanted, found, 1e-5);
            }
        });
    }

    /// Any positions in any order: every token turns as it does alone, to the bit.
    @ParameterizedTest
    @MethodSource("backendsAndPairings")
    void gapsAndOrderDoNotMatter(String backend, Pairing pairing) {
        on(backend, ops -> {
            int[] places = {3, 4, 70, 99, 0, 0, 41};
            Tensor x = new Data(7).normal(places.length, HEADS, HEAD_DIM);
            for (Positions positions : List.of(rope(20, pairing), stretching(50, pairing))) {
                Tensor together = positions.rotate(at(ops, Sequences.one(7), places), x);
                for (int i = 0; i < places.length; i++) {
                    var alone = at(ops, Sequences.one(1), places[i]).withLengths(100);
                    assertArrayEquals(
                            positions.rotate(alone, x.rows(i, i + 1)).toFloats(),
                            together.rows(i, i + 1).toFloats());
                }
            }
        });
    }

    /// A sequence turns the same alone and beside others, longer and shorter ones.
    @ParameterizedTest
    @MethodSource("backendsAndPairings")
    void oneSequenceAloneIsTheSameInABatch(String backend, Pairing pairing) {
        on(backend, ops -> {
            var batch = new Sequences(0, 12, 12, 90, 95);
            int[] first = {0, 3, 2, 45};
            Tensor x = new Data(8).normal(95, HEADS, HEAD_DIM);
            for (Positions positions : List.of(rope(HEAD_DIM, pairing), stretching(30, pairing))) {
                Tensor together = positions.rotate(pass(ops, batch, first), x);
                for (int s = 0; s < batch.count(); s++) {
                    Tensor rows = x.rows(batch.start(s), batch.start(s + 1));
                    var alone = pass(ops, Sequences.one(batch.length(s)), first[s]);
                    assertArrayEquals(
                            positions.rotate(alone, rows).toFloats(),
                            together.rows(batch.start(s), batch.start(s + 1)).toFloats());
                }
            }
        });
    }

    /// Frequencies shrink with the length beyond `original`.
    private Positions.RopeByLength stretching(int original, Pairing pairing) {
        var near = Positions.Rope.of(arena, DType.F32, original, HEAD_DIM, 10000, pairing);
        return new Positions.RopeByLength(
                near, original, length -> frequencies(length, original), 1, Positions.RopeByLength.Keys.STAY);
    }

    private static double[] frequencies(int length, int original) {
        return IntStream.range(0, HEAD_DIM / 2)
                .mapToDouble(j -> Math.pow(10000, -2.0 * j / HEAD_DIM) * original / length)
                .toArray();
    }

    @ParameterizedTest
    @MethodSource("backendsAndPairings")
    void lengthChangesFrequenciesBeyondTheOriginalContextOnly(String backend, Pairing pairing) {
        on(backend, ops -> {
            Tensor x = new Data(9).normal(40, HEADS, HEAD_DIM);
            var stretching = stretching(40, pairing);
            var within = pass(ops, Sequences.one(40), 0);
            assertArrayEquals(
                    rope(HEAD_DIM, pairing).rotate(within, x).toFloats(),
                    stretching.rotate(within, x).toFloats());
            // a pass that is a part of 64 tokens
            var other = Positions.Rope.of(arena, DType.F32, CONTEXT, frequencies(64, 40), 1, pairing);
            assertArrayEquals(
                    other.rotate(within, x).toFloats(),
                    stretching.rotate(within.withLengths(64), x).toFloats());
            var rotation = stretching.rotation(64).orElseThrow();
            assertEquals(64, rotation.cos().dim(0));
            assertArrayEquals(
                    other.rotate(within, x).toFloats(),
                    rotation.rotate(within, x).toFloats());
        });
    }

    static Stream<Arguments> sections() {
        Json.Arr cases = Json.readObject(
                        SharedData.repository().resolve("core/src/test/resources/clearhead/model/rope.json"))
                .array("sections");
        return IntStream.range(0, cases.size()).mapToObj(cases::object).map(c -> Arguments.of(c.text("name"), c));
    }

    /// Cosines and sines of Qwen2-VL and Qwen3-VL: a pair (1, 0) turns into them.
    @ParameterizedTest(name = "{0}")
    @MethodSource("sections")
    void sectionsFollowTheirAxes(String name, Json.Obj wanted) {
        int headDim = wanted.integer("head_dim");
        int[] sizes = wanted.object("rope_parameters").array("mrope_section").integers();
        var axes =
                name.equals("alternating") ? Positions.Sections.alternating(sizes) : Positions.Sections.inTurn(sizes);
        Json.Arr rows = wanted.array("positions");
        int tokens = rows.array(0).size();
        on("reference", ops -> {
            Tensor places = Tensor.zeros(arena, DType.I32, 3, tokens);
            for (int axis = 0; axis < 3; axis++) {
                for (int t = 0; t < tokens; t++) {
                    places.set((long) axis * tokens + t, rows.array(axis).integer(t));
                }
            }
            Tensor x = Tensor.zeros(arena, DType.F32, tokens, 1, headDim);
            for (int t = 0; t < tokens; t++) {
                for (int j = 0; j < headDim / 2; j++) {
                    x.set((long) t * headDim + j, 1);
                }
            }
            var rope = Positions.Rope.of(arena, DType.F32, 8, headDim, 10000, Pairing.HALVES);
            var pass = pass(ops, Sequences.one(tokens), 0).withPositions(places);
            Tensor y = new Positions.Sections(rope, axes).rotate(pass, x);
            double[] cos = wanted.array("cos").reals();
            double[] sin = wanted.array("sin").reals();
            for (int t = 0; t < tokens; t++) {
                for (int j = 0; j < headDim / 2; j++) {
                    assertEquals(cos[t * headDim / 2 + j], y.at((long) t * headDim + j), 1e-6);
                    assertEquals(sin[t * headDim / 2 + j], y.at((long) t * headDim + headDim / 2 + j), 1e-6);
                }
            }
        });
    }

    @ParameterizedTest
    @MethodSource("backendsAndPairings")
    void textTurnsTheSameWithSections(String backend, Pairing pairing) {
        on(backend, ops -> {
            var rope = rope(HEAD_DIM, pairing);
            var sections = new Positions.Sections(rope, Positions.Sections.inTurn(12, 12, 12));
            Tensor x = new Data(10).normal(9, HEADS, HEAD_DIM);
            var pass = pass(ops, Sequences.one(9), 20);
            float[] wanted = rope.rotate(pass, x).toFloats();
            assertArrayEquals(wanted, sections.rotate(pass, x).toFloats());
            Tensor places = Tensor.zeros(arena, DType.I32, 3, 9);
            for (int i = 0; i < 27; i++) {
                places.set(i, 20 + i % 9);
            }
            assertArrayEquals(
                    wanted, sections.rotate(pass.withPositions(places), x).toFloats());
        });
    }

    @Test
    void wrongSizesAreNamed() {
        on("reference", ops -> {
            refused(() -> rope(7, Pairing.HALVES), "rotaryDim", "even", "7");
            refused(() -> rope(0, Pairing.HALVES), "rotaryDim", "0");
            Tensor x = new Data(11).normal(2, 1, 6);
            var pass = pass(ops, Sequences.one(2), 0);
            refused(() -> rope(8, Pairing.HALVES).rotate(pass, x), "4 pairs", "8 elements", "headDim of x is 6");
            refused(
                    () -> rope(6, Pairing.HALVES).rotate(pass(ops, Sequences.one(2), 99), x),
                    "positions",
                    "99",
                    "found 100");
            refused(
                    () -> rope(6, Pairing.HALVES).rotate(pass, new Data(11).normal(3, 1, 6)),
                    "tokens of positions [tokens] must be 3 as in x, found 2");
            var sections = new Positions.Sections(rope(6, Pairing.HALVES), List.of(0, 1, 2));
            Tensor few = Tensor.zeros(arena, DType.I32, 2, 2);
            refused(() -> sections.rotate(pass.withPositions(few), x), "[axes, tokens]", "3 axes", "[2, 2]");
            Tensor places = Tensor.zeros(arena, DType.I32, 3, 2);
            places.set(5, 200);
            refused(() -> sections.rotate(pass.withPositions(places), x), "positions", "99", "found 200");
            refused(
                    () -> stretching(4, Pairing.HALVES)
                            .rotate(pass.withPositions(places), new Data(1).normal(2, 1, HEAD_DIM)),
                    "positions",
                    "[tokens]");
            refused(() -> new Positions.Sections(rope(6, Pairing.HALVES), List.of(0, 1)), "axes [pairs]", "2", "3");
            refused(() -> pass.withLengths(1, 2), "2 sequences", "1");
            refused(() -> pass.withPositions(Tensor.zeros(arena, DType.I32, 3)), "3 tokens", "2");
        });
    }

    private static void refused(org.junit.jupiter.api.function.Executable call, String... parts) {
        String message = String.valueOf(
                assertThrows(IllegalArgumentException.class, call).getMessage());
        for (String part : parts) {
            assertTrue(message.contains(part), message);
        }
    }
}
