package clearhead.io;

import clearhead.tensor.DType;
import clearhead.tensor.Layout;
import clearhead.tensor.Shape;
import clearhead.tensor.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/// The tensors that a file being written has announced: where each goes and how much of it has
/// arrived. Values are converted in chunks on their way to the disk.
final class Slots implements AutoCloseable {
    /// Elements converted at a time; a multiple of every block size.
    private static final int CHUNK = 1 << 18;

    /// Elements of a task; a multiple of every block size.
    private static final int TASK = 1 << 13;

    /// An announced tensor.
    static final class Slot {
        final String name;
        final DType type;
        final Shape shape;

        /// Bytes from the file's first tensor.
        long offset;

        private long arrived;

        private Slot(String name, DType type, Shape shape) {
            this.name = name;
            this.type = type;
            this.shape = shape;
        }

        long bytes() {
            return type.bytes(shape.size());
        }
    }

    private final Path target;
    private final AtomicFile file;
    private final Map<String, Slot> slots = new LinkedHashMap<>();
    private final Arena arena = Arena.ofShared();
    private final MemorySegment buffer = arena.allocate(CHUNK * 8L, 64);

    Slots(Path target, AtomicFile file) {
        this.target = target;
        this.file = file;
    }

    void declare(String name, DType type, Shape shape) {
        if (slots.putIfAbsent(name, new Slot(name, type, shape)) != null) {
            throw new IllegalArgumentException("tensor \"" + name + "\" is declared twice");
        }
    }

    /// In the order of the declarations.
    Collection<Slot> all() {
        return slots.values();
    }

    /// Writes a whole tensor.
    ///
    /// @param start where the file's first tensor begins
    void write(long start, String name, Tensor values) {
        Slot slot = slot(name);
        if (!values.shape().equals(slot.shape) || slot.arrived != 0) {
            throw new IllegalArgumentException("tensor \"" + name + "\": wanted all of " + slot.shape
                    + " at once, found " + values.shape() + " after " + slot.arrived + " elements");
        }
        append(start, name, values);
    }

    /// Writes the next elements of a tensor, in row-major order.
    ///
    /// @param start where the file's first tensor begins
    void append(long start, String name, Tensor values) {
        Slot slot = slot(name);
        if (values.layout() != Layout.ROWS) {
            throw new IllegalArgumentException("tensor \"" + name + "\" is packed for one backend's kernels");
        }
        if (values.size() > slot.shape.size() - slot.arrived) {
            throw new IllegalArgumentException("tensor \"" + name + "\": wanted " + (slot.shape.size() - slot.arrived)
                    + " more elements at most, found " + values.size());
        }
        long at = start + slot.offset + slot.type.bytes(slot.arrived);
        if (values.type() == slot.type) {
            file.write(at, values.data());
        } else {
            convert(name, values, slot.type, at);
        }
        slot.arrived += values.size();
    }

    private void convert(String name, Tensor values, DType type, long at) {
        for (long first = 0; first < values.size(); first += CHUNK) {
            long count = Math.min(CHUNK, values.size() - first);
            MemorySegment chunk = buffer.asSlice(0, type.bytes(count));
            convert(name, values, first, count, type, chunk);
            file.write(at + type.bytes(first), chunk);
        }
    }

    /// By all processors, as the search for scales takes longer than the disk, where they may read the
    /// values; the first thing wrong in the order of the elements is said.
    private void convert(String name, Tensor values, long first, long count, DType type, MemorySegment chunk) {
        int tasks = (int) ((count + TASK - 1) / TASK);
        var problems = new @Nullable IllegalArgumentException[tasks];
        IntStream parts = IntStream.range(0, tasks);
        boolean alone = tasks == 1 || !values.data().isAccessibleBy(new Thread());
        (alone ? parts : parts.parallel()).forEach(task -> {
            long from = (long) task * TASK;
            long n = Math.min(TASK, count - from);
            try {
                Cast.copy(values, first + from, n, type, chunk.asSlice(type.bytes(from), type.bytes(n)));
            } catch (IllegalArgumentException e) {
                problems[task] = e;
            }
        });
        for (IllegalArgumentException problem : problems) {
            if (problem != null) {
                throw new ModelFileException(target, "tensor \"" + name + "\": " + problem.getMessage(), problem);
            }
        }
    }

    void requireComplete() {
        for (Slot slot : slots.values()) {
            if (slot.arrived != slot.shape.size()) {
                throw new IllegalStateException("tensor \"" + slot.name + "\": wanted " + slot.shape.size()
                        + " elements, only " + slot.arrived + " have arrived");
            }
        }
    }

    private Slot slot(String name) {
        Slot slot = slots.get(name);
        if (slot == null) {
            throw new IllegalArgumentException("tensor \"" + name + "\" was not declared");
        }
        return slot;
    }

    @Override
    public void close() {
        arena.close();
    }
}
