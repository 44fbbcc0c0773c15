package clearhead.onnx;

import clearhead.tensor.Tensor;
import clearhead.testing.SharedData;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/// One of ONNX's node tests: a graph of one node (or a few), its inputs and the expected outputs.
///
/// @param name of its folder
/// @param opset version of the standard operators
/// @param nodes in order of execution
/// @param inputs by the graph's names
/// @param types of the inputs and outputs
/// @param outputs expected, by the graph's names
public record OnnxCase(
        String name,
        int opset,
        List<Node> nodes,
        Map<String, Tensor> inputs,
        Map<String, Element> types,
        Map<String, Tensor> outputs) {

    /// @param type operator
    /// @param inputs names; empty for a skipped one
    /// @param outputs names; empty for one that is not wanted
    /// @param attributes Float, Long, String, Tensor, Graph or List, by name
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

    /// A graph that is an attribute.
    ///
    /// @param constants tensors that the graph brings along
    public record Graph(
            List<Node> nodes,
            Map<String, Tensor> constants,
            Map<String, Element> types,
            List<String> inputs,
            List<String> outputs) {}

    /// The first node.
    public Node node() {
        return nodes.getFirst();
    }

    /// One node of this graph by itself, `values` being what was computed so far.
    OnnxCase step(Node node, Map<String, Tensor> values) {
        return new OnnxCase(name, opset, List.of(node), values, types, outputs);
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

    /// Element type of input `n`; F32 for what another node computed.
    Element element(int n) {
        return types.getOrDefault(node().inputs().get(n), Element.F32);
    }

    /// Element type of output `n`.
    Element outputElement(int n) {
        return types.getOrDefault(node().outputs().get(n), Element.F32);
    }

    /// The names that the folder's index lists.
    static List<String> index() {
        try {
            return Files.readAllLines(SharedData.path("vectors/onnx/index.tsv")).stream()
                    .skip(1)
                    .filter(line -> !line.isBlank())
                    .map(line -> line.substring(0, line.indexOf('\t')))
                    .toList();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /// All cases that the index lists or that have a folder, one for each of their sets of data.
    static List<OnnxCase> all() {
        Path root = SharedData.path("vectors/onnx");
        var names = new TreeSet<>(index());
        var cases = new ArrayList<OnnxCase>();
        try (Stream<Path> folders = Files.list(root)) {
            folders.filter(f -> Files.exists(f.resolve("model.onnx")))
                    .forEach(f -> names.add(f.getFileName().toString()));
            for (String name : names) {
                Path folder = root.resolve(name);
                int set = 0;
                do {
                    cases.add(read(folder, folder.resolve("test_data_set_" + set)));
                    set++;
                } while (Files.exists(folder.resolve("test_data_set_" + set)));
            }
            return cases;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static OnnxCase read(Path folder, Path set) {
        var model = new Wire(bytes(folder.resolve("model.onnx")));
        int opset = 0;
        for (Wire.Field field : model.all(8)) {
            if (field.message().text(1).isEmpty()) {
                opset = (int) field.message().number(2);
            }
        }
        Graph graph = graph(model.all(7).getLast().message());
        var types = new LinkedHashMap<>(graph.types);
        var inputs = new LinkedHashMap<>(graph.constants);
        inputs.putAll(tensors(set, "input", graph.inputs, types));
        Map<String, Tensor> outputs = tensors(set, "output", graph.outputs, types);
        return new OnnxCase(folder.getFileName().toString(), opset, graph.nodes, inputs, types, outputs);
    }

    private static Graph graph(Wire graph) {
        var types = new LinkedHashMap<String, Element>();
        var constants = new LinkedHashMap<String, Tensor>();
        for (Wire.Field field : graph.all(5)) {
            Wire proto = field.message();
            constants.put(proto.text(8), tensor(proto));
            types.put(proto.text(8), Element.of(proto.number(2)));
        }
        return new Graph(
                graph.all(1).stream().map(f -> node(f.message())).toList(),
                constants,
                types,
                names(graph, 11),
                names(graph, 12));
    }

    private static List<String> names(Wire graph, int field) {
        return graph.all(field).stream().map(f -> f.message().text(1)).toList();
    }

    private static Node node(Wire node) {
        var attributes = new LinkedHashMap<String, Object>();
        for (Wire.Field field : node.all(5)) {
            Wire a = field.message();
            Object value = switch ((int) a.number(20)) {
                case 1 -> a.all(2).getLast().float32();
                case 2 -> a.number(3);
                case 3 -> a.text(4);
                case 4 -> tensor(a.all(5).getLast().message());
                case 5 -> graph(a.all(6).getLast().message());
                case 6 -> a.floats(7);
                case 7 -> a.numbers(8);
                case 8 -> a.texts(9);
                default -> throw new IllegalArgumentException("attribute " + a.text(1) + " of type " + a.number(20));
            };
            attributes.put(a.text(1), value);
        }
        return new Node(node.text(4), node.texts(1), node.texts(2), Map.copyOf(attributes));
    }

    private static Map<String, Tensor> tensors(Path set, String kind, List<String> names, Map<String, Element> types) {
        var tensors = new LinkedHashMap<String, Tensor>();
        for (int n = 0; n < names.size(); n++) {
            Path file = set.resolve(kind + "_" + n + ".pb");
            if (Files.exists(file)) {
                Wire proto = new Wire(bytes(file));
                String name = proto.text(8).isEmpty() ? names.get(n) : proto.text(8);
                tensors.put(name, tensor(proto));
                types.put(name, Element.of(proto.number(2)));
            }
        }
        return tensors;
    }

    private static Tensor tensor(Wire proto) {
        Element type = Element.of(proto.number(2));
        int[] dims = proto.numbers(1).stream().mapToInt(Math::toIntExact).toArray();
        Tensor t = Tensor.zeros(Arena.ofAuto(), type.held, dims);
        if (t.size() == 0) {
            return t;
        }
        ByteBuffer raw = raw(proto, type);
        if (raw != null) {
            for (int i = 0; i < t.size(); i++) {
                int at = Math.toIntExact((long) i * type.bits / 8);
                long bits = switch (type.bits) {
                    case 64 -> raw.getLong(at);
                    case 32 -> raw.getInt(at);
                    case 16 -> raw.getShort(at);
                    default -> raw.get(at) >> i * type.bits % 8;
                };
                t.set(i, type.value(bits));
            }
            return t;
        }
        List<Long> numbers = switch (type) {
            case I64 -> proto.numbers(7);
            case U32, U64 -> proto.numbers(11);
            default -> proto.numbers(5);
        };
        int inByte = Math.max(1, 8 / type.bits);
        for (int i = 0; i < t.size(); i++) {
            t.set(i, type.value(numbers.get(i / inByte) >> i % inByte * type.bits));
        }
        return t;
    }

    /// Elements as bytes, if the tensor holds them so.
    private static @Nullable ByteBuffer raw(Wire proto, Element type) {
        int field = !proto.all(9).isEmpty() ? 9 : type == Element.F32 ? 4 : type == Element.F64 ? 10 : 0;
        if (field == 0) {
            return null;
        }
        List<Wire.Field> found = proto.all(field);
        if (found.getLast().bytes().hasRemaining()) {
            return found.getLast().bytes();
        }
        ByteBuffer each = ByteBuffer.allocate(8 * found.size()).order(ByteOrder.LITTLE_ENDIAN);
        for (Wire.Field f : found) {
            if (type == Element.F32) {
                each.putInt((int) f.bits());
            } else {
                each.putLong(f.bits());
            }
        }
        return each.flip().order(ByteOrder.LITTLE_ENDIAN);
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
