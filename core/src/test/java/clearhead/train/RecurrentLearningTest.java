package clearhead.train;

import static org.junit.jupiter.api.Assertions.assertTrue;

import clearhead.model.Parameter;
import clearhead.nn.Linear;
import clearhead.nn.Recurrent;
import clearhead.ops.Backend;
import clearhead.ops.Backends;
import clearhead.ops.Cell;
import clearhead.ops.Recurrence;
import clearhead.ops.Sequences;
import clearhead.tensor.DType;
import clearhead.tensor.Shape;
import clearhead.tensor.Tensor;
import clearhead.tensor.Workspace;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/// Layers of recurrent cells learn what needs their state: the token before the last one, and, in the other
/// direction, the one after the next.
class RecurrentLearningTest {
    private static final int VOCAB = 4;
    private static final int DIM = 12;
    private static final int HIDDEN = 20;
    private static final int TOKENS = 10;
    private static final int BATCH = 16;

    static Stream<Cell> cells() {
        return Stream.of(Cell.rnn(), Cell.lstm(), Cell.gru());
    }

    private static Parameter parameter(String name, int... dims) {
        var init = dims.length == 1 ? Parameter.Init.ZEROS : Parameter.Init.normal(0.3);
        return new Parameter(name, new Shape(dims), init, List.of(Parameter.Stored.whole(name, dims[0])));
    }

    private static Recurrent.OneWay way(Parameters p, Cell cell, boolean reverse) {
        return new Recurrent.OneWay(
                Linear.of(p.value("input" + reverse), p.value("bias" + reverse)),
                new Recurrence(cell, reverse, p.value("recurrent" + reverse), Optional.empty(), Optional.empty()));
    }

    @ParameterizedTest
    @MethodSource("cells")
    void theLastButOneAndTheNextButOne(Cell cell) {
        int wide = cell.gates() * HIDDEN;
        var all =
                new ArrayList<>(List.of(parameter("table", VOCAB, DIM), parameter("head", VOCAB * VOCAB, 2 * HIDDEN)));
        for (boolean reverse : new boolean[] {false, true}) {
            all.add(parameter("input" + reverse, wide, DIM));
            all.add(parameter("bias" + reverse, wide));
            all.add(parameter("recurrent" + reverse, wide, HIDDEN));
        }
        try (Arena arena = Arena.ofShared();
                Backend backend = Backends.best(1);
                var activations = new Workspace();
                var gradients = new Workspace()) {
            var p = new Parameters(arena, DType.F32, all);
            p.start(1);
            var layer = new Recurrent.BothWays(way(p, cell, false), way(p, cell, true));
            var tape = new Tape(backend.ops(activations), backend, gradients);
            p.watch(tape);
            var optimizer = new AdamW(0.9, 0.99, 1e-8, 0, 1);
            var random = new Random(1);
            double loss = Double.NaN;
            for (int step = 1; step <= 120; step++) {
                tape.reset();
                loss = learn(tape, activations, p, layer, random);
                optimizer.step(backend.updates(), p, step, 0.02);
            }
            assertTrue(loss < 0.5, cell + ": loss " + loss + " of " + Math.log(VOCAB * VOCAB));
        }
    }

    private static double learn(Tape tape, Workspace workspace, Parameters p, Recurrent layer, Random random) {
        Tensor ids = workspace.take(DType.I32, BATCH * TOKENS);
        Tensor targets = workspace.take(DType.I32, BATCH * TOKENS);
        for (int i = 0; i < BATCH * TOKENS; i++) {
            ids.set(i, random.nextInt(VOCAB));
        }
        int counted = 0;
        for (int i = 0; i < BATCH * TOKENS; i++) {
            boolean inside = i % TOKENS >= 2 && i % TOKENS < TOKENS - 2;
            targets.set(i, inside ? ids.intAt(i - 2) * VOCAB + ids.intAt(i + 2) : -1);
            counted += inside ? 1 : 0;
        }
        var sequences = Sequences.equal(BATCH, TOKENS);
        Tensor y = layer.forward(tape, sequences, tape.embed(p.value("table"), ids));
        Tensor losses = tape.crossEntropy(tape.linear(y, p.value("head")), targets);
        Tensor weights = workspace.take(DType.F32, losses.shape());
        double sum = 0;
        for (int i = 0; i < losses.size(); i++) {
            weights.set(i, 1.0 / counted);
            sum += losses.at(i);
        }
        tape.backward(losses, weights);
        return sum / counted;
    }
}
