package clearhead.ops.cpu.reference;

import static clearhead.ops.cpu.reference.Rows.read;
import static clearhead.ops.cpu.reference.Rows.write;

import clearhead.ops.Activation;
import clearhead.ops.Carried;
import clearhead.ops.Sequences;
import clearhead.ops.StateSpace;
import clearhead.tensor.Tensor;
import clearhead.tensor.Workspace;
import java.util.Optional;

/// Mamba's and RWKV's recurrences.
final class StateSpaces {
    private StateSpaces() {}

    /// S ← exp(delta·decay)·S + delta·x·input; out = Σ S·output + skip·x.
    static Carried selectiveScan(
            Workspace workspace,
            Tensor x,
            Tensor step,
            Tensor input,
            Tensor output,
            StateSpace space,
            Sequences rows,
            Optional<Tensor> state) {
        int heads = x.dim(1);
        int headDim = x.dim(2);
        int groups = input.dim(1);
        int stateDim = input.dim(2);
        boolean each = space.decay().rank() == 2;
        Tensor out = workspace.take(x.type(), x.shape());
        Tensor end = workspace.take(x.type(), rows.count(), heads, headDim, stateDim);
        for (int s = 0; s < rows.count(); s++) {
            for (int h = 0; h < heads; h++) {
                long first = ((long) s * heads + h) * headDim;
                double[][] memory = Carrying.start(state, first, headDim, stateDim);
                for (int t = rows.start(s); t < rows.start(s + 1); t++) {
                    long at = (long) t * heads + h;
                    double raw = Elementwise.value(
                            Activation.SOFTPLUS, step.at(at) + space.bias().at(h));
                    double delta = Math.min(Math.max(raw, space.least()), space.most());
                    long group = (long) t * groups + h / (heads / groups);
                    double[] b = read(input, group, stateDim);
                    double[] c = read(output, group, stateDim);
                    double[] value = read(x, at, headDim);
                    for (int p = 0; p < headDim; p++) {
                        for (int n = 0; n < stateDim; n++) {
                            double a = space.decay().at(each ? (long) h * stateDim + n : h);
                            memory[p][n] = Math.exp(delta * a) * memory[p][n] + delta * value[p] * b[n];
                        }
                    }
                    Carrying.round(memory, x.type());
                    var y = new double[headDim];
                    for (int p = 0; p < headDim; p++) {
                        y[p] = Rows.dot(memory[p], c) + space.skip().at(h) * value[p];
                    }
                    write(out, at, y);
                }
                for (int p = 0; p < headDim; p++) {
                    write(end, first + p, memory[p]);
                }
            }
        }
        return new Carried(out, end);
    }

    /// Sums over e^largest, of each channel.
    static Carried wkv(
            Workspace workspace,
            Tensor key,
            Tensor value,
            Tensor decay,
            Tensor first,
            Sequences rows,
            Optional<Tensor> state) {
        int channels = key.dim(1);
        Tensor out = workspace.take(key.type(), key.shape());
        Tensor end = workspace.take(key.type(), rows.count(), 3, channels);
        for (int s = 0; s < rows.count(); s++) {
            double[][] memory = Carrying.start(state, 3L * s, 3, channels);
            double[] above = memory[0];
            double[] below = memory[1];
            double[] largest = memory[2];
            for (int t = rows.start(s); t < rows.start(s + 1); t++) {
                double[] k = read(key, t, channels);
                double[] v = read(value, t, channels);
                var y = new double[channels];
                for (int c = 0; c < channels; c++) {
                    double before = below[c] == 0 ? Double.NEGATIVE_INFINITY : largest[c];
                    double now = k[c] + first.at(c);
                    double most = Math.max(before, now);
                    double old = Math.exp(before - most);
                    double fresh = Math.exp(now - most);
                    y[c] = (old * above[c] + fresh * v[c]) / (old * below[c] + fresh);
                    double faded = before + decay.at(c);
                    most = Math.max(faded, k[c]);
                    old = Math.exp(faded - most);
                    fresh = Math.exp(k[c] - most);
                    above[c] = old * above[c] + fresh * v[c];
                    below[c] = old * below[c] + fresh;
                    largest[c] = most;
                }
                write(out, t, y);
                Carrying.round(memory, key.type());
            }
            for (int i = 0; i < 3; i++) {
                write(end, 3L * s + i, memory[i]);
            }
        }
        return new Carried(out, end);
    }
}
