package clearhead.ops.cpu.vector;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/// Memory of one thread for the inside of a task, kept from call to call. Native, because kernels
/// see native segments only.
final class Scratch {
    private static final ThreadLocal<Scratch> OF_THREAD = ThreadLocal.withInitial(Scratch::new);

    private MemorySegment memory = MemorySegment.NULL;

    private Scratch() {}

    /// At least `bytes` bytes, aligned to 64, contents undefined. The next call on this thread hands
    /// out the same memory.
    static MemorySegment of(long bytes) {
        Scratch scratch = OF_THREAD.get();
        if (scratch.memory.byteSize() < bytes) {
            long rounded = (Math.max(bytes, 1 << 16) + 4095) & -4096;
            scratch.memory = Arena.ofAuto().allocate(rounded, 64);
        }
        return scratch.memory;
    }
}
