package clearhead.model;

import clearhead.model.Parameter.Change;
import clearhead.model.Parameter.Init;
import clearhead.model.Parameter.Rows;
import clearhead.model.Parameter.Stored;
import clearhead.nn.Block;
import clearhead.nn.Linear;
import clearhead.nn.Norm;
import clearhead.nn.Positions;
import clearhead.ops.Pairing;
import clearhead.tensor.DType;
import clearhead.tensor.Shape;
import clearhead.tensor.Tensor;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.List;

/// The parts of which a [Family] builds a model, with their weights in them. Names are those of Hugging
/// Face's checkpoints, below a prefix ([#at]).
public final class Parts {
    /// Longest rotary tables that are made; a model may claim more positions than memory has room.
    private static final int MOST_POSITIONS = 1 << 17;

    private static final double INIT_STD = 0.02;

    private final Weights weights;
    private final String prefix;
    private final int layers;
    private final Pairing pairing;

    Parts(Weights weights) {
        this(weights, "", 0, Pairing.HALVES);
    }

    private Parts(Weights weights, String prefix, int layers, Pairing pairing) {
        this.weights = weights;
        this.prefix = prefix;
        this.layers = layers;
        this.pairing = pairing;
    }

    /// The parts below a name: `at("self_attn.")`.
    public Parts at(String name) {
        return new Parts(weights, prefix + name, layers, pairing);
    }

    /// F32, or F64 for a graph in double precision.
    public DType type() {
        return weights.type();
    }

    /// Owner of what the model makes beside its weights.
    public Arena arena() {
        return weights.arena();
    }

    /// A stack of blocks, whose tensors are named `name0.…`, `name1.…`.
    public List<Block> blocks(String name, int count, LayerParts block) {
        return stack(name, count, block::build);
    }

    /// Says that files may hold more layers than are built, such as those that predict further tokens.
    ///
    /// @param count of all layers that may be there
    public void mayHold(String name, int count) {
        weights.layers(prefix + name, count);
    }

    /// Builds one block.
    @FunctionalInterface
    public interface LayerParts {
        Block build(Parts layer, int number);
    }

    /// A stack of layers of any kind.
    public <T> List<T> stack(String name, int count, Layer<T> layer) {
        weights.layers(prefix + name, count);
        var all = new ArrayList<T>();
        for (int i = 0; i < count; i++) {
            all.add(layer.build(new Parts(weights, prefix + name + i + ".", count, pairing), i));
        }
        return all;
    }

    /// Builds one layer.
    @FunctionalInterface
    public interface Layer<T> {
        T build(Parts layer, int number);
    }

    /// A table of which rows are looked up.
    ///
    /// @return [rows, dim]
    public Tensor table(String name, int rows, int dim) {
        return weights.rows(matrix(name + ".weight", normal(), rows, dim));
    }

    /// A parameter of any rank that is no matrix of a product: a vector, a small table.
    public Tensor tensor(String name, Init init, int... dims) {
        return tensor(name, init, Change.NONE, dims);
    }

    /// The same, changed at load.
    public Tensor tensor(String name, Init init, Change change, int... dims) {
        String full = prefix + name;
        var p = new Parameter(
                full, new Shape(dims), init, List.of(Stored.whole(full, dims[0]).with(change)));
        return weights.vector(p);
    }

    /// Any parameter, with its own places in checkpoints. Names are whole, without the prefix.
    public Tensor vector(Parameter p) {
        return weights.vector(p);
    }

    /// Any matrix for [clearhead.ops.Ops#linear], with its own places in checkpoints.
    public Tensor matrix(Parameter p) {
        return weights.matrix(p);
    }

    /// A name below this prefix.
    public String name(String name) {
        return prefix + name;
    }

    /// x·Wᵀ, with `name.weight` and, if asked for, `name.bias`.
    public Linear linear(String name, int out, int in, boolean bias) {
        return linear(name, normal(), out, in, bias);
    }

    /// The same, for what adds to the residual stream: it starts smaller, by the number of additions.
    /// Radford et al. 2019, section 2.3.
    public Linear residual(String name, int out, int in, boolean bias) {
        return linear(name, Init.normal(INIT_STD / Math.sqrt(2.0 * Math.max(1, layers))), out, in, bias);
    }

    private Linear linear(String name, Init init, int out, int in, boolean bias) {
        Tensor weight = weights.matrix(matrix(name + ".weight", init, out, in));
        return bias ? Linear.of(weight, tensor(name + ".bias", Init.ZEROS, out)) : Linear.of(weight);
    }

    /// Queries or keys of a model whose GGUF orders rotary pairs as neighbours: llama's kind.
    public Linear rotary(String name, int heads, int headDim, int in, boolean bias) {
        int out = Math.multiplyExact(heads, headDim);
        String weight = prefix + name + ".weight";
        Tensor matrix = weights.matrix(new Parameter(
                weight,
                new Shape(out, in),
                normal(),
                List.of(Stored.whole(weight, out).asRotary(heads))));
        if (!bias) {
            return Linear.of(matrix);
        }
        String vector = prefix + name + ".bias";
        return Linear.of(
                matrix,
                weights.vector(new Parameter(
                        vector,
                        new Shape(out),
                        Init.ZEROS,
                        List.of(Stored.whole(vector, out).asRotary(heads)))));
    }

    /// Some outputs of a linear layer that is stored as one with others: query, key and value side by
    /// side.
    ///
    /// @param own what to call these: `attn.q`
    /// @param stored what the checkpoint calls the whole: `attn.c_attn`
    /// @param rows which of its outputs
    public Linear part(String own, String stored, Rows rows, int out, int in, boolean bias) {
        return part(own, stored, rows, out, in, bias, false);
    }

    /// The same of a matrix that is stored [in, out].
    ///
    /// @param transposed whether it is
    public Linear part(String own, String stored, Rows rows, int out, int in, boolean bias, boolean transposed) {
        return part(own, stored, rows, normal(), out, in, bias, transposed);
    }

    private Linear part(
            String own, String stored, Rows rows, Init init, int out, int in, boolean bias, boolean transposed) {
        var place = Stored.part(prefix + stored + ".weight", rows);
        Tensor weight = weights.matrix(new Parameter(
                prefix + own + ".weight",
                new Shape(out, in),
                init,
                List.of(transposed ? place.asTransposed() : place)));
        if (!bias) {
            return Linear.of(weight);
        }
        return Linear.of(
                weight,
                weights.vector(new Parameter(
                        prefix + own + ".bias",
                        new Shape(out),
                        Init.ZEROS,
                        List.of(Stored.part(prefix + stored + ".bias", rows)))));
    }

    /// A linear layer that is stored [in, out]: GPT-2's `Conv1D`.
    public Linear transposed(String name, int out, int in, boolean adds) {
        Init init = adds ? Init.normal(INIT_STD / Math.sqrt(2.0 * Math.max(1, layers))) : normal();
        return part(name, name, Rows.of(0, out, out), init, out, in, true, true);
    }

    private Parameter matrix(String name, Init init, int out, int in) {
        String full = prefix + name;
        return new Parameter(full, new Shape(out, in), init, List.of(Stored.whole(full, out)));
    }

    private static Init normal() {
        return Init.normal(INIT_STD);
    }

    public Norm.Rms rmsNorm(String name, int dim, double eps) {
        return new Norm.Rms(tensor(name + ".weight", Init.ONES, dim), eps);
    }

    /// RMSNorm by weight + 1: Gemma.
    public Norm.Rms rmsNormPlusOne(String name, int dim, double eps) {
        return new Norm.Rms(tensor(name + ".weight", Init.ONES, Change.PLUS_ONE, dim), eps);
    }

    public Norm.Layer layerNorm(String name, int dim, double eps) {
        return new Norm.Layer(tensor(name + ".weight", Init.ONES, dim), tensor(name + ".bias", Init.ZEROS, dim), eps);
    }

    /// LayerNorm whose checkpoint has no bias.
    public Norm.Layer layerNormWithoutBias(String name, int dim, double eps) {
        return new Norm.Layer(tensor(name + ".weight", Init.ONES, dim), constant(0, dim), eps);
    }

    /// A vector of one number that is not learned and in no file.
    public Tensor constant(double value, int dim) {
        Tensor t = Tensor.zeros(arena(), type(), dim);
        for (int i = 0; value != 0 && i < dim; i++) {
            t.set(i, value);
        }
        return t;
    }

    /// Rotary positions as the configuration says, in all its spellings: theta, scaling, the part of a
    /// head that turns.
    ///
    /// @param context positions that the configuration says
    public Positions rope(Config config, int headDim, int context) {
        return rope(config, RopeScaling.rotaryDim(config, headDim), context, pairing);
    }

    /// The same of a model that turns neighbours, or halves, whatever its file is.
    public Positions ropeOf(Config config, int headDim, int context, Pairing pairs) {
        return rope(config, RopeScaling.rotaryDim(config, headDim), context, pairs);
    }

    /// The same with a number of turning elements and a pairing of the caller's.
    public Positions rope(Config config, int rotaryDim, int context, Pairing pairs) {
        RopeScaling scaling = RopeScaling.of(config, rotaryDim);
        double theta = RopeScaling.theta(config);
        if (weights instanceof Drawing drawing) {
            return drawing.rotating(new Drawing.Rotation(scaling, rotaryDim, theta, pairs));
        }
        int positions = scaling.reach(context, MOST_POSITIONS);
        return weights.positions(() -> scaling.rotation(arena(), type(), positions, rotaryDim, theta, pairs));
    }

    /// Positions that such rotary tables reach.
    public static int reach(Config config, int headDim, int context) {
        return RopeScaling.of(config, RopeScaling.rotaryDim(config, headDim)).reach(context, MOST_POSITIONS);
    }
}
