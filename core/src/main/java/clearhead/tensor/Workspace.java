package clearhead.tensor;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;

/// Bump allocator for the activations of one step: [#take] on the way, [#reset] at its end. Grows by
/// slabs up to a limit and keeps them, so that a steady state allocates nothing. Not thread-safe;
/// kernels may read and write what it hands out from any thread.
public final class Workspace implements AutoCloseable {
    /// Bytes to which every tensor is aligned.
    public static final int ALIGNMENT = 64;

    /// From how many bytes on the machine is asked whether it has them.
    private static final long LARGE = 256L << 20;

    private static final long DEFAULT_SLAB = 16L << 20;

    private final Arena arena = Arena.ofShared();
    private final List<MemorySegment> slabs = new ArrayList<>();
    private final long slabBytes;
    private final long limit;
    private int slab;
    private long used;
    private long reserved;

    /// Without a limit other than the machine's memory.
    public Workspace() {
        this(DEFAULT_SLAB, Long.MAX_VALUE);
    }

    /// @param slabBytes how much memory is added at a time, at least
    /// @param limit bytes that may be reserved in all
    public Workspace(long slabBytes, long limit) {
        this.slabBytes = slabBytes;
        this.limit = limit;
    }

    /// A tensor of this type and shape. Contents are undefined: write before you read.
    public Tensor take(DType type, int... dims) {
        return take(type, new Shape(dims));
    }

    /// A tensor of this type and shape. Contents are undefined: write before you read.
    public Tensor take(DType type, Shape shape) {
        return new Tensor(type, shape, Layout.ROWS, takeBytes(type.bytes(shape.size())));
    }

    /// Memory of at least this many bytes, aligned to [#ALIGNMENT].
    public MemorySegment takeBytes(long bytes) {
        long rounded = Math.max(ALIGNMENT, Math.addExact(bytes, ALIGNMENT - 1) & -ALIGNMENT);
        while (slab < slabs.size()) {
            MemorySegment current = slabs.get(slab);
            if (used + rounded <= current.byteSize()) {
                MemorySegment taken = current.asSlice(used, bytes);
                used += rounded;
                return taken;
            }
            slab++;
            used = 0;
        }
        long size = Math.max(slabBytes, rounded);
        if (size > limit - reserved) {
            throw new IllegalStateException("workspace full: " + bytes + " bytes wanted, " + reserved + " of at most "
                    + limit + " bytes are reserved; use fewer tokens in one pass");
        }
        slabs.add(reserve(size));
        reserved += size;
        used = rounded;
        return slabs.get(slab).asSlice(0, bytes);
    }

    /// Before the work starts, and with the amount: what the machine does not have is refused.
    private MemorySegment reserve(long size) {
        String remedy = "use fewer tokens in one pass";
        if (size > LARGE) {
            Memory.require("this step", size, remedy);
        }
        try {
            return arena.allocate(size, ALIGNMENT);
        } catch (OutOfMemoryError e) {
            throw new IllegalStateException(
                    "this step needs " + Memory.text(size) + " of memory, which could not be had; " + remedy, e);
        }
    }

    /// The present position, to come back to with [#release] or [#keep].
    public long mark() {
        return ((long) slab << 40) | used;
    }

    /// Gives back everything taken since `mark`.
    public void release(long mark) {
        slab = (int) (mark >>> 40);
        used = mark & ((1L << 40) - 1);
    }

    /// Gives back everything taken since `mark` except the contents of `tensor`, which move to a new
    /// place.
    public Tensor keep(long mark, Tensor tensor) {
        release(mark);
        Tensor kept = take(tensor.type(), tensor.shape());
        MemorySegment.copy(tensor.data(), 0, kept.data(), 0, tensor.data().byteSize());
        return kept;
    }

    /// Gives back everything.
    public void reset() {
        slab = 0;
        used = 0;
    }

    /// Bytes reserved so far: the peak of what was in use, rounded up to slabs.
    public long reserved() {
        return reserved;
    }

    @Override
    public void close() {
        arena.close();
    }
}
