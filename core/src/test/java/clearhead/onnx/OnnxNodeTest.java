package clearhead.onnx;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import clearhead.ops.Backend;
import clearhead.ops.Subject;
import clearhead.ops.cpu.reference.ReferenceBackend;
import clearhead.tensor.DType;
import clearhead.tensor.Tensor;
import java.lang.foreign.Arena;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

/// ONNX's node tests of the operators that our operations cover, on every backend: at upstream's
/// tolerance against the published outputs, and within 1e-5 of the output's largest value of an
/// evaluation in F64.
class OnnxNodeTest {
    private static final Backend REFERENCE = new ReferenceBackend();

    @TestFactory
    Stream<DynamicTest> nodes() {
        List<OnnxCase> cases = OnnxCase.all();
        var counts = new TreeMap<String, Integer>();
        cases.forEach(c -> counts.merge(c.node().type(), 1, Integer::sum));
        System.out.println("ONNX: " + cases.size() + " cases on each backend: " + counts);
        Set<String> ran = new HashSet<>();
        Stream<DynamicTest> each = Subject.all().stream()
                .flatMap(subject -> cases.stream()
                        .map(c -> DynamicTest.dynamicTest(subject + " " + c.name(), () -> {
                            ran.add(subject + " " + c.name());
                            check(subject, c);
                        })));
        return Stream.concat(each, Stream.of(DynamicTest.dynamicTest("every case of the index", () -> {
            assertFalse(OnnxCase.index().isEmpty());
            for (Subject subject : Subject.all()) {
                for (String name : OnnxCase.index()) {
                    assertTrue(ran.contains(subject + " " + name), () -> subject + " did not run " + name);
                }
            }
        })));
    }

    /// What the runner does not know fails, instead of being left out.
    @Test
    void unknownNodesFail() {
        var x = Tensor.of(Arena.ofAuto(), new float[] {1, 2}, 2);
        for (OnnxCase.Node node : List.of(
                new OnnxCase.Node("Conv", List.of("x"), List.of("y"), Map.of()),
                new OnnxCase.Node("Swish", List.of("x"), List.of("y"), Map.of("beta", 2f)),
                new OnnxCase.Node("Swish", List.of("x", "x"), List.of("y"), Map.of()))) {
            var c = new OnnxCase("made", 24, List.of(node), Map.of("x", x), Map.of(), Map.of());
            assertThrows(IllegalArgumentException.class, () -> NodeRunner.run(REFERENCE, DType.F32, c, true));
        }
    }

    private static void check(Subject subject, OnnxCase c) {
        Map<String, Grid> found = NodeRunner.run(subject.two(), DType.F32, c, true);
        if (c.node().type().equals("Dropout") && GateNodes.ratio(c) > 0) {
            dropped(c, found);
            return;
        }
        boolean small = c.types().containsValue(Element.F16) || c.types().containsValue(Element.BF16);
        Map<String, Grid> precise = small ? NodeRunner.run(subject.two(), DType.F32, c, false) : found;
        Map<String, Grid> exact = NodeRunner.run(REFERENCE, DType.F64, c, false);
        assertFalse(c.outputs().isEmpty());
        c.outputs().forEach((name, tensor) -> {
            Grid wanted = Grid.of(tensor);
            Grid got = Objects.requireNonNull(found.get(name), name);
            assertArrayEquals(wanted.dims(), got.dims(), name);
            near(c.name() + ", " + name, wanted.values(), got.values(), 1e-3, 1e-7);
            double[] strict = Objects.requireNonNull(exact.get(name)).values();
            double largest = 0;
            for (double value : strict) {
                largest = Double.isFinite(value) ? Math.max(largest, Math.abs(value)) : largest;
            }
            near(
                    c.name() + ", " + name + " against F64",
                    strict,
                    Objects.requireNonNull(precise.get(name)).values(),
                    0,
                    1e-5 * largest);
        });
    }

    /// Dropout in training draws numbers that are not NumPy's: what is kept is x/(1 − ratio), what is
    /// not is 0, and the mask says which.
    private static void dropped(OnnxCase c, Map<String, Grid> found) {
        double[] x = c.input(0).toDoubles();
        List<String> outputs = c.node().outputs();
        double[] y = Objects.requireNonNull(found.get(outputs.getFirst())).values();
        double keeps = 1 - GateNodes.ratio(c);
        int kept = 0;
        for (int i = 0; i < x.length; i++) {
            boolean keptHere = y[i] != 0;
            kept += keptHere ? 1 : 0;
            assertEquals(keptHere ? x[i] / keeps : 0, y[i], 1e-6 * Math.abs(x[i] / keeps), "element " + i);
            if (outputs.size() > 1) {
                double mask = Objects.requireNonNull(found.get(outputs.get(1))).values()[i];
                assertEquals(keptHere ? 1 : 0, mask, "mask " + i);
            }
        }
        assertEquals(keeps, (double) kept / x.length, 4 * Math.sqrt(keeps * (1 - keeps) / x.length));
    }

    private static void near(String name, double[] wanted, double[] found, double relative, double absolute) {
        assertEquals(wanted.length, found.length, name);
        for (int i = 0; i < wanted.length; i++) {
            double bound = Double.isFinite(wanted[i]) ? absolute + relative * Math.abs(wanted[i]) : 0;
            assertEquals(wanted[i], found[i], bound, name + ", element " + i);
        }
    }
}
