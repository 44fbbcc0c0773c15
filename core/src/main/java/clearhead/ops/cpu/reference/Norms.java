package clearhead.ops.cpu.reference;

import static clearhead.ops.cpu.reference.Rows.dot;
import static clearhead.ops.cpu.reference.Rows.read;
import static clearhead.ops.cpu.reference.Rows.write;

import clearhead.tensor.Tensor;
import clearhead.tensor.Workspace;
import java.util.Arrays;

/// LayerNorm and RMSNorm over the last axis.
final class Norms {
    private Norms() {}

    /// y = (x − mean)/√(var + eps)·weight + bias. Ba et al. 2016, arXiv:1607.06450, eq. 4.
    static Tensor layerNorm(Workspace workspace, Tensor x, Tensor weight, Tensor bias, double eps) {
        int dim = x.dim(1);
        double[] w = read(weight, 0, dim);
        double[] b = read(bias, 0, dim);
        Tensor y = workspace.take(x.type(), x.shape());
        for (int token = 0; token < x.dim(0); token++) {
            double[] row = standardize(read(x, token, dim), eps).row;
            for (int i = 0; i < dim; i++) {
                row[i] = row[i] * w[i] + b[i];
            }
            write(y, token, row);
        }
        return y;
    }

    /// With n = (x − mean)·r, r = 1/√(var + eps) and g = dOut·weight:
    /// dX = r·(g − mean(g) − n·mean(g·n)); dWeight = Σ dOut·n; dBias = Σ dOut.
    static Tensor layerNormAdjoint(
            Workspace workspace, Tensor x, Tensor weight, double eps, Tensor dOut, Tensor intoWeight, Tensor intoBias) {
        int dim = x.dim(1);
        double[] w = read(weight, 0, dim);
        var dWeight = new double[dim];
        var dBias = new double[dim];
        Tensor dX = workspace.take(x.type(), x.shape());
        for (int token = 0; token < x.dim(0); token++) {
            Scaled n = standardize(read(x, token, dim), eps);
            double[] g = read(dOut, token, dim);
            for (int i = 0; i < dim; i++) {
                dWeight[i] += g[i] * n.row[i];
                dBias[i] += g[i];
                g[i] *= w[i];
            }
            double mean = Arrays.stream(g).sum() / dim;
            double along = dot(g, n.row) / dim;
            for (int i = 0; i < dim; i++) {
                g[i] = n.factor * (g[i] - mean - n.row[i] * along);
            }
            write(dX, token, g);
        }
        Rows.add(intoWeight, 0, dWeight);
        Rows.add(intoBias, 0, dBias);
        return dX;
    }

    /// y = x/√(mean(x²) + eps)·weight. Zhang and Sennrich 2019, arXiv:1910.07467, eq. 4.
    static Tensor rmsNorm(Workspace workspace, Tensor x, Tensor weight, double eps) {
        int dim = x.dim(1);
        double[] w = read(weight, 0, dim);
        Tensor y = workspace.take(x.type(), x.shape());
        for (int token = 0; token < x.dim(0); token++) {
            double[] row = rms(read(x, token, dim), eps).row;
            for (int i = 0; i < dim; i++) {
                row[i] *= w[i];
            }
            write(y, token, row);
        }
        return y;
    }

    /// With n = x·r, r = 1/√(mean(x²) + eps) and g = dOut·weight: dX = r·(g − n·mean(g·n));
    /// dWeight = Σ dOut·n.
    static Tensor rmsNormAdjoint(
            Workspace workspace, Tensor x, Tensor weight, double eps, Tensor dOut, Tensor intoWeight) {
        int dim = x.dim(1);
        double[] w = read(weight, 0, dim);
        var dWeight = new double[dim];
        Tensor dX = workspace.take(x.type(), x.shape());
        for (int token = 0; token < x.dim(0); token++) {
            Scaled n = rms(read(x, token, dim), eps);
            double[] g = read(dOut, token, dim);
            for (int i = 0; i < dim; i++) {
                dWeight[i] += g[i] * n.row[i];
                g[i] *= w[i];
            }
            double along = dot(g, n.row) / dim;
            for (int i = 0; i < dim; i++) {
                g[i] = n.factor * (g[i] - n.row[i] * along);
            }
            write(dX, token, g);
        }
        Rows.add(intoWeight, 0, dWeight);
        return dX;
    }

    /// A normalized row, and the factor that was applied to it.
    @SuppressWarnings("ArrayRecordComponent")
    private record Scaled(double[] row, double factor) {}

    private static Scaled standardize(double[] row, double eps) {
        double mean = Arrays.stream(row).sum() / row.length;
        for (int i = 0; i < row.length; i++) {
            row[i] -= mean;
        }
        return rms(row, eps);
    }

    private static Scaled rms(double[] row, double eps) {
        double factor = 1 / Math.sqrt(dot(row, row) / row.length + eps);
        for (int i = 0; i < row.length; i++) {
            row[i] *= factor;
        }
        return new Scaled(row, factor);
    }
}
