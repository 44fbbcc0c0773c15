package clearhead.model;

import clearhead.io.Checkpoint;
import clearhead.io.ModelFileException;
import clearhead.tensor.DType;
import clearhead.tensor.Shape;
import clearhead.tensor.Tensor;
import java.lang.foreign.Arena;
import java.util.HashMap;
import java.util.Map;

/// The parameters of a family out of a checkpoint: looked up by name, checked, put right where the
/// file arranges them otherwise, and packed for a backend. What need not change stays in the mapped
/// file.
final class CheckpointWeights implements Weights {
    private final Checkpoint checkpoint;
    private final Family family;
    private final Dialect dialect;
    private final Arena arena;
    private final Packing packing;
    private final Map<String, Parameter> parameters = new HashMap<>();

    /// How a backend wants a weight; the result may be the weight itself.
    @FunctionalInterface
    interface Packing {
        Packing NONE = (weight, _) -> weight;

        Tensor pack(Tensor weight, Arena arena);
    }

    /// @throws ModelFileException if a tensor is missing or has another shape than the sizes want
    CheckpointWeights(Checkpoint checkpoint, Family family, Packing packing, Arena arena) {
        this.checkpoint = checkpoint;
        this.family = family;
        this.packing = packing;
        this.arena = arena;
        dialect = Dialect.of(checkpoint);
        dialect.requireLayers(checkpoint, family);
        var entries = new HashMap<String, Checkpoint.Entry>();
        checkpoint.entries().forEach(entry -> entries.put(entry.name(), entry));
        for (Parameter p : family.parameters()) {
            parameters.put(p.name(), p);
            require(p, entries);
        }
    }

    private void require(Parameter p, Map<String, Checkpoint.Entry> entries) {
        String name = fileName(p);
        Checkpoint.Entry entry = entries.get(name);
        if (entry == null) {
            throw new ModelFileException(
                    checkpoint.source(),
                    "there is no tensor \"" + name + "\", which a " + family.name() + " of " + family.layers()
                            + " layers needs");
        }
        Shape wanted = dialect.transposes() || p.shape().rank() == 1
                ? p.storedShape()
                : new Shape(p.stored().all(), p.shape().dim(1));
        if (!entry.shape().equals(wanted)) {
            throw new ModelFileException(
                    checkpoint.source(),
                    "\"" + name + "\" is " + entry.shape() + ", the configuration wants " + wanted);
        }
    }

    private String fileName(Parameter p) {
        return dialect.name(checkpoint, family, p.stored().name());
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
    public Tensor rows(String name) {
        return parameter(name, arena);
    }

    @Override
    public Tensor matrix(String name) {
        try (Arena passing = Arena.ofShared()) {
            Tensor rows = parameter(name, passing);
            Tensor packed = packing.pack(rows, arena);
            // a backend that takes rows as they are must not be left with memory that goes away
            return packed.data().address() == rows.data().address() ? parameter(name, arena) : packed;
        }
    }

    @Override
    public Tensor vector(String name) {
        try (Arena passing = Arena.ofShared()) {
            return parameter(name, passing).to(arena, DType.F32);
        }
    }

    /// How the file stores a parameter.
    DType storedType(Parameter p) {
        return checkpoint.tensor(fileName(p)).type();
    }

    /// The parameter row-major, any type; what has to be moved lives as long as `owner`.
    Tensor parameter(String name, Arena owner) {
        Parameter p = parameters.get(name);
        if (p == null) {
            throw new IllegalArgumentException(family.name() + " has no parameter " + name);
        }
        Tensor stored = real(fileName(p));
        Parameter.Stored place = p.stored();
        int last = place.first() + p.shape().dim(0);
        if (place.transposed() && dialect.transposes()) {
            return Elements.columns(stored, place.first(), last, owner);
        }
        Tensor rows = stored.rows(place.first(), last);
        return place.rotaryHeads() > 0 && dialect.interleaves()
                ? Elements.halves(rows, place.rotaryHeads(), owner)
                : rows;
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
