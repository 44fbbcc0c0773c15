package clearhead.model;

import clearhead.io.Checkpoint;
import clearhead.io.ModelFileException;
import clearhead.tensor.DType;
import clearhead.tensor.Shape;
import clearhead.tensor.Tensor;
import java.lang.foreign.Arena;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// The parameters of a family out of a checkpoint: looked up by name, checked, put right where the
/// file arranges them otherwise, and packed for a backend. What need not change stays in the mapped
/// file.
final class CheckpointWeights implements Weights {
    private final Checkpoint checkpoint;
    private final Architecture architecture;
    private final Dialect dialect;
    private final Optional<GgufNames> ggufNames;
    private final Arena arena;
    private final Packing packing;
    private final Map<String, Parameter> parameters = new HashMap<>();
    private final Map<String, Checkpoint.Entry> entries = new HashMap<>();

    /// How a backend wants a weight; the result may be the weight itself.
    @FunctionalInterface
    interface Packing {
        Packing NONE = (weight, _) -> weight;

        Tensor pack(Tensor weight, Arena arena);
    }

    /// @throws ModelFileException if a tensor is missing or has another shape than the sizes want
    CheckpointWeights(Checkpoint checkpoint, Architecture architecture, Packing packing, Arena arena) {
        this.checkpoint = checkpoint;
        this.architecture = architecture;
        this.packing = packing;
        this.arena = arena;
        dialect = Dialect.of(checkpoint);
        ggufNames = dialect == Dialect.GGUF ? Optional.of(new GgufNames(architecture)) : Optional.empty();
        dialect.requireLayers(checkpoint, architecture);
        checkpoint.entries().forEach(entry -> entries.put(entry.name(), entry));
        for (Parameter p : architecture.parameters()) {
            parameters.put(p.name(), p);
            require(p);
        }
    }

    private void require(Parameter p) {
        Place place = place(p);
        Checkpoint.Entry entry = entries.get(place.name);
        if (entry == null) {
            throw new ModelFileException(
                    checkpoint.source(),
                    "there is no tensor \"" + place.name + "\", which a " + architecture.name() + " of "
                            + architecture.layers() + " layers needs");
        }
        Shape wanted = p.storedShape(place.stored);
        boolean same = p.shape().rank() == 1 && place.stored.count() == 0
                ? entry.shape().size() == wanted.size() // Mamba 2's norm in a GGUF is [groups, …]
                : squeezed(entry.shape()).equals(squeezed(wanted));
        if (!same) {
            throw new ModelFileException(
                    checkpoint.source(),
                    "\"" + place.name + "\" is " + entry.shape() + ", the configuration wants " + wanted);
        }
    }

    /// Axes of size 1 say nothing: a convolution [channels, 1, kernel] is [channels, kernel].
    private static List<Integer> squeezed(Shape shape) {
        return Arrays.stream(shape.dims()).filter(dim -> dim != 1).boxed().toList();
    }

    /// @param name of the tensor in this file
    private record Place(String name, Parameter.Stored stored) {}

    /// Blocks of quantized weights lie along the inputs of a product, so they are never transposed: gpt-oss
    /// in MXFP4 has its experts the other way round than in BF16, under the same names.
    private static boolean quantized(Checkpoint.Entry entry) {
        return Arrays.stream(DType.values())
                .anyMatch(type -> type.isQuantized() && type.name().equals(entry.type()));
    }

    /// Where this file holds a parameter; where it would be if it does not.
    private Place place(Parameter p) {
        List<Parameter.Stored> places = ggufNames.isPresent() ? ggufNames.get().places(p) : p.places();
        for (Parameter.Stored stored : places) {
            String name = dialect.name(checkpoint, stored.name());
            Checkpoint.Entry entry = entries.get(name);
            if (entry != null && !(stored.transposed() && quantized(entry))) {
                return new Place(name, stored);
            }
        }
        Parameter.Stored first = places.getFirst();
        return new Place(dialect.name(checkpoint, first.name()), first);
    }

    @Override
    public DType type() {
        return DType.F32;
    }

    @Override
    public Arena arena() {
        return arena;
    }

    /// The parameter row-major as the layers use it: a view of the file where that is possible.
    @Override
    public Tensor rows(Parameter p) {
        return parameter(p, arena);
    }

    @Override
    public Tensor matrix(Parameter p) {
        try (Arena passing = Arena.ofShared()) {
            Tensor rows = parameter(p, passing);
            Tensor packed = packing.pack(rows, arena);
            // a backend that takes rows as they are must not be left with memory that goes away
            return packed.data().address() == rows.data().address() ? parameter(p, arena) : packed;
        }
    }

    @Override
    public Tensor vector(Parameter p) {
        try (Arena passing = Arena.ofShared()) {
            return parameter(p, passing).to(arena, DType.F32);
        }
    }

    /// How the file stores a parameter.
    DType storedType(Parameter p) {
        return checkpoint.tensor(place(p).name).type();
    }

    /// The parameter of a name, see [#parameter(Parameter, Arena)].
    Tensor parameter(String name, Arena owner) {
        Parameter p = parameters.get(name);
        if (p == null) {
            throw new IllegalArgumentException(architecture.name() + " has no parameter " + name);
        }
        return parameter(p, owner);
    }

    /// The parameter row-major, any type; what has to be moved lives as long as `owner`.
    Tensor parameter(Parameter p, Arena owner) {
        Place place = place(p);
        Parameter.Stored at = place.stored;
        Tensor stored = real(place.name);
        Tensor matrix = matrixOf(stored, at, p.columns());
        Tensor rows;
        if (at.transposed()) {
            rows = Elements.columns(matrix, at.rows(), p.shape().dim(0), owner);
        } else {
            rows = Elements.rows(matrix, at.rows(), p.shape().dim(0), owner);
        }
        if (at.rotaryHeads() > 0 && dialect.interleaves()) {
            rows = Elements.halves(rows, at.rotaryHeads(), owner);
        }
        return Elements.changed(rows, at.change(), owner).reshape(p.shape().dims());
    }

    /// The one matrix [all, in] (or [in, all]) of a tensor that may hold several.
    private static Tensor matrixOf(Tensor stored, Parameter.Stored at, int in) {
        int all = at.rows().all();
        int height = at.transposed() ? in : all;
        int width = at.transposed() ? all : in;
        return stored.reshape(Math.max(1, at.count()) * height, width)
                .rows(at.index() * height, (at.index() + 1) * height);
    }

    private Tensor real(String name) {
        Tensor tensor = checkpoint.tensor(name);
        if (!tensor.type().isReal()) {
            throw new ModelFileException(
                    checkpoint.source(), "\"" + name + "\" holds " + tensor.type() + ", wanted real numbers");
        }
        return tensor;
    }

    /// Refuses a checkpoint with a NaN or an infinity, naming the tensor.
    static void requireFinite(Checkpoint checkpoint) {
        for (String name : checkpoint.names()) {
            Tensor tensor = checkpoint.tensor(name);
            long at = Elements.firstNotFinite(tensor);
            if (at >= 0) {
                throw new ModelFileException(
                        checkpoint.source(),
                        "\"" + name + "\" holds " + describe(tensor, at) + " at element " + at + " of " + tensor.shape()
                                + "; the file is damaged");
            }
        }
    }

    private static String describe(Tensor tensor, long at) {
        return tensor.type().isQuantized() ? "a scale that is no number" : "" + tensor.at(at);
    }
}
