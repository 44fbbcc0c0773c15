package clearhead.train;

import clearhead.model.Architecture;
import clearhead.model.Parameter;
import clearhead.model.Weights;
import clearhead.nn.Transformer;
import clearhead.tensor.DType;
import clearhead.tensor.Shape;
import clearhead.tensor.Tensor;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/// Everything a model learns, in four flat slabs: values, gradients, and Adam's two moments. First
/// come the parameters that decay, then the others, each 64-byte aligned; the gaps are 0 and stay 0.
public final class Parameters {
    private static final int ALIGNED_ELEMENTS = 16;

    private final DType type;
    private final List<Parameter> list;
    private final Map<String, Slot> slots = new LinkedHashMap<>();
    private final Tensor values;
    private final Tensor gradients;
    private final Tensor first;
    private final Tensor second;
    private final int decaying;

    private record Slot(int start, Shape shape) {}

    /// @param arena owner of the slabs
    /// @param type F32, or F64 on the reference backend
    public Parameters(Arena arena, DType type, List<Parameter> parameters) {
        this.type = type;
        this.list = List.copyOf(parameters);
        var ordered = new ArrayList<>(parameters);
        ordered.sort(Comparator.comparing(p -> !p.decays()));
        int used = 0;
        int decays = 0;
        for (Parameter p : ordered) {
            if (slots.put(p.name(), new Slot(used, p.shape())) != null) {
                throw new IllegalArgumentException("two parameters are named " + p.name());
            }
            long end = used + p.shape().size();
            long aligned = (end + ALIGNED_ELEMENTS - 1) & -ALIGNED_ELEMENTS;
            used = Math.toIntExact(aligned);
            decays = p.decays() ? used : decays;
        }
        this.decaying = decays;
        this.values = Tensor.zeros(arena, type, used);
        this.gradients = Tensor.zeros(arena, type, used);
        this.first = Tensor.zeros(arena, type, used);
        this.second = Tensor.zeros(arena, type, used);
    }

    /// What a model of this architecture learns.
    public static Parameters of(Arena arena, DType type, Architecture architecture) {
        return new Parameters(arena, type, architecture.parameters());
    }

    /// The model over these values: when they change, it does.
    public Transformer model(Architecture architecture, Arena arena) {
        return architecture.decoder(Weights.of(this::value, type, arena));
    }

    public DType type() {
        return type;
    }

    /// In the order of the forward pass.
    public List<Parameter> list() {
        return list;
    }

    /// Number of learned values, without the gaps.
    public long count() {
        return list.stream().mapToLong(p -> p.shape().size()).sum();
    }

    /// A view of one parameter.
    public Tensor value(String name) {
        return slice(values, name);
    }

    /// A view of one parameter's gradient.
    public Tensor gradient(String name) {
        return slice(gradients, name);
    }

    private Tensor slice(Tensor slab, String name) {
        Slot slot = slots.get(name);
        if (slot == null) {
            throw new IllegalArgumentException("no parameter named " + name);
        }
        int end = slot.start + Math.toIntExact(slot.shape.size());
        return slab.rows(slot.start, end).reshape(slot.shape.dims());
    }

    /// [size]: all values.
    public Tensor values() {
        return values;
    }

    /// [size]: all gradients.
    public Tensor gradients() {
        return gradients;
    }

    /// [size]: Adam's running means of the gradients.
    public Tensor first() {
        return first;
    }

    /// [size]: Adam's running means of their squares.
    public Tensor second() {
        return second;
    }

    /// How many elements of each slab, from the first, belong to parameters that decay.
    public int decaying() {
        return decaying;
    }

    /// Lets `tape` gather the gradients here.
    public void watch(Tape tape) {
        for (Parameter p : list) {
            tape.watch(value(p.name()), gradient(p.name()));
        }
    }

    /// The values that training starts from; the same for the same seed, on any machine.
    public void start(long seed) {
        for (int n = 0; n < list.size(); n++) {
            Parameter p = list.get(n);
            var draws = new Draws(seed, n);
            Tensor t = value(p.name());
            double mean = p.init().mean();
            double std = p.init().std();
            for (long i = 0; i < t.size(); i++) {
                t.set(i, std == 0 ? mean : mean + std * draws.normal(i));
            }
        }
    }
}
