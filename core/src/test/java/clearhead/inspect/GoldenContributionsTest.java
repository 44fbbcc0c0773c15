package clearhead.inspect;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.DynamicTest.dynamicTest;

import clearhead.model.Model;
import clearhead.nn.Transformer;
import clearhead.ops.Backend;
import clearhead.ops.Backends;
import clearhead.ops.Ops;
import clearhead.tensor.Workspace;
import clearhead.testing.GoldenFolders;
import clearhead.testing.GoldenFolders.Golden;
import java.util.OptionalInt;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/// In every family, what the parts of a model write adds up to the logit.
class GoldenContributionsTest {
    private static final int[] IDS = {5, 17, 3, 40, 8, 21, 33, 2};

    @TestFactory
    Stream<DynamicTest> partsAddUpToTheLogit() {
        return GoldenFolders.of("causal").stream()
                .filter(Golden::committed)
                .map(golden -> dynamicTest(golden.name(), () -> addsUp(golden)));
    }

    private static void addsUp(Golden golden) {
        try (Backend backend = Backends.named("reference", 1);
                var model = Model.load(golden.folder(), backend);
                var workspace = new Workspace()) {
            Transformer transformer = model.transformer();
            if (!Contributions.possible(transformer)) {
                return; // refused in one line, see ContributionsTest
            }
            Ops ops = backend.ops(workspace);
            try (Run run = Run.of(transformer, ops, IDS)) {
                Contributions c = Contributions.of(run, ops, IDS.length - 1, 7, OptionalInt.empty());
                double size =
                        c.parts().stream().mapToDouble(p -> Math.abs(p.value())).sum();
                assertEquals(c.logit(), c.sum(), 2e-5 * size);
            }
        }
    }
}
