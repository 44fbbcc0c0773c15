package clearhead.ops.cpu.vector;

import clearhead.ops.Sequences;
import clearhead.ops.cpu.Workers;
import clearhead.tensor.DType;
import clearhead.tensor.Tensor;
import clearhead.tensor.Workspace;
import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import java.util.Optional;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorSpecies;

/// Back through causal convolution. A task takes a vector of channels through all tokens, so that
/// gradients of parameters are summed in the order of tokens.
final class CausalConvolutionAdjoint {
    private static final VectorSpecies<Float> S = Lanes.FLOATS;
    private static final ByteOrder ORDER = ByteOrder.LITTLE_ENDIAN;

    private CausalConvolutionAdjoint() {}

    static Tensor run(
            Workspace workspace,
            Workers workers,
            Tensor x,
            Tensor weight,
            Sequences rows,
            Optional<Tensor> state,
            Tensor dOut,
            Tensor intoWeight,
            Optional<Tensor> intoBias) {
        int channels = x.dim(1);
        int kernel = weight.dim(1);
        Tensor dX = workspace.take(DType.F32, x.shape());
        long mark = workspace.mark();
        MemorySegment w = CausalConvolution.columns(workspace, weight);
        Tensor dWeight = workspace.take(DType.F32, kernel, channels);
        Optional<MemorySegment> before = state.map(Tensor::data);
        workers.run(Math.ceilDiv(channels, Lanes.COUNT), task -> {
            int c = task * Lanes.COUNT;
            VectorMask<Float> in = S.indexInRange(c, channels);
            FloatVector dBias = FloatVector.zero(S);
            for (int s = 0; s < rows.count(); s++) {
                int end = rows.start(s) + rows.length(s);
                for (int token = rows.start(s); token < end; token++) {
                    dBias = dBias.add(row(dOut.data(), token, channels, c, in));
                    input(w, dOut.data(), token, end, kernel, channels, c, in, dX.data());
                }
            }
            for (int j = 0; j < kernel; j++) {
                weight(x, before, rows, dOut.data(), j, kernel, c, in)
                        .intoMemorySegment(dWeight.data(), ((long) j * channels + c) * 4, ORDER, in);
            }
            if (intoBias.isPresent()) {
                dBias.add(row(intoBias.get().data(), 0, channels, c, in))
                        .intoMemorySegment(intoBias.get().data(), c * 4L, ORDER, in);
            }
        });
        for (int c = 0; c < channels; c++) {
            for (int j = 0; j < kernel; j++) {
                long at = (long) c * kernel + j;
                intoWeight.set(at, (float) intoWeight.at(at) + (float) dWeight.at((long) j * channels + c));
            }
        }
        workspace.release(mark);
        return dX;
    }

    private static FloatVector row(MemorySegment rows, long row, int channels, int c, VectorMask<Float> in) {
        return FloatVector.fromMemorySegment(S, rows, (row * channels + c) * 4, ORDER, in);
    }

    /// dX[t] = Σ over j of weight[j]·dOut[t + (kernel − 1) − j], nearest token first.
    private static void input(
            MemorySegment w,
            MemorySegment dOut,
            int token,
            int end,
            int kernel,
            int channels,
            int c,
            VectorMask<Float> in,
            MemorySegment dX) {
        FloatVector d = FloatVector.zero(S);
        for (int j = kernel - 1; j >= 0 && token + kernel - 1 - j < end; j--) {
            d = row(w, j, channels, c, in).fma(row(dOut, token + kernel - 1 - j, channels, c, in), d);
        }
        d.intoMemorySegment(dX, ((long) token * channels + c) * 4, ORDER, in);
    }

    /// Σ over tokens of dOut[t]·x[t − (kernel − 1) + j]
    private static FloatVector weight(
            Tensor x,
            Optional<MemorySegment> before,
            Sequences rows,
            MemorySegment dOut,
            int j,
            int kernel,
            int c,
            VectorMask<Float> in) {
        int channels = x.dim(1);
        int past = kernel - 1;
        FloatVector sum = FloatVector.zero(S);
        for (int s = 0; s < rows.count(); s++) {
            for (int t = 0; t < rows.length(s); t++) {
                int at = t - past + j;
                FloatVector d = row(dOut, rows.start(s) + t, channels, c, in);
                if (at >= 0) {
                    sum = d.fma(row(x.data(), rows.start(s) + at, channels, c, in), sum);
                } else if (before.isPresent()) {
                    sum = d.fma(row(before.get(), (long) s * past + past + at, channels, c, in), sum);
                }
            }
        }
        return sum;
    }
}
