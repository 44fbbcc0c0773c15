package clearhead.io;

import clearhead.tensor.DType;
import clearhead.tensor.Shape;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// The constants and nodes of an ONNX model: a `ModelProto` of <https://onnx.ai/onnx/repo-docs/IR.html>.
/// Every constant's shape, type and bytes are checked against each other; none is read.
///
/// @param initializers by name, in the order of the file
/// @param constants outputs of `Constant` nodes
record OnnxGraph(Map<String, Constant> initializers, Map<String, Constant> constants, List<Node> nodes) {
    private static final int MAX_RANK = 8;

    /// @param data little-endian elements, or packed varints
    /// @param varints whether elements are varints, as `int32_data` and `int64_data` hold them
    record Constant(String name, DType type, Shape shape, MemorySegment data, boolean varints) {}

    /// @param numbers attributes that are whole numbers
    /// @param lists attributes that are lists of them
    record Node(
            String name,
            String operation,
            List<String> inputs,
            List<String> outputs,
            Map<String, Long> numbers,
            Map<String, long[]> lists) {

        String input(int index) {
            return index < inputs.size() ? inputs.get(index) : "";
        }
    }

    static OnnxGraph read(Path file, MemorySegment memory) {
        Optional<OnnxMessage> graph = Optional.empty();
        for (var model = new OnnxMessage(file, memory); model.next(); ) {
            if (model.number() == 7) {
                if (graph.isPresent()) {
                    throw new ModelFileException(file, "wanted one graph, found two; the file is damaged");
                }
                graph = Optional.of(model.message());
            }
        }
        var read = new OnnxGraph(new LinkedHashMap<>(), new LinkedHashMap<>(), new ArrayList<>());
        OnnxMessage fields = graph.orElseThrow(
                () -> new ModelFileException(file, "wanted a graph, found none; this is no ONNX file"));
        while (fields.next()) {
            switch (fields.number()) {
                case 1 -> read.node(file, fields.message());
                case 5 -> {
                    Constant constant = constant(file, fields.message());
                    if (read.initializers.put(constant.name, constant) != null) {
                        throw wrong(file, constant.name, "the name is there twice");
                    }
                }
                default -> {}
            }
        }
        return read;
    }

    private void node(Path file, OnnxMessage fields) {
        var node = new Node("", "", new ArrayList<>(), new ArrayList<>(), new LinkedHashMap<>(), new LinkedHashMap<>());
        String name = "";
        String operation = "";
        var values = new ArrayList<Constant>();
        while (fields.next()) {
            switch (fields.number()) {
                case 1 -> node.inputs.add(fields.text());
                case 2 -> node.outputs.add(fields.text());
                case 3 -> name = fields.text();
                case 4 -> operation = fields.text();
                case 5 -> attribute(file, fields.message(), node, values);
                default -> {}
            }
        }
        nodes.add(new Node(name, operation, node.inputs, node.outputs, node.numbers, node.lists));
        if (operation.equals("Constant") && values.size() == 1 && node.outputs.size() == 1) {
            constants.put(node.outputs.getFirst(), values.getFirst());
        }
    }

    private static void attribute(Path file, OnnxMessage fields, Node node, List<Constant> values) {
        String name = "";
        var list = new ArrayList<Long>();
        while (fields.next()) {
            switch (fields.number()) {
                case 1 -> name = fields.text();
                case 3 -> node.numbers.put(name, fields.bits());
                case 5 -> tensor(file, fields.message()).ifPresent(values::add);
                case 8 -> integers(file, fields, list);
                default -> {}
            }
        }
        if (!list.isEmpty()) {
            node.lists.put(name, list.stream().mapToLong(Long::longValue).toArray());
        }
    }

    private static void integers(Path file, OnnxMessage field, List<Long> into) {
        if (!field.holdsBytes()) {
            into.add(field.bits());
        } else {
            for (long number : OnnxMessage.varints(file, field.bytes(), 64)) {
                into.add(number);
            }
        }
    }

    private static Constant constant(Path file, OnnxMessage fields) {
        return tensor(file, fields)
                .orElseThrow(() -> new ModelFileException(
                        file, "holds a tensor of an element type that is not supported; export it in float32"));
    }

    /// @return empty where its elements are texts, complex numbers or of fewer than eight bits
    private static Optional<Constant> tensor(Path file, OnnxMessage fields) {
        String name = "";
        int type = 0;
        var dims = new ArrayList<Long>();
        MemorySegment data = MemorySegment.NULL;
        int field = 0;
        while (fields.next()) {
            switch (fields.number()) {
                case 1 -> integers(file, fields, dims);
                case 2 -> type = (int) fields.bits();
                case 8 -> name = fields.text();
                case 4, 5, 7, 9, 10 -> {
                    if (field != 0) {
                        throw wrong(file, name, "wanted its elements in one piece, found several");
                    }
                    field = fields.number();
                    data = fields.bytes();
                }
                case 14 -> {
                    if (fields.bits() == 1) {
                        throw wrong(
                                file,
                                name,
                                "lies in another file (external data), which is not supported; use the model's"
                                        + " safetensors");
                    }
                }
                default -> {}
            }
        }
        Optional<DType> known = type(type);
        if (known.isEmpty()) {
            return Optional.empty();
        }
        Shape shape = shape(file, name, dims);
        boolean varints = field == 5 || field == 7;
        long wanted = Math.multiplyExact(shape.size(), known.get().blockBytes());
        if (varints ? data.byteSize() < shape.size() : data.byteSize() != wanted) {
            throw wrong(
                    file,
                    name,
                    known.get() + " " + shape + " needs " + wanted + " bytes, the file holds " + data.byteSize());
        }
        return Optional.of(new Constant(name, known.get(), shape, data, varints));
    }

    private static Shape shape(Path file, String name, List<Long> dims) {
        if (dims.size() > MAX_RANK) {
            throw wrong(file, name, "wanted at most " + MAX_RANK + " axes, found " + dims.size());
        }
        var sizes = new int[dims.size()];
        long elements = 8; // no product of sizes and bytes an element overflows below
        try {
            for (int i = 0; i < sizes.length; i++) {
                sizes[i] = Math.toIntExact(dims.get(i));
                if (sizes[i] < 0) {
                    throw wrong(file, name, "an axis of " + sizes[i] + " elements");
                }
                elements = Math.multiplyExact(elements, (long) sizes[i]);
            }
        } catch (ArithmeticException _) {
            throw wrong(file, name, "its shape " + dims + " is too large to be real");
        }
        return new Shape(sizes);
    }

    private static Optional<DType> type(int number) {
        return switch (number) {
            case 1 -> Optional.of(DType.F32);
            case 2 -> Optional.of(DType.U8);
            case 3 -> Optional.of(DType.I8);
            case 4 -> Optional.of(DType.U16);
            case 5 -> Optional.of(DType.I16);
            case 6 -> Optional.of(DType.I32);
            case 7 -> Optional.of(DType.I64);
            case 9 -> Optional.of(DType.BOOL);
            case 10 -> Optional.of(DType.F16);
            case 11 -> Optional.of(DType.F64);
            case 12 -> Optional.of(DType.U32);
            case 13 -> Optional.of(DType.U64);
            case 16 -> Optional.of(DType.BF16);
            default -> Optional.empty();
        };
    }

    private static ModelFileException wrong(Path file, String tensor, String problem) {
        return new ModelFileException(file, "tensor \"" + tensor + "\": " + problem);
    }
}
