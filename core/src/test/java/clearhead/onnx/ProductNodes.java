package clearhead.onnx;

import clearhead.tensor.Tensor;
import java.util.ArrayList;
import java.util.Arrays;

/// Matrix products.
record ProductNodes(NodeRunner on) {
    /// alpha·A·B + beta·C
    Grid gemm(OnnxCase c) {
        Grid a = Grid.of(c.input(0));
        Grid b = Grid.of(c.input(1));
        Grid x = c.node().integer("transA", 0) == 1 ? a.transpose(1, 0) : a;
        Grid w = c.node().integer("transB", 0) == 1 ? b : b.transpose(1, 0);
        double alpha = c.node().number("alpha", 1);
        double beta = c.node().number("beta", 1);
        int[] dims = {x.dims()[0], w.dims()[0]};
        Tensor rows = on.tensor(x, x.dims());
        Tensor weight = on.tensor(w, w.dims());
        if (!c.has(2)) {
            return NodeRunner.grid(on.ops().scale(on.ops().linear(rows, weight), alpha), dims);
        }
        Grid bias = Grid.of(c.input(2));
        if (bias.values().length == dims[1] && alpha == 1 && beta == 1) {
            return NodeRunner.grid(on.ops().linear(rows, weight, on.tensor(bias, dims[1])), dims);
        }
        Tensor product = on.ops().scale(on.ops().linear(rows, weight), alpha);
        Tensor other = on.tensor(bias.broadcast(dims), dims);
        return NodeRunner.grid(on.ops().add(product, on.ops().scale(other, beta)), dims);
    }

    /// As numpy.matmul: vectors get an axis of 1 that is dropped again, batches are broadcast.
    Grid matMul(Grid a, Grid b) {
        Grid left = a.rank() == 1 ? a.reshape(1, a.dims()[0]) : a;
        Grid right = b.rank() == 1 ? b.reshape(b.dims()[0], 1) : b;
        int rows = left.dims()[left.rank() - 2];
        int inner = left.dims()[left.rank() - 1];
        int columns = right.dims()[right.rank() - 1];
        int rank = Math.max(left.rank(), right.rank());
        var batch = new int[rank - 2];
        for (int n = 0; n < batch.length; n++) {
            batch[n] = Math.max(dim(left, n - rank), dim(right, n - rank));
        }
        left = left.broadcast(concat(batch, rows, inner));
        right = right.broadcast(concat(batch, inner, columns));
        int batches = left.size(0, batch.length);
        var values = new double[batches * rows * columns];
        for (int n = 0; n < batches; n++) {
            Grid x = left.reshape(batches, rows, inner).at(n);
            Grid w = right.reshape(batches, inner, columns).at(n).transpose(1, 0);
            Tensor y = on.ops().linear(on.tensor(x, rows, inner), on.tensor(w, columns, inner));
            System.arraycopy(y.toDoubles(), 0, values, n * rows * columns, rows * columns);
        }
        var dims = new ArrayList<Integer>();
        Arrays.stream(batch).forEach(dims::add);
        if (a.rank() > 1) {
            dims.add(rows);
        }
        if (b.rank() > 1) {
            dims.add(columns);
        }
        return new Grid(values, dims.stream().mapToInt(i -> i).toArray());
    }

    static int dim(Grid grid, int fromEnd) {
        int axis = grid.rank() + fromEnd;
        return axis < 0 ? 1 : grid.dims()[axis];
    }

    static int[] concat(int[] batch, int rows, int columns) {
        int[] all = Arrays.copyOf(batch, batch.length + 2);
        all[batch.length] = rows;
        all[batch.length + 1] = columns;
        return all;
    }
}
