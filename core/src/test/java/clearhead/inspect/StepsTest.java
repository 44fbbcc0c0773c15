package clearhead.inspect;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import clearhead.nn.ForwardPass;
import clearhead.nn.Transformer;
import clearhead.ops.Backend;
import clearhead.ops.Backends;
import clearhead.ops.Ops;
import clearhead.tensor.Workspace;
import java.lang.foreign.Arena;
import java.util.List;
import java.util.OptionalInt;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class StepsTest {
    private static final int[] IDS = {1, 5, 9, 5, 9, 30, 2};

    static List<String> backends() {
        return PatternRowsTest.backends();
    }

    /// Every step's result is the next step's input, and what is recomputed is what ran.
    @ParameterizedTest
    @MethodSource("backends")
    void stepsFollowFromOneAnother(String name) {
        try (Arena arena = Arena.ofShared();
                var workspace = new Workspace();
                Backend backend = Backends.named(name, 2)) {
            Ops ops = backend.ops(workspace);
            for (Transformer model : List.of(TinyModels.llama(arena), TinyModels.gpt2(arena))) {
                int heads = model.attention(model.attentionLayers().getFirst())
                        .spec()
                        .heads();
                for (int layer = 0; layer < model.layers(); layer++) {
                    for (int head = 0; head < heads; head++) {
                        try (var look = Look.at(model, ops, IDS, OptionalInt.of(layer), OptionalInt.of(head), 5)) {
                            for (int key = 0; key < IDS.length; key++) {
                                check(Steps.of(look, ops, OptionalInt.of(key)), look);
                            }
                        }
                    }
                }
            }
        }
    }

    private static void check(Steps s, Look look) {
        assertTrue(s.largestRelativeDifference() < 2e-5, () -> "" + s.largestRelativeDifference());
        Steps.Products p = s.products();
        double sum = 0;
        for (double product : p.products()) {
            sum += product;
        }
        assertEquals(sum, p.sum());
        assertEquals(p.sum() * s.place().scale(), p.score());
        Steps.Cell cell = s.softmax().cells().get(s.place().key());
        assertEquals(cell.dot(), p.sum(), 1e-12);
        assertEquals(s.place().key() > s.place().query(), cell.masked());
        if (!cell.masked()) {
            assertEquals(p.score(), cell.score(), 1e-12);
            assertEquals(look.row().weights()[s.place().key()], cell.weight(), 1e-5);
        } else {
            assertEquals(0, cell.weight());
        }
        assertEquals(
                1, s.softmax().cells().stream().mapToDouble(Steps.Cell::weight).sum(), 1e-12);
        for (Steps.Projection q : List.of(s.query(), s.key(), s.value())) {
            for (Steps.Element e : q.elements()) {
                assertEquals(q.run()[e.index()], e.sum(), 1e-4);
                assertEquals(8, e.largest().size());
            }
        }
        if (!s.rotations().isEmpty()) {
            assertArrayEquals(s.query().run(), s.rotation("query").orElseThrow().before());
            assertArrayEquals(p.query(), s.rotation("query").orElseThrow().run());
            assertArrayEquals(s.key().run(), s.rotation("key").orElseThrow().before());
            assertArrayEquals(p.key(), s.rotation("key").orElseThrow().run());
        } else {
            assertArrayEquals(s.query().run(), p.query());
            assertArrayEquals(s.key().run(), p.key());
        }
        assertArrayEquals(look.logits(), s.effect().total().before());
    }

    /// Nothing follows the head in the last layer but the MLP; in a model of whose last layer the
    /// MLP says nothing, the direct effect is the total one.
    @Test
    void directEffectIsTheTotalWhereNothingFollows() {
        try (Arena arena = Arena.ofShared();
                var workspace = new Workspace();
                Backend backend = Backends.named("reference", 1)) {
            Transformer model = TinyModels.llama(arena);
            var mlp = (clearhead.nn.Mlp.Gated)
                    ((clearhead.nn.Block.PreNorm) model.blocks().getLast()).mlp();
            mlp.down().weight().data().fill((byte) 0);
            Ops ops = backend.ops(workspace);
            try (var look = Look.at(model, ops, IDS, OptionalInt.of(2), OptionalInt.of(3), 6)) {
                Steps.Effect effect = Steps.of(look, ops, OptionalInt.empty()).effect();
                assertArrayEquals(effect.total().after(), effect.direct().after(), 1e-5);
                assertTrue(effect.total().divergence() > 1e-6);
            }
        }
    }

    @Test
    void theDefaultHeadHasTheStrongestLook() {
        try (Arena arena = Arena.ofShared();
                var workspace = new Workspace();
                Backend backend = Backends.named("reference", 1)) {
            Transformer model = TinyModels.llama(arena);
            Ops ops = backend.ops(workspace);
            double largest = -1;
            int[] at = {};
            for (int layer = 0; layer < 3; layer++) {
                for (int head = 0; head < 4; head++) {
                    try (var look = Look.at(model, ops, IDS, OptionalInt.of(layer), OptionalInt.of(head), 6)) {
                        double[] w = look.row().weights();
                        double strongest = IntStream.range(1, 6)
                                .mapToDouble(k -> w[k])
                                .max()
                                .orElse(0);
                        if (strongest > largest) {
                            largest = strongest;
                            at = new int[] {layer, head};
                        }
                    }
                }
            }
            try (var look = Look.at(model, ops, IDS, OptionalInt.empty(), OptionalInt.empty(), 6)) {
                assertArrayEquals(at, new int[] {look.layer(), look.head()});
                assertArrayEquals(
                        model.forward(ForwardPass.of(ops, IDS).logitsOf(6)).toDoubles(), look.logits());
            }
            var e = assertThrows(
                    IllegalArgumentException.class,
                    () -> Look.at(model, ops, IDS, OptionalInt.of(3), OptionalInt.empty(), 6));
            assertEquals("layer 3 is out of range: there are 3, numbered 0 to 2", e.getMessage());
        }
    }
}
