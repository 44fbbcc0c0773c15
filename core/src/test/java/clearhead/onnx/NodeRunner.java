package clearhead.onnx;

import clearhead.ops.Activation;
import clearhead.ops.Backend;
import clearhead.ops.Ops;
import clearhead.tensor.DType;
import clearhead.tensor.Tensor;
import clearhead.tensor.Workspace;
import java.lang.foreign.Arena;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/// Runs ONNX nodes on our operations: axes are moved and batches looped here, the arithmetic is done
/// by a backend.
///
/// @param type of the activations: F32, or F64 on the reference for exact results
/// @param typed whether steps of 16-bit nodes are rounded to their type, as in the published numbers
record NodeRunner(Backend backend, Ops ops, DType type, Arena arena, boolean typed) {
    /// Outputs by their names in the graph. A graph of several nodes is run node by node.
    static Map<String, Grid> run(Backend backend, DType type, OnnxCase c, boolean typed) {
        try (Workspace workspace = new Workspace();
                Arena arena = Arena.ofShared()) {
            var runner = new NodeRunner(backend, backend.ops(workspace), type, arena, typed);
            var values = new LinkedHashMap<>(c.inputs());
            var outputs = new LinkedHashMap<String, Grid>();
            for (OnnxCase.Node node : c.nodes()) {
                List<Grid> results = runner.run(c.step(node, values));
                for (int n = 0; n < node.outputs().size(); n++) {
                    String name = node.outputs().get(n);
                    if (!name.isEmpty()) {
                        Grid result = results.get(n);
                        outputs.put(name, result);
                        values.put(name, Tensor.of(arena, DType.F64, result.values(), result.dims()));
                    }
                }
            }
            return outputs;
        }
    }

    private List<Grid> run(OnnxCase c) {
        var norms = new NormNodes(this);
        var losses = new LossNodes(this);
        var products = new ProductNodes(this);
        var gates = new GateNodes(this);
        var updates = new UpdateNodes(this);
        var recurrent = new RecurrentNodes(this);
        return switch (c.node().type()) {
            case "LayerNormalization" -> norms.layerNorm(known(c, 3, "axis", "epsilon", "stash_type"));
            case "RMSNormalization" -> List.of(norms.rmsNorm(known(c, 2, "axis", "epsilon", "stash_type")));
            case "GroupNormalization" -> List.of(norms.groupNorm(known(c, 3, "epsilon", "num_groups", "stash_type")));
            case "Softmax" -> List.of(losses.softmax(known(c, 1, "axis")));
            case "LogSoftmax" -> List.of(losses.logSoftmax(known(c, 1, "axis")));
            case "SoftmaxCrossEntropyLoss" -> losses.crossEntropy(known(c, 3, "ignore_index", "reduction"));
            case "NegativeLogLikelihoodLoss" ->
                List.of(losses.negativeLogLikelihood(known(c, 3, "ignore_index", "reduction")));
            case "Gelu" -> List.of(gates.gelu(known(c, 1, "approximate")));
            case "Swish" -> List.of(gates.swish(known(c, 1, "alpha")));
            case "SwiGLU" -> List.of(gates.swiGlu(known(c, 2, "alpha")));
            case "Dropout" -> gates.dropout(known(c, 3, "seed", "ratio", "is_test"));
            case "Gemm" -> List.of(products.gemm(known(c, 3, "alpha", "beta", "transA", "transB")));
            case "MatMul" -> List.of(products.matMul(Grid.of(known(c, 2).input(0)), Grid.of(c.input(1))));
            case "Einsum" -> List.of(new Einsum(this).run(known(c, Integer.MAX_VALUE, "equation")));
            case "RotaryEmbedding" ->
                List.of(new RotaryNodes(this).rotary(known(c, 4, "interleaved", "num_heads", "rotary_embedding_dim")));
            case "Attention" ->
                new AttentionNodes(this)
                        .attention(known(
                                c,
                                7,
                                "is_causal",
                                "kv_num_heads",
                                "left_window_size",
                                "q_num_heads",
                                "qk_matmul_output_mode",
                                "right_window_size",
                                "scale",
                                "softcap",
                                "softmax_precision"));
            case "FlexAttention" ->
                List.of(new AttentionNodes(this)
                        .flexAttention(known(c, 3, "prob_mod", "scale", "score_mod", "softmax_precision")));
            case "CausalConvWithState" -> new CarryingNodes(this).causalConvolution(known(c, 4, "activation"));
            case "LinearAttention" ->
                new CarryingNodes(this)
                        .linearAttention(
                                known(c, 6, "chunk_size", "kv_num_heads", "q_num_heads", "scale", "update_rule"));
            case "Adam" ->
                updates.adam(known(
                        c, Integer.MAX_VALUE, "alpha", "beta", "epsilon", "norm_coefficient", "norm_coefficient_post"));
            case "Momentum" ->
                updates.momentum(known(c, Integer.MAX_VALUE, "alpha", "beta", "mode", "norm_coefficient"));
            case "Gather" -> List.of(MovementNodes.gather(known(c, 2, "axis")));
            case "GatherElements" -> List.of(MovementNodes.gatherElements(known(c, 2, "axis")));
            case "GatherND" -> List.of(MovementNodes.gatherNd(known(c, 2, "batch_dims")));
            case "TensorScatter" -> List.of(MovementNodes.tensorScatter(known(c, 3, "axis", "mode")));
            case "TopK" -> MovementNodes.topK(known(c, 2, "axis", "largest", "sorted", "k"));
            case "QuantizeLinear" ->
                List.of(QuantizeNodes.quantize(
                        known(c, 3, "axis", "block_size", "output_dtype", "precision", "saturate")));
            case "DequantizeLinear" ->
                List.of(new QuantizeNodes(this).dequantize(known(c, 3, "axis", "block_size", "output_dtype")));
            case "RNN" ->
                recurrent.rnn(known(
                        c,
                        6,
                        "activation_alpha",
                        "activation_beta",
                        "activations",
                        "clip",
                        "direction",
                        "hidden_size",
                        "layout"));
            case "LSTM" ->
                recurrent.lstm(known(
                        c,
                        8,
                        "activation_alpha",
                        "activation_beta",
                        "activations",
                        "clip",
                        "direction",
                        "hidden_size",
                        "input_forget",
                        "layout"));
            case "GRU" ->
                recurrent.gru(known(
                        c,
                        6,
                        "activation_alpha",
                        "activation_beta",
                        "activations",
                        "clip",
                        "direction",
                        "hidden_size",
                        "layout",
                        "linear_before_reset"));
            default ->
                throw new IllegalArgumentException(
                        "no operation of ours runs " + c.node().type());
        };
    }

    /// The case, if it has nothing that the code below does not know.
    ///
    /// @param inputs how many an operator may have
    private static OnnxCase known(OnnxCase c, int inputs, String... attributes) {
        for (String found : c.node().attributes().keySet()) {
            if (!Set.of(attributes).contains(found)) {
                throw new IllegalArgumentException(c.node().type() + " has the attribute " + found + "; known ones are "
                        + Arrays.toString(attributes));
            }
        }
        if (c.node().inputs().size() > inputs) {
            throw new IllegalArgumentException(
                    c.node().type() + " has " + c.node().inputs().size() + " inputs, at most " + inputs + " are known");
        }
        return c;
    }

    Tensor tensor(Grid grid, int... dims) {
        return Tensor.of(arena, type, grid.values(), dims);
    }

    Tensor filled(double value, int... dims) {
        var values = new double[Arrays.stream(dims).reduce(1, Math::multiplyExact)];
        Arrays.fill(values, value);
        return Tensor.of(arena, type, values, dims);
    }

    static Grid grid(Tensor t, int... dims) {
        return new Grid(t.toDoubles(), dims);
    }

    /// Elementwise a·b. One of relu(a)·b and relu(−a)·b is 0.
    Tensor times(Tensor a, Tensor b) {
        Tensor positive = ops.gate(Activation.RELU, a, b);
        Tensor negative = ops.gate(Activation.RELU, ops.scale(a, -1), b);
        return ops.add(positive, ops.scale(negative, -1));
    }

    /// In two steps, rows first: the error of one long running sum in float grows with its length.
    Tensor sum(Tensor values) {
        int count = values.dim(0);
        int width = (int) Math.ceil(Math.sqrt(count));
        int rows = Math.ceilDiv(count, width);
        double[] padded = Arrays.copyOf(values.toDoubles(), rows * width);
        Tensor sums = ops.linear(Tensor.of(arena, type, padded, rows, width), filled(1, 1, width));
        return ops.linear(sums.reshape(1, rows), filled(1, 1, rows));
    }
}
