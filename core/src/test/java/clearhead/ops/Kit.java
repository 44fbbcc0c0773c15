package clearhead.ops;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assertions.fail;

import clearhead.ops.cpu.reference.ReferenceBackend;
import clearhead.tensor.DType;
import clearhead.tensor.Layout;
import clearhead.tensor.Tensor;
import clearhead.tensor.Workspace;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.util.ArrayList;
import java.util.List;
import java.util.function.IntToDoubleFunction;
import java.util.function.UnaryOperator;

/// Runs one call on a backend and judges it:
///
/// - at most twice as far from the exact result (the reference in F64) as the same operation in naive
///   float arithmetic, plus [#ULPS] units in the last place of the largest value: FlashAttention's
///   rule;
/// - the same bits with 1 thread and aligned inputs as with 2 threads and unaligned ones;
/// - every output written whole, and nothing else: outputs, and guards around inputs, lie in memory
///   filled with a pattern that is a NaN.
public final class Kit {
    /// Rounding that even a single operation may add, in units of 2⁻²⁴ of the largest value.
    private static final double ULPS = 4;

    /// A NaN that no arithmetic makes.
    private static final int CANARY = 0x7fc5a5a5;

    private static final long GUARD = 128;
    private static final ValueLayout.OfInt WORD = ValueLayout.JAVA_INT_UNALIGNED;
    private static final ValueLayout.OfLong PAIR = ValueLayout.JAVA_LONG_UNALIGNED;
    private static final Backend REFERENCE = new ReferenceBackend();

    // Kept for all checks: closing shared memory stops every thread, which takes long on a busy machine.
    private static final Workspace SPARE = new Workspace();
    private static final long SLAB_BYTES = 64L << 20;
    private static final Workspace SENTINELS = new Workspace(SLAB_BYTES, SLAB_BYTES);
    private static final MemorySegment SLAB = SENTINELS.takeBytes(SLAB_BYTES);

    private Kit() {}

    /// What a call may use.
    ///
    /// @param pack [Backend#pack]
    public record Device(Ops ops, Adjoints adjoints, UnaryOperator<Tensor> pack) {}

    /// A call of one or a few operations.
    @FunctionalInterface
    public interface Call {
        /// @return all outputs: new tensors, and those of `in` that were changed
        List<Tensor> run(Device device, Tensor[] in);
    }

    /// @param what the case, for the report
    /// @param magnitude largest value that the operation rounds on its way, if that is larger than
    ///     the largest output; else 0
    public static void check(Subject subject, String what, double magnitude, Call call, Tensor... inputs) {
        check(subject, what, _ -> magnitude, 1, call, inputs);
    }

    /// Also at most 1e-5 of the largest value from the exact result, as gradients must be.
    public static void checkGradient(Subject subject, String what, double magnitude, Call call, Tensor... inputs) {
        check(subject, what, _ -> magnitude, 1e-5, call, inputs);
    }

    /// @param magnitude for each output, as in [#check]
    public static void checkGradient(
            Subject subject, String what, IntToDoubleFunction magnitude, Call call, Tensor... inputs) {
        check(subject, what, magnitude, 1e-5, call, inputs);
    }

    private static void check(
            Subject subject, String what, IntToDoubleFunction magnitude, double relative, Call call, Tensor... inputs) {
        double[][] exact = exact(call, inputs);
        double[][] naive = naive(call, inputs);
        List<float[]> one = run(subject.one(), what, 0, call, inputs);
        List<float[]> two = run(subject.two(), what, 2, call, inputs);
        assertEquals(exact.length, one.size(), what);
        for (int n = 0; n < exact.length; n++) {
            String name = subject + ": " + what + ", output " + n;
            sameBits(name + ", 1 and 2 threads", one.get(n), two.get(n));
            double largest = largest(exact[n]);
            double rounded = Math.max(magnitude.applyAsDouble(n), largest);
            // where all of an output cancels, what is left is rounding
            double scale = largest < 1e-3 * rounded ? rounded : largest;
            double error = error(exact[n], widen(one.get(n)), name);
            double naiveError = error(exact[n], naive[n], name);
            double allowed = Math.min(2 * naiveError + ULPS * 0x1p-24 * rounded, relative * scale);
            assertTrue(
                    error <= allowed,
                    () -> name + ": error " + error + ", naive " + naiveError + ", largest " + largest + ", allowed "
                            + allowed);
        }
    }

    /// The result of the reference in F64: F32 inputs are widened, weights of other types stay.
    public static double[][] exact(Call call, Tensor... inputs) {
        var arena = Arena.ofAuto();
        SPARE.reset();
        var wide = new Tensor[inputs.length];
        for (int i = 0; i < inputs.length; i++) {
            DType type = inputs[i].type() == DType.F32 ? DType.F64 : inputs[i].type();
            wide[i] = inputs[i].to(arena, type);
        }
        return doubles(call.run(device(REFERENCE, SPARE, arena), wide));
    }

    private static double[][] naive(Call call, Tensor... inputs) {
        var arena = Arena.ofAuto();
        SPARE.reset();
        var copies = new Tensor[inputs.length];
        for (int i = 0; i < inputs.length; i++) {
            copies[i] = inputs[i].copy(arena);
        }
        var device = new Device(new NaiveOps(SPARE), new NaiveAdjoints(SPARE), weight -> weight);
        return doubles(call.run(device, copies));
    }

    /// Operations of this backend on this workspace.
    public static Device device(Backend backend, Workspace workspace, Arena arena) {
        return new Device(backend.ops(workspace), backend.adjoints(workspace), weight -> backend.pack(weight, arena));
    }

    /// Runs a call amid sentinels, and returns its outputs.
    ///
    /// @param offset how many bytes inputs are off their alignment
    private static List<float[]> run(Backend backend, String what, int offset, Call call, Tensor... inputs) {
        long bytes = 1 << 20;
        for (Tensor t : inputs) {
            bytes += t.data().byteSize() * 8;
        }
        MemorySegment all = SLAB.asSlice(0, bytes & -Workspace.ALIGNMENT);
        fill(all);
        SENTINELS.reset();
        var arena = Arena.ofAuto();
        var placed = new Tensor[inputs.length];
        var guarded = new MemorySegment[inputs.length];
        for (int i = 0; i < inputs.length; i++) {
            long size = inputs[i].data().byteSize();
            guarded[i] = arena.allocate(size + 2 * GUARD + 64, 64);
            fill(guarded[i]);
            MemorySegment data = guarded[i].asSlice(GUARD + offset, size);
            data.copyFrom(inputs[i].data());
            placed[i] = new Tensor(inputs[i].type(), inputs[i].shape(), Layout.ROWS, data);
        }
        var device = new Device(
                cleaning(Ops.class, backend.ops(SENTINELS), all),
                cleaning(Adjoints.class, backend.adjoints(SENTINELS), all),
                weight -> backend.pack(weight, arena));
        List<Tensor> outputs = call.run(device, placed);
        String name = backend.name() + ": " + what;
        for (int i = 0; i < inputs.length; i++) {
            requireGuards(name + ", input " + i, guarded[i], placed[i]);
            if (!contains(outputs, placed[i]) && placed[i].data().mismatch(inputs[i].data()) != -1) {
                fail(name + ": input " + i + " was changed");
            }
        }
        requireOutputs(name, all, SENTINELS.mark(), outputs);
        return outputs.stream().map(Tensor::toFloats).toList();
    }

    /// The same operations; after each, memory that a kernel took and gave back is filled with the
    /// pattern again, so that the outputs of the next one lie amid sentinels too.
    private static <T> T cleaning(Class<T> type, T operations, MemorySegment all) {
        return type.cast(Proxy.newProxyInstance(
                Kit.class.getClassLoader(), new Class<?>[] {type}, (proxy, method, arguments) -> {
                    try {
                        Object result = method.invoke(operations, arguments);
                        fill(all.asSlice(SENTINELS.mark()));
                        return result;
                    } catch (InvocationTargetException e) {
                        throw e.getCause();
                    }
                }));
    }

    private static boolean contains(List<Tensor> outputs, Tensor input) {
        return outputs.stream().anyMatch(t -> t.data().address() == input.data().address());
    }

    private static void fill(MemorySegment memory) {
        long whole = memory.byteSize() & -8;
        for (long at = 0; at < whole; at += 8) {
            memory.set(PAIR, at, (long) CANARY << 32 | CANARY);
        }
        if (memory.byteSize() - whole >= 4) {
            memory.set(WORD, whole, CANARY);
        }
    }

    private static void requireGuards(String name, MemorySegment memory, Tensor inside) {
        long start = inside.data().address() - memory.address();
        long end = start + inside.data().byteSize();
        for (long at = 0; at < memory.byteSize() / 4 * 4; at++) {
            boolean guard = at < start || at >= end;
            byte wanted = (byte) (CANARY >>> (8 * (at & 3)));
            if (guard && memory.get(ValueLayout.JAVA_BYTE, at) != wanted) {
                fail(name + ": byte " + (at - start) + " of " + inside + " was written");
            }
        }
    }

    private static void requireOutputs(String name, MemorySegment all, long used, List<Tensor> outputs) {
        var owner = new int[Math.toIntExact(used / 4)];
        for (int n = 0; n < outputs.size(); n++) {
            Tensor t = outputs.get(n);
            long start = t.data().address() - all.address();
            if (start < 0 || start >= all.byteSize()) {
                continue; // an accumulator: one of the inputs
            }
            assertEquals(DType.F32, t.type(), name + ": output " + n);
            for (long i = 0; i < t.size(); i++) {
                owner[Math.toIntExact(start / 4 + i)] = n + 1;
                if (t.data().get(WORD, i * 4) == CANARY) {
                    fail(name + ": element " + i + " of output " + n + " " + t + " is not written");
                }
            }
        }
        for (int word = 0; word < owner.length; word++) {
            if (owner[word] == 0 && all.get(WORD, word * 4L) != CANARY) {
                int before = word;
                while (before > 0 && owner[before] == 0) {
                    before--;
                }
                fail(name + ": " + (word - before) * 4 + " bytes after output "
                        + (owner[before] - 1)
                        + " something was written that no output covers; a kernel must"
                        + " write its outputs only, and give scratch memory back");
            }
        }
    }

    /// Fails unless the two have the same bits.
    public static void sameBits(String name, float[] wanted, float[] found) {
        assertEquals(wanted.length, found.length, name);
        for (int i = 0; i < wanted.length; i++) {
            if (Float.floatToRawIntBits(wanted[i]) != Float.floatToRawIntBits(found[i])) {
                fail(name + ": element " + i + " is " + wanted[i] + " and " + found[i]);
            }
        }
    }

    /// Largest difference. Infinities and NaNs must agree.
    private static double error(double[] exact, double[] found, String name) {
        double error = 0;
        for (int i = 0; i < exact.length; i++) {
            if (Double.isFinite(exact[i]) && Double.isFinite(found[i])) {
                error = Math.max(error, Math.abs(exact[i] - found[i]));
            } else if (Double.compare(exact[i], found[i]) != 0) {
                fail(name + ": element " + i + " must be " + exact[i] + ", found " + found[i]);
            }
        }
        return error;
    }

    /// Largest finite absolute value.
    static double largest(Tensor t) {
        return largest(t.toDoubles());
    }

    /// Largest finite absolute value.
    static double largest(double[] values) {
        double largest = 0;
        for (double value : values) {
            if (Double.isFinite(value)) {
                largest = Math.max(largest, Math.abs(value));
            }
        }
        return largest;
    }

    private static double[] widen(float[] values) {
        var wide = new double[values.length];
        for (int i = 0; i < values.length; i++) {
            wide[i] = values[i];
        }
        return wide;
    }

    private static double[][] doubles(List<Tensor> outputs) {
        var all = new ArrayList<double[]>();
        for (Tensor t : outputs) {
            all.add(t.toDoubles());
        }
        return all.toArray(new double[0][]);
    }
}
