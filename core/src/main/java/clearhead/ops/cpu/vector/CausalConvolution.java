package clearhead.ops.cpu.vector;

import clearhead.ops.Carried;
import clearhead.ops.Sequences;
import clearhead.ops.cpu.Workers;
import clearhead.tensor.DType;
import clearhead.tensor.Tensor;
import clearhead.tensor.Workspace;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.Optional;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorSpecies;

/// Causal convolution, a vector of channels at a time. An element is one chain of fused
/// multiply-adds from the bias on, oldest input first, zeros of a fresh state included.
final class CausalConvolution {
    private static final VectorSpecies<Float> S = Lanes.FLOATS;
    private static final ByteOrder ORDER = ByteOrder.LITTLE_ENDIAN;
    private static final ValueLayout.OfFloat F32 = ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ORDER);

    private CausalConvolution() {}

    static Carried forward(
            Workspace workspace,
            Workers workers,
            Tensor x,
            Tensor weight,
            Optional<Tensor> bias,
            Sequences rows,
            Optional<Tensor> state) {
        int channels = x.dim(1);
        int past = weight.dim(1) - 1;
        Tensor out = workspace.take(DType.F32, x.shape());
        Tensor end = workspace.take(DType.F32, rows.count(), past, channels);
        long mark = workspace.mark();
        MemorySegment w = columns(workspace, weight);
        MemorySegment b = bias.map(t -> Expand.all(workspace, t)).orElseGet(() -> zeros(workspace, channels));
        MemorySegment before = state.map(Tensor::data).orElseGet(() -> zeros(workspace, end.size()));
        Rows.split(workers, x.dim(0), channels * (past + 1), (from, to) -> {
            int s = sequence(rows, from);
            for (int token = from; token < to; token++) {
                while (token >= rows.start(s) + rows.length(s)) {
                    s++;
                }
                bias(b, out.data(), token * (channels * 4L), channels);
                for (int j = 0; j <= past; j++) {
                    int at = token - past + j;
                    boolean carried = at < rows.start(s);
                    long row = carried ? (long) s * past + past + at - rows.start(s) : at;
                    add(
                            w,
                            j * (channels * 4L),
                            carried ? before : x.data(),
                            row * channels * 4,
                            out.data(),
                            token * (channels * 4L),
                            channels);
                }
            }
        });
        for (int s = 0; s < rows.count(); s++) {
            carry(x, rows, s, past, before, end.data());
        }
        workspace.release(mark);
        return new Carried(out, end);
    }

    /// The sequence to which a row belongs.
    static int sequence(Sequences rows, int row) {
        int s = 0;
        while (row >= rows.start(s) + rows.length(s)) {
            s++;
        }
        return s;
    }

    private static MemorySegment zeros(Workspace workspace, long count) {
        MemorySegment zeros = workspace.takeBytes(count * 4);
        zeros.fill((byte) 0);
        return zeros;
    }

    /// [channels, kernel] as [kernel, channels], in floats.
    static MemorySegment columns(Workspace workspace, Tensor weight) {
        int channels = weight.dim(0);
        int kernel = weight.dim(1);
        MemorySegment columns = workspace.takeBytes(weight.size() * 4);
        MemorySegment floats = Expand.all(workspace, weight);
        for (int c = 0; c < channels; c++) {
            for (int j = 0; j < kernel; j++) {
                float value = floats.get(F32, ((long) c * kernel + j) * 4);
                columns.set(F32, ((long) j * channels + c) * 4, value);
            }
        }
        return columns;
    }

    private static void bias(MemorySegment bias, MemorySegment out, long at, int channels) {
        MemorySegment.copy(bias, 0, out, at, channels * 4L);
    }

    /// out += w·x
    private static void add(
            MemorySegment w, long wAt, MemorySegment x, long xAt, MemorySegment out, long outAt, int channels) {
        long end = channels * 4L;
        long at = 0;
        for (; at <= end - Lanes.BYTES; at += Lanes.BYTES) {
            FloatVector.fromMemorySegment(S, w, wAt + at, ORDER)
                    .fma(
                            FloatVector.fromMemorySegment(S, x, xAt + at, ORDER),
                            FloatVector.fromMemorySegment(S, out, outAt + at, ORDER))
                    .intoMemorySegment(out, outAt + at, ORDER);
        }
        if (at < end) {
            VectorMask<Float> m = S.indexInRange(0, (int) (end - at) / 4);
            FloatVector.fromMemorySegment(S, w, wAt + at, ORDER, m)
                    .fma(
                            FloatVector.fromMemorySegment(S, x, xAt + at, ORDER, m),
                            FloatVector.fromMemorySegment(S, out, outAt + at, ORDER, m))
                    .intoMemorySegment(out, outAt + at, ORDER, m);
        }
    }

    /// The last inputs of a sequence, state included.
    private static void carry(Tensor x, Sequences rows, int s, int past, MemorySegment before, MemorySegment end) {
        long bytes = x.dim(1) * 4L;
        for (int j = 0; j < past; j++) {
            int at = rows.length(s) - past + j;
            long to = ((long) s * past + j) * bytes;
            if (at >= 0) {
                MemorySegment.copy(x.data(), (rows.start(s) + at) * bytes, end, to, bytes);
            } else {
                MemorySegment.copy(before, ((long) s * past + past + at) * bytes, end, to, bytes);
            }
        }
    }
}
