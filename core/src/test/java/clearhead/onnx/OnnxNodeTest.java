package clearhead.onnx;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import clearhead.ops.Backend;
import clearhead.ops.Subject;
import clearhead.ops.cpu.reference.ReferenceBackend;
import clearhead.tensor.DType;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/// ONNX's node tests of the operators that our operations cover, on every backend: at upstream's
/// tolerance against the published outputs, and within 1e-5 of the output's largest value of an
/// evaluation in F64.
class OnnxNodeTest {
    private static final Backend REFERENCE = new ReferenceBackend();

    @TestFactory
    Stream<DynamicTest> nodes() {
        List<OnnxCase> cases = OnnxCase.of(NodeRunner.TYPES.toArray(new String[0])).stream()
                .filter(c -> c.nodes().size() == 1)
                .toList();
        assertFalse(cases.isEmpty());
        return Subject.all().stream()
                .flatMap(subject -> cases.stream()
                        .map(c -> DynamicTest.dynamicTest(subject + " " + c.name(), () -> check(subject, c))));
    }

    private static void check(Subject subject, OnnxCase c) {
        Map<String, Grid> found = NodeRunner.run(subject.two(), DType.F32, c);
        Map<String, Grid> exact = NodeRunner.run(REFERENCE, DType.F64, c);
        assertFalse(c.outputs().isEmpty());
        c.outputs().forEach((name, tensor) -> {
            Grid wanted = Grid.of(tensor);
            Grid got = Objects.requireNonNull(found.get(name), name);
            assertArrayEquals(wanted.dims(), got.dims(), name);
            near(name, wanted.values(), got.values(), 1e-3, 1e-7);
            double[] strict = Objects.requireNonNull(exact.get(name)).values();
            double largest = 0;
            for (double value : strict) {
                largest = Math.max(largest, Math.abs(value));
            }
            near(name + " against F64", strict, got.values(), 0, 1e-5 * largest);
        });
    }

    private static void near(String name, double[] wanted, double[] found, double relative, double absolute) {
        assertEquals(wanted.length, found.length, name);
        for (int i = 0; i < wanted.length; i++) {
            double bound = absolute + relative * Math.abs(wanted[i]);
            assertEquals(wanted[i], found[i], bound, name + ", element " + i);
        }
    }
}
