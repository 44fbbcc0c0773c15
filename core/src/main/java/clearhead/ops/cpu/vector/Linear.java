package clearhead.ops.cpu.vector;

import clearhead.ops.Arithmetic;
import clearhead.ops.cpu.Workers;
import clearhead.tensor.DType;
import clearhead.tensor.Layout;
import clearhead.tensor.Tensor;
import clearhead.tensor.Workspace;
import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import jdk.incubator.vector.VectorSpecies;

/// x·Wᵀ, with and without bias, and its adjoints, all through [Product].
final class Linear {
    private static final VectorSpecies<Float> S = Lanes.FLOATS;
    private static final ByteOrder ORDER = ByteOrder.LITTLE_ENDIAN;

    private Linear() {}

    /// @param x [tokens, in]
    /// @param weight [out, in]
    /// @return [tokens, out]
    static Tensor forward(Workspace workspace, Workers workers, Arithmetic arithmetic, Tensor x, Tensor weight) {
        Tensor out = workspace.take(DType.F32, x.dim(0), weight.dim(0));
        product(workspace, workers, arithmetic, x, weight, out, true);
        return out;
    }

    /// @param bias [out], where the sums start
    static Tensor forward(
            Workspace workspace, Workers workers, Arithmetic arithmetic, Tensor x, Tensor weight, Tensor bias) {
        Tensor out = workspace.take(DType.F32, x.dim(0), weight.dim(0));
        long rowBytes = out.dim(1) * 4L;
        long mark = workspace.mark();
        MemorySegment b = Expand.all(workspace, bias);
        for (int i = 0; i < out.dim(0); i++) {
            MemorySegment.copy(b, 0, out.data(), i * rowBytes, rowBytes);
        }
        product(workspace, workers, arithmetic, x, weight, out, false);
        workspace.release(mark);
        return out;
    }

    private static void product(
            Workspace workspace,
            Workers workers,
            Arithmetic arithmetic,
            Tensor x,
            Tensor weight,
            Tensor out,
            boolean fresh) {
        if (arithmetic == Arithmetic.FAST && weight.layout() == Layout.PANELS && QuantizedPanels.takes(weight.type())) {
            QuantizedProduct.run(workspace, workers, x, weight, out.data(), fresh);
            return;
        }
        int inner = x.dim(1);
        var product = new Product(x.data(), 0, inner * 4L, 4, x.dim(0), weight.dim(0), inner);
        if (weight.layout() == Layout.ROWS) {
            product.run(workspace, workers, Panels.ofRows(weight), out.data(), fresh);
        } else if (weight.type() == DType.F32) {
            product.runPanels(
                    workspace,
                    workers,
                    weight.data(),
                    0,
                    inner * Product.STEP_BYTES,
                    out.data(),
                    0,
                    weight.dim(0),
                    fresh);
        } else if (x.dim(0) == 1 && (weight.type() == DType.F16 || weight.type() == DType.BF16)) {
            HalfRow.product(workspace, workers, x.data(), weight, out.data(), fresh);
        } else {
            product.run(workspace, workers, PackedWeights.source(weight), out.data(), fresh);
        }
    }

    /// dX = dOut·W.
    ///
    /// @param dOut [tokens, out]
    /// @param weight [out, in]
    /// @return [tokens, in]
    static Tensor inputAdjoint(Workspace workspace, Workers workers, Tensor dOut, Tensor weight) {
        int outputs = weight.dim(0);
        int inputs = weight.dim(1);
        Tensor dX = workspace.take(DType.F32, dOut.dim(0), inputs);
        long mark = workspace.mark();
        MemorySegment rows = Expand.all(workspace, weight);
        new Product(dOut.data(), 0, outputs * 4L, 4, dOut.dim(0), inputs, outputs)
                .run(workspace, workers, Panels.ofColumns(rows, inputs), dX.data(), true);
        workspace.release(mark);
        return dX;
    }

    /// intoWeight += dOutᵀ·x.
    ///
    /// @param x [tokens, in]
    /// @param dOut [tokens, out]
    /// @param intoWeight [out, in]
    static void weightAdjoint(Workspace workspace, Workers workers, Tensor x, Tensor dOut, Tensor intoWeight) {
        int tokens = x.dim(0);
        int inputs = x.dim(1);
        int outputs = dOut.dim(1);
        new Product(dOut.data(), 0, 4, outputs * 4L, outputs, inputs, tokens)
                .run(workspace, workers, Panels.ofColumns(x.data(), inputs), intoWeight.data(), false);
    }

    /// intoBias += Σ over tokens of dOut.
    ///
    /// @param dOut [tokens, out]
    /// @param intoBias [out]
    static void biasAdjoint(Workers workers, Tensor dOut, Tensor intoBias) {
        Rows.sumInto(workers, dOut.data(), dOut.dim(0), dOut.dim(1), intoBias.data());
    }
}
