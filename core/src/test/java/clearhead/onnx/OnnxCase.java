package clearhead.onnx;

import clearhead.tensor.DType;
import clearhead.tensor.Tensor;
import clearhead.testing.SharedData;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/// One of ONNX's node tests: a graph of one node (or a few), its inputs and the expected outputs.
///
/// @param name of its folder
/// @param nodes in order of execution
/// @param inputs by the graph's names
/// @param outputs expected, by the graph's names
public record OnnxCase(String name, List<Node> nodes, Map<String, Tensor> inputs, Map<String, Tensor> outputs) {

    /// @param type operator
    /// @param inputs names; empty for a skipped one
    /// @param outputs names; empty for one that is not wanted
    /// @param attributes Float, Long, String or List of Long, by name
    public record Node(String type, List<String> inputs, List<String> outputs, Map<String, Object> attributes) {

        public double number(String attribute, double otherwise) {
            return attributes.get(attribute) instanceof Number n ? n.doubleValue() : otherwise;
        }

        public int integer(String attribute, int otherwise) {
            return (int) number(attribute, otherwise);
        }

        public String text(String attribute, String otherwise) {
            return attributes.get(attribute) instanceof String s ? s : otherwise;
        }
    }

    /// The first node.
    public Node node() {
        return nodes.getFirst();
    }

    /// Whether optional input `n` of the first node is given.
    public boolean has(int n) {
        return n < node().inputs().size() && !node().inputs().get(n).isEmpty();
    }

    /// Input `n` of the first node.
    public Tensor input(int n) {
        String wanted = node().inputs().get(n);
        Tensor t = inputs.get(wanted);
        if (t == null) {
            throw new IllegalStateException(name + " has no input file for " + wanted);
        }
        return t;
    }

    /// All cases that are present whose graph has only nodes of these types; prints how many.
    public static List<OnnxCase> of(String... types) {
        var wanted = List.of(types);
        try (Stream<Path> folders = Files.list(SharedData.path("vectors/onnx"))) {
            List<OnnxCase> cases = folders.filter(f -> Files.exists(f.resolve("model.onnx")))
                    .sorted()
                    .filter(f -> nodes(f).stream().allMatch(n -> wanted.contains(n.type)))
                    .map(OnnxCase::read)
                    .toList();
            System.out.println("ONNX " + String.join(", ", wanted) + ": " + cases.size() + " cases");
            return cases;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static Wire graph(Path folder) {
        return new Wire(bytes(folder.resolve("model.onnx"))).all(7).getLast().message();
    }

    private static List<Node> nodes(Path folder) {
        return graph(folder).all(1).stream().map(f -> node(f.message())).toList();
    }

    private static Node node(Wire node) {
        var attributes = new LinkedHashMap<String, Object>();
        for (Wire.Field field : node.all(5)) {
            Wire a = field.message();
            Object value = switch ((int) a.number(20)) {
                case 1 -> a.all(2).getLast().float32();
                case 2 -> a.number(3);
                case 3 -> a.text(4);
                case 7 -> a.numbers(8);
                case 8 -> a.texts(9);
                default -> "type " + a.number(20);
            };
            attributes.put(a.text(1), value);
        }
        return new Node(node.text(4), node.texts(1), node.texts(2), Map.copyOf(attributes));
    }

    private static OnnxCase read(Path folder) {
        return new OnnxCase(
                folder.getFileName().toString(),
                nodes(folder),
                tensors(folder, "input", names(folder, 11)),
                tensors(folder, "output", names(folder, 12)));
    }

    private static List<String> names(Path folder, int field) {
        return graph(folder).all(field).stream().map(f -> f.message().text(1)).toList();
    }

    private static Map<String, Tensor> tensors(Path folder, String kind, List<String> names) {
        var tensors = new LinkedHashMap<String, Tensor>();
        for (int n = 0; n < names.size(); n++) {
            Path file = folder.resolve("test_data_set_0/" + kind + "_" + n + ".pb");
            if (Files.exists(file)) {
                Wire proto = new Wire(bytes(file));
                String name = proto.text(8);
                Tensor t = tensor(proto);
                if (t != null) {
                    tensors.put(name.isEmpty() ? names.get(n) : name, t);
                }
            }
        }
        return tensors;
    }

    /// A TensorProto; null for element types that no tensor of ours has.
    private static @Nullable Tensor tensor(Wire proto) {
        DType type = type((int) proto.number(2));
        if (type == null) {
            return null;
        }
        int[] dims = proto.numbers(1).stream().mapToInt(Math::toIntExact).toArray();
        Tensor t = Tensor.zeros(Arena.ofAuto(), type, dims);
        var raw = proto.all(9);
        if (!raw.isEmpty()) {
            t.data().copyFrom(MemorySegment.ofBuffer(raw.getLast().bytes()));
            return t;
        }
        List<Long> numbers = proto.numbers(type == DType.I64 ? 7 : 5);
        var floats = proto.all(4);
        for (int i = 0; i < t.size(); i++) {
            if (type == DType.F32) {
                ByteBuffer packed = floats.getLast().bytes();
                t.set(
                        i,
                        packed.hasRemaining()
                                ? packed.getFloat(4 * i)
                                : floats.get(i).float32());
            } else {
                t.set(i, numbers.get(i));
            }
        }
        return t;
    }

    private static @Nullable DType type(int number) {
        return switch (number) {
            case 1 -> DType.F32;
            case 2 -> DType.U8;
            case 3 -> DType.I8;
            case 6 -> DType.I32;
            case 7 -> DType.I64;
            case 9 -> DType.BOOL;
            case 10 -> DType.F16;
            case 11 -> DType.F64;
            case 16 -> DType.BF16;
            default -> null;
        };
    }

    private static ByteBuffer bytes(Path file) {
        try {
            return ByteBuffer.wrap(Files.readAllBytes(file));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @Override
    public String toString() {
        return name;
    }
}
