package clearhead.ops.cpu.reference;

import static clearhead.ops.cpu.reference.Rows.dot;
import static clearhead.ops.cpu.reference.Rows.read;
import static clearhead.ops.cpu.reference.Rows.readAll;
import static clearhead.ops.cpu.reference.Rows.write;

import clearhead.tensor.Tensor;
import clearhead.tensor.Workspace;
import org.jspecify.annotations.Nullable;

/// x·Wᵀ + bias and its gradients.
final class Products {
    private Products() {}

    /// y[token, out] = Σ over in of x[token, in]·weight[out, in] + bias[out]
    static Tensor linear(Workspace workspace, Tensor x, Tensor weight, @Nullable Tensor bias) {
        int in = weight.dim(1);
        int out = weight.dim(0);
        Tensor y = workspace.take(x.type(), x.dim(0), out);
        double[][] rows = readAll(x, in);
        for (int o = 0; o < out; o++) {
            double[] w = read(weight, o, in);
            double b = bias == null ? 0 : bias.at(o);
            for (int token = 0; token < rows.length; token++) {
                y.set((long) token * out + o, dot(rows[token], w) + b);
            }
        }
        return y;
    }

    /// dX[token, in] = Σ over out of dOut[token, out]·weight[out, in]
    static Tensor linearInput(Workspace workspace, Tensor dOut, Tensor weight) {
        int in = weight.dim(1);
        int out = weight.dim(0);
        int tokens = dOut.dim(0);
        var sums = new double[tokens][in];
        for (int o = 0; o < out; o++) {
            double[] w = read(weight, o, in);
            for (int token = 0; token < tokens; token++) {
                double d = dOut.at((long) token * out + o);
                for (int i = 0; i < in; i++) {
                    sums[token][i] += d * w[i];
                }
            }
        }
        Tensor dX = workspace.take(dOut.type(), tokens, in);
        for (int token = 0; token < tokens; token++) {
            write(dX, token, sums[token]);
        }
        return dX;
    }

    /// intoWeight[out, in] += Σ over tokens of dOut[token, out]·x[token, in]
    static void linearWeight(Tensor x, Tensor dOut, Tensor intoWeight) {
        int in = x.dim(1);
        int out = dOut.dim(1);
        double[][] rows = readAll(x, in);
        for (int o = 0; o < out; o++) {
            var sum = new double[in];
            for (int token = 0; token < x.dim(0); token++) {
                double d = dOut.at((long) token * out + o);
                for (int i = 0; i < in; i++) {
                    sum[i] += d * rows[token][i];
                }
            }
            Rows.add(intoWeight, o, sum);
        }
    }

    /// intoBias[out] += Σ over tokens of dOut[token, out]
    static void linearBias(Tensor dOut, Tensor intoBias) {
        int out = dOut.dim(1);
        var sum = new double[out];
        for (int token = 0; token < dOut.dim(0); token++) {
            for (int o = 0; o < out; o++) {
                sum[o] += dOut.at((long) token * out + o);
            }
        }
        Rows.add(intoBias, 0, sum);
    }
}
