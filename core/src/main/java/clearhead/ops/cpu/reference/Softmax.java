package clearhead.ops.cpu.reference;

import static clearhead.ops.cpu.reference.Rows.dot;
import static clearhead.ops.cpu.reference.Rows.read;
import static clearhead.ops.cpu.reference.Rows.write;

import clearhead.tensor.Tensor;
import clearhead.tensor.Workspace;

/// Softmax and cross-entropy over the last axis.
final class Softmax {
    private Softmax() {}

    /// y = exp(x − lse)
    static Tensor softmax(Workspace workspace, Tensor x) {
        int width = x.dim(-1);
        Tensor y = workspace.take(x.type(), x.shape());
        for (long row = 0; row < Rows.count(x, width); row++) {
            double[] values = read(x, row, width);
            normalize(values);
            write(y, row, values);
        }
        return y;
    }

    /// dX = y·(dOut − Σ dOut·y)
    static Tensor softmaxAdjoint(Workspace workspace, Tensor y, Tensor dOut) {
        int width = y.dim(-1);
        Tensor dX = workspace.take(y.type(), y.shape());
        for (long row = 0; row < Rows.count(y, width); row++) {
            double[] p = read(y, row, width);
            double[] d = read(dOut, row, width);
            double along = dot(p, d);
            for (int i = 0; i < width; i++) {
                d[i] = p[i] * (d[i] - along);
            }
            write(dX, row, d);
        }
        return dX;
    }

    /// loss[token] = lse(logits) − logits[target], 0 where target < 0
    static Tensor crossEntropy(Workspace workspace, Tensor logits, Tensor targets) {
        int vocab = logits.dim(1);
        Tensor loss = workspace.take(logits.type(), logits.dim(0));
        for (int token = 0; token < logits.dim(0); token++) {
            int target = targets.intAt(token);
            double[] row = read(logits, token, vocab);
            loss.set(token, target < 0 ? 0 : logSumExp(row) - row[target]);
        }
        return loss;
    }

    /// dLogits = dLoss·(softmax(logits) − onehot(target)), 0 where target < 0
    static Tensor crossEntropyAdjoint(Workspace workspace, Tensor logits, Tensor targets, Tensor dLoss) {
        int vocab = logits.dim(1);
        Tensor dLogits = workspace.take(logits.type(), logits.shape());
        for (int token = 0; token < logits.dim(0); token++) {
            int target = targets.intAt(token);
            var row = new double[vocab];
            if (target >= 0) {
                row = read(logits, token, vocab);
                normalize(row);
                row[target] -= 1;
                for (int i = 0; i < vocab; i++) {
                    row[i] *= dLoss.at(token);
                }
            }
            write(dLogits, token, row);
        }
        return dLogits;
    }

    /// Natural log of Σ exp(row); −∞ for a row of −∞.
    static double logSumExp(double[] row) {
        double max = Double.NEGATIVE_INFINITY;
        for (double value : row) {
            max = Math.max(max, value);
        }
        if (max == Double.NEGATIVE_INFINITY) {
            return max;
        }
        double sum = 0;
        for (double value : row) {
            sum += Math.exp(value - max);
        }
        return max + Math.log(sum);
    }

    /// row ← exp(row)/Σ exp(row), zeros for a row of −∞.
    static void normalize(double[] row) {
        double max = Double.NEGATIVE_INFINITY;
        for (double value : row) {
            max = Math.max(max, value);
        }
        double sum = 0;
        for (int i = 0; i < row.length; i++) {
            row[i] = max == Double.NEGATIVE_INFINITY ? 0 : Math.exp(row[i] - max);
            sum += row[i];
        }
        for (int i = 0; i < row.length && sum > 0; i++) {
            row[i] /= sum;
        }
    }
}
