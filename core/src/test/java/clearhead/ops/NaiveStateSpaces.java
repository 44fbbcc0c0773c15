package clearhead.ops;

import clearhead.tensor.DType;
import clearhead.tensor.Tensor;
import clearhead.tensor.Workspace;
import java.util.Optional;

/// Mamba's and RWKV's recurrences in float arithmetic; see [NaiveOps].
final class NaiveStateSpaces {
    private NaiveStateSpaces() {}

    private static Tensor result(Workspace workspace, float[] values, int... dims) {
        Tensor t = workspace.take(DType.F32, dims);
        for (int i = 0; i < values.length; i++) {
            t.set(i, values[i]);
        }
        return t;
    }

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
        float[] values = x.toFloats();
        float[] b = input.toFloats();
        float[] c = output.toFloats();
        float[] a = space.decay().toFloats();
        boolean each = space.decay().rank() == 2;
        var out = new float[values.length];
        float[] memory =
                state.map(Tensor::toFloats).orElseGet(() -> new float[rows.count() * heads * headDim * stateDim]);
        for (int s = 0; s < rows.count(); s++) {
            for (int t = rows.start(s); t < rows.start(s + 1); t++) {
                for (int h = 0; h < heads; h++) {
                    float raw = (float) step.at((long) t * heads + h)
                            + (float) space.bias().at(h);
                    float delta = NaiveOps.value(Activation.SOFTPLUS, raw);
                    delta = Math.min(Math.max(delta, (float) space.least()), (float) space.most());
                    int group = (t * groups + h / (heads / groups)) * stateDim;
                    for (int p = 0; p < headDim; p++) {
                        int at = (t * heads + h) * headDim + p;
                        float sum = 0;
                        for (int n = 0; n < stateDim; n++) {
                            int i = ((s * heads + h) * headDim + p) * stateDim + n;
                            float kept = (float) Math.exp(delta * a[each ? h * stateDim + n : h]);
                            memory[i] = kept * memory[i] + delta * values[at] * b[group + n];
                            sum += memory[i] * c[group + n];
                        }
                        out[at] = sum + (float) space.skip().at(h) * values[at];
                    }
                }
            }
        }
        return new Carried(
                result(workspace, out, x.shape().dims()),
                result(workspace, memory, rows.count(), heads, headDim, stateDim));
    }

    static Carried wkv(
            Workspace workspace,
            Tensor key,
            Tensor value,
            Tensor decay,
            Tensor first,
            Sequences rows,
            Optional<Tensor> state) {
        int channels = key.dim(1);
        float[] k = key.toFloats();
        float[] v = value.toFloats();
        var out = new float[k.length];
        float[] memory = state.map(Tensor::toFloats).orElseGet(() -> new float[rows.count() * 3 * channels]);
        for (int s = 0; s < rows.count(); s++) {
            for (int t = rows.start(s); t < rows.start(s + 1); t++) {
                for (int c = 0; c < channels; c++) {
                    int above = s * 3 * channels + c;
                    int below = above + channels;
                    int largest = below + channels;
                    int at = t * channels + c;
                    float before = memory[below] == 0 ? Float.NEGATIVE_INFINITY : memory[largest];
                    float now = k[at] + (float) first.at(c);
                    float most = Math.max(before, now);
                    float old = (float) Math.exp(before - most);
                    float fresh = (float) Math.exp(now - most);
                    out[at] = (old * memory[above] + fresh * v[at]) / (old * memory[below] + fresh);
                    float faded = before + (float) decay.at(c);
                    most = Math.max(faded, k[at]);
                    old = (float) Math.exp(faded - most);
                    fresh = (float) Math.exp(k[at] - most);
                    memory[above] = old * memory[above] + fresh * v[at];
                    memory[below] = old * memory[below] + fresh;
                    memory[largest] = most;
                }
            }
        }
        return new Carried(
                result(workspace, out, key.shape().dims()), result(workspace, memory, rows.count(), 3, channels));
    }
}
