package clearhead.nn;

import clearhead.ops.Ops;
import clearhead.tensor.DType;
import clearhead.tensor.Layout;
import clearhead.tensor.Shape;
import clearhead.tensor.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.Deque;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// The states of a cache's sequences: one slab a sequence, with the states of all layers one after the
/// other. Slabs that sequences give back are used again.
final class StateSlabs {
    private final Map<Key, Place> places = new LinkedHashMap<>();
    private final long slabBytes;
    private final Arena arena;
    private final Deque<MemorySegment> free = new ArrayDeque<>();
    private long bytes;

    /// @param index as layers number their states
    private record Key(int layer, int index) {}

    /// @param number of the state among all
    /// @param shape without the axis of sequences
    private record Place(int number, long offset, Shape shape) {
        long bytes() {
            return DType.F32.bytes(shape.size());
        }
    }

    /// One sequence's states.
    ///
    /// @param known [states]: tokens that each state knows of
    record Slab(MemorySegment memory, int[] known) {}

    StateSlabs(Transformer transformer, Arena arena) {
        this.arena = arena;
        long at = 0;
        for (int layer = 0; layer < transformer.layers(); layer++) {
            Block block = transformer.blocks().get(layer);
            at = add(layer, 0, block.mixer().states(), at);
            at = add(layer, KeyValues.MLP, block.mlp().states(), at);
        }
        slabBytes = at;
    }

    private long add(int layer, int first, List<Shape> shapes, long from) {
        long at = from;
        for (int i = 0; i < shapes.size(); i++) {
            var place = new Place(places.size(), at, shapes.get(i));
            places.put(new Key(layer, first + i), place);
            at += (place.bytes() + 63) & -64;
        }
        return at;
    }

    /// Bytes of one sequence's states.
    static long bytes(Transformer transformer) {
        long bytes = 0;
        for (Block block : transformer.blocks()) {
            for (Shape shape : block.mixer().states()) {
                bytes += (DType.F32.bytes(shape.size()) + 63) & -64;
            }
            for (Shape shape : block.mlp().states()) {
                bytes += (DType.F32.bytes(shape.size()) + 63) & -64;
            }
        }
        return bytes;
    }

    /// Bytes of all slabs there ever were at once.
    long bytes() {
        return bytes;
    }

    /// Whether no layer carries a state.
    boolean isEmpty() {
        return places.isEmpty();
    }

    /// The states of a new sequence.
    Slab take() {
        if (places.isEmpty()) {
            return new Slab(MemorySegment.NULL, new int[0]);
        }
        MemorySegment memory = free.poll();
        if (memory == null) {
            memory = arena.allocate(slabBytes, 64);
            bytes += slabBytes;
        }
        return new Slab(memory, new int[places.size()]);
    }

    Slab copy(Slab slab) {
        Slab copy = take();
        copy.memory.copyFrom(slab.memory);
        System.arraycopy(slab.known, 0, copy.known, 0, slab.known.length);
        return copy;
    }

    void release(Slab slab) {
        if (!places.isEmpty()) {
            free.push(slab.memory);
        }
    }

    /// One state of several sequences; empty where none has a token.
    ///
    /// @param before [sequences]: tokens before the pass
    /// @return [sequences, …]
    Optional<Tensor> gather(Ops ops, int layer, int index, Slab[] slabs, int[] before) {
        Place place = place(layer, index);
        for (int s = 0; s < slabs.length; s++) {
            if (before[s] > 0 && slabs[s].known[place.number] != before[s]) {
                throw new IllegalStateException("the state of layer " + layer + " knows "
                        + slabs[s].known[place.number] + " of a sequence's " + before[s]
                        + " tokens, for a pass did not come to its end; close the sequence and begin it again");
            }
        }
        if (Arrays.stream(before).allMatch(tokens -> tokens == 0)) {
            return Optional.empty();
        }
        int[] tail = place.shape.dims();
        var dims = new int[tail.length + 1];
        dims[0] = slabs.length;
        System.arraycopy(tail, 0, dims, 1, tail.length);
        if (slabs.length == 1) {
            return Optional.of(new Tensor(DType.F32, new Shape(dims), Layout.ROWS, part(slabs[0], place)));
        }
        Tensor all = ops.workspace().take(DType.F32, dims);
        for (int s = 0; s < slabs.length; s++) {
            MemorySegment to = all.data().asSlice(s * place.bytes(), place.bytes());
            if (before[s] > 0) {
                to.copyFrom(part(slabs[s], place));
            } else {
                to.fill((byte) 0);
            }
        }
        return Optional.of(all);
    }

    /// @param state [sequences, …]
    /// @param lengths [sequences]: tokens after the pass
    void scatter(int layer, int index, Tensor state, Slab[] slabs, int[] lengths) {
        Place place = place(layer, index);
        if (state.type() != DType.F32 || state.size() != place.shape.size() * slabs.length) {
            throw new IllegalArgumentException("the state of layer " + layer + " must be F32 of " + slabs.length
                    + " sequences with " + place.shape + " each, got " + state);
        }
        for (int s = 0; s < slabs.length; s++) {
            part(slabs[s], place).copyFrom(state.data().asSlice(s * place.bytes(), place.bytes()));
            slabs[s].known[place.number] = lengths[s];
        }
    }

    private Place place(int layer, int index) {
        Place place = places.get(new Key(layer, index));
        if (place == null) {
            throw new IllegalArgumentException("layer " + layer + " has no state " + index);
        }
        return place;
    }

    private static MemorySegment part(Slab slab, Place place) {
        return slab.memory.asSlice(place.offset, place.bytes());
    }
}
