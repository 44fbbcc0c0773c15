package clearhead.ops.cpu.vector;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import org.jspecify.annotations.Nullable;

/// Memory of zeros that is not touched before its first use: an arena's own is cleared by the thread that
/// asks, which for a gigabyte takes as long as packing it. C's `calloc` gets the pages from the system,
/// which clears each when a thread writes to it first; so all of a pool's threads share the work.
final class Zeros {
    private static final long ALIGNMENT = 64;

    /// Bytes from which on it is worth while.
    private static final long LARGE = 1 << 20;

    private Zeros() {}

    /// Zeros that live as long as the arena, aligned to 64 bytes; never none.
    static MemorySegment allocate(Arena arena, long bytes) {
        Native c = bytes < LARGE ? null : Native.ONE;
        return c == null ? arena.allocate(Math.max(ALIGNMENT, bytes), ALIGNMENT) : c.allocate(arena, bytes);
    }

    /// @param calloc (count, size) to an address
    private record Native(MethodHandle calloc, MethodHandle free) {
        /// None where this program may not call C.
        static final @Nullable Native ONE = find();

        private static @Nullable Native find() {
            try {
                Linker linker = Linker.nativeLinker();
                SymbolLookup c = linker.defaultLookup();
                return new Native(
                        linker.downcallHandle(
                                c.findOrThrow("calloc"),
                                FunctionDescriptor.of(
                                        ValueLayout.ADDRESS, ValueLayout.JAVA_LONG, ValueLayout.JAVA_LONG)),
                        linker.downcallHandle(c.findOrThrow("free"), FunctionDescriptor.ofVoid(ValueLayout.ADDRESS)));
            } catch (RuntimeException e) {
                // not allowed, or no such library: the arena's memory does as well, more slowly
                return null;
            }
        }

        MemorySegment allocate(Arena arena, long bytes) {
            long whole = Math.addExact(bytes, ALIGNMENT);
            MemorySegment got = zeros(whole);
            if (got.equals(MemorySegment.NULL)) {
                throw new OutOfMemoryError("the system gives no " + whole + " bytes for a packed weight");
            }
            long start = -got.address() & (ALIGNMENT - 1);
            return got.reinterpret(whole, arena, this::release).asSlice(start, bytes);
        }

        private MemorySegment zeros(long bytes) {
            try {
                return (MemorySegment) calloc.invokeExact(1L, bytes);
            } catch (RuntimeException | Error e) {
                throw e;
            } catch (Throwable e) {
                throw new IllegalStateException(e);
            }
        }

        private void release(MemorySegment memory) {
            try {
                free.invokeExact(memory);
            } catch (RuntimeException | Error e) {
                throw e;
            } catch (Throwable e) {
                throw new IllegalStateException(e);
            }
        }
    }
}
