package clearhead.io;

import clearhead.io.OnnxGraph.Constant;
import clearhead.io.OnnxGraph.Node;
import clearhead.tensor.DType;
import clearhead.tensor.Layout;
import clearhead.tensor.Shape;
import clearhead.tensor.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// The weights of a model that was exported to ONNX, under the names and in the arrangement of the
/// PyTorch model that it was exported from. The graph is not run; it says what is what:
///
/// - An exporter renames the weight of a linear layer (`onnx::MatMul_885`) and stores it [in, out].
///   Its name is found from the node that multiplies by it (`/encoder/layer.0/attention/self/query/MatMul`),
///   or from the bias that is added behind; it is given as [out, in].
/// - A quantized weight (`X_quantized`, `X_scale`, `X_zero_point`, as ONNX Runtime's quantizer names them, or
///   the inputs of `DequantizeLinear`) is X = (quantized − zero point)·scale, in F32.
///
/// What is rearranged is made when it is asked for, in memory that goes with the checkpoint.
public final class Onnx implements Checkpoint {
    private static final String QUANTIZED = "_quantized";
    private static final Pattern LAYER = Pattern.compile("(.*\\.)?encoder\\.layer\\.(\\d{1,4})\\..*");
    private static final ValueLayout.OfFloat F32 = ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfLong I64 = ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfInt I32 = ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfShort I16 = ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    /// How a quantized tensor is read.
    ///
    /// @param zero absent means 0
    /// @param axis that scales run along, if they are several
    private record Scales(Constant scale, Optional<Constant> zero, int axis) {}

    /// A tensor of the checkpoint.
    ///
    /// @param transposed whether the file holds it [in, out]
    private record Weight(Constant stored, Optional<Scales> scales, boolean transposed) {
        boolean isMade() {
            return transposed || scales.isPresent() || stored.varints();
        }

        Shape shape() {
            Shape shape = stored.shape();
            return transposed ? new Shape(shape.dim(1), shape.dim(0)) : shape;
        }

        DType type() {
            return transposed || scales.isPresent() ? DType.F32 : stored.type();
        }
    }

    /// A weight as a node sees it.
    ///
    /// @param name of the initializer that it comes from, without `_quantized`
    private record Seen(String name, boolean flipped) {}

    private final MappedFile file;
    private final OnnxGraph graph;
    private final Map<String, Weight> weights = new LinkedHashMap<>();
    private final Map<String, Tensor> made = new HashMap<>();
    private final Arena owner = Arena.ofShared();

    private Onnx(MappedFile file) {
        this.file = file;
        graph = OnnxGraph.read(file.path(), file.memory());
        Map<String, Weight> plain = unquantized();
        var names = new HashMap<String, String>();
        var transposed = new HashMap<String, Boolean>();
        name(plain, names, transposed);
        plain.forEach((stored, weight) -> weights.put(
                names.getOrDefault(stored, stored),
                new Weight(weight.stored, weight.scales, transposed.getOrDefault(stored, false))));
    }

    /// Opens a `.onnx` file.
    public static Onnx open(Path path) {
        MappedFile file = MappedFile.open(path);
        try {
            return new Onnx(file);
        } catch (RuntimeException | Error e) {
            file.close();
            throw e;
        }
    }

    /// The initializers, those of a quantized tensor as one.
    private Map<String, Weight> unquantized() {
        Map<String, Constant> all = graph.initializers();
        Map<String, Scales> scales = new HashMap<>();
        for (Node node : graph.nodes()) {
            if (node.operation().equals("DequantizeLinear") && all.containsKey(node.input(0))) {
                constant(node.input(1)).ifPresent(scale -> {
                    int axis = Math.toIntExact(node.numbers().getOrDefault("axis", 1L));
                    scales.put(node.input(0), new Scales(scale, constant(node.input(2)), axis));
                });
            }
        }
        for (String name : all.keySet()) {
            Optional<Constant> scale = constant(base(name) + "_scale");
            if (name.endsWith(QUANTIZED) && scale.isPresent()) {
                int axis = Math.max(0, all.get(name).shape().rank() - 1);
                scales.putIfAbsent(name, new Scales(scale.get(), constant(base(name) + "_zero_point"), axis));
            }
        }
        var partners = new ArrayList<String>();
        scales.values().forEach(s -> {
            partners.add(s.scale.name());
            s.zero.ifPresent(zero -> partners.add(zero.name()));
        });
        Map<String, Weight> plain = new LinkedHashMap<>();
        all.forEach((name, constant) -> {
            Optional<Scales> own = Optional.ofNullable(scales.get(name));
            own.ifPresent(s -> requireScales(constant, s));
            if (!partners.contains(name)) {
                plain.put(own.isPresent() ? base(name) : name, new Weight(constant, own, false));
            }
        });
        return plain;
    }

    private void requireScales(Constant quantized, Scales scales) {
        boolean bytes = quantized.type() == DType.I8 || quantized.type() == DType.U8;
        long count = scales.scale.shape().size();
        int rank = quantized.shape().rank();
        boolean fits = count == 1
                || (scales.axis >= 0 && scales.axis < rank && quantized.shape().dim(scales.axis) == count);
        boolean zeros = scales.zero.isEmpty()
                || (scales.zero.get().shape().size() == count
                        && scales.zero.get().type() == quantized.type());
        if (!bytes || !fits || !zeros || scales.scale.type() != DType.F32) {
            throw new ModelFileException(
                    file.path(),
                    "\"" + quantized.name() + "\": wanted bytes with one float32 scale and zero point, or one for each"
                            + " of an axis, found " + quantized.type() + quantized.shape() + " with "
                            + scales.scale.type() + scales.scale.shape());
        }
    }

    private Optional<Constant> constant(String name) {
        Constant initializer = graph.initializers().get(name);
        return Optional.ofNullable(initializer == null ? graph.constants().get(name) : initializer);
    }

    private static String base(String name) {
        return name.endsWith(QUANTIZED) ? name.substring(0, name.length() - QUANTIZED.length()) : name;
    }

    /// Finds the linear layers: the module that each matrix belongs to, and how it lies.
    private void name(Map<String, Weight> plain, Map<String, String> names, Map<String, Boolean> transposed) {
        var seen = new HashMap<String, Seen>();
        plain.forEach((name, weight) -> {
            if (weight.stored.shape().rank() == 2) {
                seen.put(name, new Seen(name, false));
                seen.put(weight.stored.name(), new Seen(name, false));
            }
        });
        var biases = biases();
        for (Node node : graph.nodes()) {
            switch (node.operation()) {
                case "DequantizeLinear", "Identity", "Cast" -> pass(seen, node, false);
                case "Transpose" -> pass(seen, node, true);
                case "MatMul", "MatMulInteger", "Gemm" -> {
                    Seen weight = seen.get(node.input(1));
                    if (weight == null) {
                        continue;
                    }
                    boolean rows =
                            node.operation().equals("Gemm") && node.numbers().getOrDefault("transB", 0L) != 0;
                    transposed.putIfAbsent(weight.name, rows == weight.flipped);
                    if (!weight.name.endsWith(".weight")) {
                        module(node, biases)
                                .map(module -> module + ".weight")
                                .filter(name -> !plain.containsKey(name) && !names.containsValue(name))
                                .ifPresent(name -> names.putIfAbsent(weight.name, name));
                    }
                }
                default -> {}
            }
        }
    }

    private static void pass(Map<String, Seen> seen, Node node, boolean flips) {
        Seen weight = seen.get(node.input(0));
        if (weight != null && !node.outputs().isEmpty()) {
            seen.put(node.outputs().getFirst(), new Seen(weight.name, weight.flipped != flips));
        }
    }

    /// The bias that is added to an output, by the output's name.
    private Map<String, String> biases() {
        var biases = new HashMap<String, String>();
        for (Node node : graph.nodes()) {
            if (node.operation().equals("Add") && node.inputs().size() == 2) {
                for (int side = 0; side < 2; side++) {
                    String name = node.input(side);
                    if (name.endsWith(".bias") && graph.initializers().containsKey(name)) {
                        biases.put(node.input(1 - side), name);
                    }
                }
            }
        }
        return biases;
    }

    /// `encoder.layer.0.attention.self.query` of a node `/encoder/layer.0/attention/self/query/MatMul`.
    private static Optional<String> module(Node node, Map<String, String> biases) {
        String bias = biases.get(node.outputs().isEmpty() ? "" : node.outputs().getFirst());
        if (bias != null) {
            return Optional.of(bias.substring(0, bias.length() - ".bias".length()));
        }
        int end = node.name().lastIndexOf('/');
        return node.name().startsWith("/") && end > 1
                ? Optional.of(node.name().substring(1, end).replace('/', '.'))
                : Optional.empty();
    }

    /// The sizes of a BERT in the words of a Hugging Face `config.json`, read off its tensors; the number of
    /// heads off the constants that its heads are reshaped by. For an exported file that has no
    /// configuration beside it.
    ///
    /// @throws ModelFileException if it is no BERT
    public Map<String, Object> config() {
        String prefix = weights.containsKey("bert.embeddings.word_embeddings.weight") ? "bert." : "";
        Shape words = shape(prefix + "embeddings.word_embeddings.weight");
        int dim = words.dim(1);
        int layers = 0;
        for (String name : weights.keySet()) {
            Matcher layer = LAYER.matcher(name);
            if (layer.matches()) {
                layers = Math.max(layers, 1 + Integer.parseInt(layer.group(2)));
            }
        }
        boolean predicts = weights.containsKey("cls.predictions.bias");
        Map<String, Object> fields = new LinkedHashMap<>();
        fields.put("architectures", List.of(predicts ? "BertForMaskedLM" : "BertModel"));
        fields.put("model_type", "bert");
        fields.put("vocab_size", words.dim(0));
        fields.put("hidden_size", dim);
        fields.put(
                "max_position_embeddings",
                shape(prefix + "embeddings.position_embeddings.weight").dim(0));
        fields.put(
                "type_vocab_size",
                shape(prefix + "embeddings.token_type_embeddings.weight").dim(0));
        fields.put(
                "intermediate_size",
                shape(prefix + "encoder.layer.0.intermediate.dense.weight").dim(0));
        fields.put("num_hidden_layers", layers);
        fields.put("num_attention_heads", heads(dim).orElseThrow(() -> noConfig("the number of its heads")));
        if (graph.nodes().stream().noneMatch(n -> n.operation().matches("Erf|Gelu|FastGelu"))) {
            throw noConfig("its activation");
        }
        fields.put("hidden_act", "gelu");
        return fields;
    }

    private Shape shape(String name) {
        Weight weight = weights.get(name);
        if (weight == null || weight.shape().rank() != 2) {
            throw noConfig("\"" + name + "\"");
        }
        return weight.shape();
    }

    private ModelFileException noConfig(String unknown) {
        return new ModelFileException(
                file.path(),
                "there is no config.json beside it, and the graph does not say " + unknown
                        + " as a BERT's does; put the model's config.json into its folder");
    }

    /// h, where something is reshaped to […, h, dim / h].
    private OptionalInt heads(int dim) {
        for (Node node : graph.nodes()) {
            if (node.operation().equals("Concat") && node.inputs().size() == 4) {
                long heads = number(node.input(2));
                long headDim = number(node.input(3));
                if (heads > 0 && headDim > 0 && heads <= dim && headDim <= dim && heads * headDim == dim) {
                    return OptionalInt.of((int) heads);
                }
            }
        }
        return OptionalInt.empty();
    }

    private long number(String name) {
        Optional<Constant> found = constant(name);
        boolean one = found.isPresent()
                && found.get().type() == DType.I64
                && found.get().shape().size() == 1
                && !found.get().varints();
        return one ? found.get().data().get(I64, 0) : -1;
    }

    @Override
    public Path source() {
        return file.path();
    }

    @Override
    public List<Entry> entries() {
        List<Entry> entries = new ArrayList<>();
        weights.forEach((name, weight) -> {
            String type = weight.type().name();
            long bytes = weight.type().bytes(weight.shape().size());
            entries.add(new Entry(name, type, weight.shape(), bytes));
        });
        return List.copyOf(entries);
    }

    @Override
    public boolean has(String name) {
        return weights.containsKey(name);
    }

    @Override
    public Tensor tensor(String name) {
        Weight weight = weights.get(name);
        if (weight == null) {
            throw Names.absent(file.path(), name, weights.keySet());
        }
        if (!weight.isMade()) {
            return new Tensor(weight.stored.type(), weight.stored.shape(), Layout.ROWS, weight.stored.data());
        }
        synchronized (made) {
            Tensor tensor = made.get(name);
            if (tensor == null) {
                tensor = make(weight);
                made.put(name, tensor);
            }
            return tensor;
        }
    }

    private Tensor make(Weight weight) {
        Tensor stored = decoded(weight.stored);
        if (weight.scales.isEmpty() && !weight.transposed) {
            return stored;
        }
        Tensor to = Tensor.zeros(owner, DType.F32, weight.shape().dims());
        int rank = stored.rank();
        int columns = rank == 0 ? 1 : stored.dim(-1);
        long rows = columns == 0 ? 0 : stored.size() / columns;
        Dequantized values = weight.scales.isPresent()
                ? new Dequantized(stored, decoded(weight.scales.get().scale), weight.scales.get())
                : new Dequantized(stored);
        for (long row = 0; row < rows; row++) {
            for (int column = 0; column < columns; column++) {
                long at = weight.transposed ? column * rows + row : row * columns + column;
                to.data().set(F32, at * 4, values.at(row * columns + column));
            }
        }
        return to;
    }

    /// Elements of a stored tensor as they are meant.
    private final class Dequantized {
        private final Tensor stored;
        private final float[] scale;
        private final float[] zero;
        private final long inner;

        Dequantized(Tensor plain) {
            stored = plain;
            scale = new float[] {1};
            zero = new float[] {0};
            inner = 1;
        }

        Dequantized(Tensor stored, Tensor scales, Scales how) {
            this.stored = stored;
            scale = scales.toFloats();
            zero = new float[scale.length];
            how.zero.ifPresent(zeros -> {
                Tensor decoded = decoded(zeros);
                for (int i = 0; i < zero.length; i++) {
                    zero[i] = (float) decoded.at(i);
                }
            });
            long elements = 1;
            for (int axis = how.axis + 1; axis < stored.rank(); axis++) {
                elements *= stored.dim(axis);
            }
            inner = Math.max(1, elements);
        }

        float at(long index) {
            float value = (float) stored.at(index);
            int place = scale.length == 1 ? 0 : (int) (index / inner % scale.length);
            return (value - zero[place]) * scale[place];
        }
    }

    /// The elements as they lie in memory; varints are spread out.
    private Tensor decoded(Constant constant) {
        if (!constant.varints()) {
            return new Tensor(constant.type(), constant.shape(), Layout.ROWS, constant.data());
        }
        int count = Math.toIntExact(constant.shape().size());
        long[] numbers = OnnxMessage.varints(file.path(), constant.data(), count);
        if (numbers.length != count) {
            throw new ModelFileException(
                    file.path(),
                    "tensor \"" + constant.name() + "\": wanted " + count + " numbers, found " + numbers.length);
        }
        Tensor spread = Tensor.zeros(owner, constant.type(), constant.shape().dims());
        MemorySegment data = spread.data();
        for (int i = 0; i < count; i++) {
            switch (constant.type().blockBytes()) {
                case 1 -> data.set(ValueLayout.JAVA_BYTE, i, (byte) numbers[i]);
                case 2 -> data.set(I16, 2L * i, (short) numbers[i]);
                case 4 -> data.set(I32, 4L * i, (int) numbers[i]);
                default -> data.set(I64, 8L * i, numbers[i]);
            }
        }
        return spread;
    }

    /// Which operations the graph has, and how many of each are there.
    @Override
    public Map<String, Object> metadata() {
        Map<String, Object> fields = new LinkedHashMap<>();
        fields.put("nodes", (long) graph.nodes().size());
        return fields;
    }

    @Override
    public void close() {
        owner.close();
        file.close();
    }
}
