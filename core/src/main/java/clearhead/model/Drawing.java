package clearhead.model;

import clearhead.nn.Positions;
import clearhead.ops.Pairing;
import clearhead.tensor.DType;
import clearhead.tensor.Layout;
import clearhead.tensor.Shape;
import clearhead.tensor.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.IdentityHashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Supplier;

/// Weights that hold nothing: a model built of them has the right shapes and no numbers, and tells what
/// parameters it is made of.
final class Drawing implements Weights {
    private final Arena arena;
    private final Map<String, Parameter> parameters = new LinkedHashMap<>();
    private final Map<String, Integer> layers = new LinkedHashMap<>();
    private final Map<Positions, Rotation> rotations = new IdentityHashMap<>();
    private final List<Rotation> inTurn = new ArrayList<>();

    /// What rotary tables would be made of.
    record Rotation(RopeScaling scaling, int rotaryDim, double theta, Pairing pairing) {}

    private final List<Parameter> matrices = new ArrayList<>();
    private final List<Parameter> vectors = new ArrayList<>();

    Drawing(Arena arena) {
        this.arena = arena;
    }

    List<Parameter> parameters() {
        return List.copyOf(parameters.values());
    }

    /// What is asked for as matrices: each is packed as often as it is here.
    List<Parameter> matrices() {
        return List.copyOf(matrices);
    }

    /// What is asked for as vectors.
    List<Parameter> vectors() {
        return List.copyOf(vectors);
    }

    Map<String, Integer> layers() {
        return Map.copyOf(layers);
    }

    @Override
    public DType type() {
        return DType.F32;
    }

    @Override
    public Arena arena() {
        return arena;
    }

    @Override
    public Tensor rows(Parameter p) {
        Parameter before = parameters.putIfAbsent(p.name(), p);
        if (before != null && !before.shape().equals(p.shape())) {
            throw new IllegalStateException(p.name() + " is asked for as " + before.shape() + " and as " + p.shape());
        }
        // an address that nobody may read
        var nothing = MemorySegment.NULL.reinterpret(type().bytes(p.shape().size()));
        return new Tensor(type(), p.shape(), Layout.ROWS, nothing);
    }

    @Override
    public Tensor matrix(Parameter p) {
        matrices.add(p);
        return rows(p);
    }

    @Override
    public Tensor vector(Parameter p) {
        vectors.add(p);
        return rows(p);
    }

    /// Every rotation, the first one first.
    List<Rotation> rotations() {
        return List.copyOf(inTurn);
    }

    Optional<Rotation> rotation(Positions positions) {
        return Optional.ofNullable(rotations.get(positions));
    }

    /// Stands for rotary tables.
    Positions rotating(Rotation rotation) {
        var empty = new Tensor(type(), new Shape(0, rotation.rotaryDim() / 2), Layout.ROWS, MemorySegment.NULL);
        var positions = new Positions.Rope(empty, empty, rotation.pairing());
        rotations.put(positions, rotation);
        inTurn.add(rotation);
        return positions;
    }

    @Override
    public Positions positions(Supplier<Positions> tables) {
        return new Positions.None();
    }

    @Override
    public void layers(String prefix, int count) {
        layers.merge(prefix, count, Math::max);
    }
}
