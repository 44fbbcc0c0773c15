package clearhead.ops.cpu.reference;

import static clearhead.ops.cpu.reference.Rows.dot;
import static clearhead.ops.cpu.reference.Rows.read;
import static clearhead.ops.cpu.reference.Rows.write;

import clearhead.ops.Adjoints;
import clearhead.ops.Sequences;
import clearhead.ops.StateUpdate;
import clearhead.tensor.Tensor;
import clearhead.tensor.Workspace;
import java.util.Optional;

/// Back through linear attention, with the states of all tokens.
///
/// With S the state after a token, A what was left of the one before, r = Aᵀ·key and dS arriving from
/// later tokens:
///
///     dS += scale·query ⊗ dOut,  dQuery = scale·S·dOut
///     dU = dSᵀ·key,  dKey = dS·u,  dA = dS,  dValue = rate·dU
///     delta rules: dRate = dU·(value − r),  dA −= key ⊗ dValue,  dKey −= A·dValue
///     dDecay = Σ dA·A,  dS of the token before = exp(decay)·dA
final class CarryingAdjoint {
    private CarryingAdjoint() {}

    static Adjoints.LinearAttention linearAttention(
            Workspace workspace,
            Tensor query,
            Tensor key,
            Tensor value,
            StateUpdate update,
            double scale,
            Sequences rows,
            Optional<Tensor> state,
            Tensor dOut) {
        Tensor dQuery = workspace.take(query.type(), query.shape());
        Tensor dKey = workspace.take(key.type(), key.shape());
        Tensor dValue = workspace.take(value.type(), value.shape());
        Optional<Tensor> dDecay = update.optionalDecay().map(t -> workspace.take(t.type(), t.shape()));
        Optional<Tensor> dRate = update.optionalRate().map(t -> workspace.take(t.type(), t.shape()));
        int kvHeads = key.dim(1);
        int group = query.dim(1) / kvHeads;
        int keyDim = key.dim(2);
        int valueDim = value.dim(2);
        for (int s = 0; s < rows.count(); s++) {
            for (int kv = 0; kv < kvHeads; kv++) {
                int tokens = rows.length(s);
                var states = new double[tokens + 1][][];
                var steps = new Carrying.Step[tokens];
                states[0] = Carrying.start(state, ((long) s * kvHeads + kv) * keyDim, keyDim, valueDim);
                for (int t = 0; t < tokens; t++) {
                    states[t + 1] = copy(states[t]);
                    steps[t] = new Carrying.Step(key, value, update, rows.start(s) + t, kv);
                    steps[t].apply(states[t + 1]);
                }
                var dState = new double[keyDim][valueDim];
                for (int t = tokens - 1; t >= 0; t--) {
                    int token = rows.start(s) + t;
                    long row = (long) token * kvHeads + kv;
                    for (int h = kv * group; h < (kv + 1) * group; h++) {
                        long at = (long) token * query.dim(1) + h;
                        double[] q = read(query, at, keyDim);
                        double[] d = read(dOut, at, valueDim);
                        for (int i = 0; i < keyDim; i++) {
                            for (int m = 0; m < valueDim; m++) {
                                dState[i][m] += scale * q[i] * d[m];
                            }
                            q[i] = scale * dot(states[t + 1][i], d);
                        }
                        write(dQuery, at, q);
                    }
                    Back back = new Back(steps[t], states[t], dState);
                    write(dKey, row, back.dKey);
                    write(dValue, row, back.dValue);
                    dRate.ifPresent(into -> into.set(row, back.dRate));
                    dDecay.ifPresent(into -> {
                        if (into.rank() == 3) {
                            write(into, row, back.dDecay);
                        } else {
                            into.set(row, java.util.Arrays.stream(back.dDecay).sum());
                        }
                    });
                }
            }
        }
        return new Adjoints.LinearAttention(dQuery, dKey, dValue, dDecay, dRate);
    }

    private static double[][] copy(double[][] state) {
        var copy = new double[state.length][];
        for (int d = 0; d < state.length; d++) {
            copy[d] = state[d].clone();
        }
        return copy;
    }

    /// Gradients of one token; leaves in dState what the token before receives.
    private static final class Back {
        final double[] dKey;
        final double[] dValue;
        final double[] dDecay;
        final double dRate;

        Back(Carrying.Step step, double[][] before, double[][] dState) {
            int keyDim = step.key.length;
            int valueDim = step.value.length;
            dKey = new double[keyDim];
            dDecay = new double[keyDim];
            double[] difference = new double[valueDim];
            double[] u = new double[valueDim];
            for (int m = 0; m < valueDim; m++) {
                difference[m] = step.value[m] - step.recalled[m];
                u[m] = step.rate * difference[m];
            }
            double[] dU = Carrying.recall(dState, step.key, valueDim);
            dRate = dot(dU, difference);
            dValue = new double[valueDim];
            for (int m = 0; m < valueDim; m++) {
                dValue[m] = step.rate * dU[m];
            }
            for (int d = 0; d < keyDim; d++) {
                dKey[d] = dot(dState[d], u);
                for (int m = 0; m < valueDim; m++) {
                    double left = step.kept[d] * before[d][m];
                    if (step.corrects) {
                        dState[d][m] -= step.key[d] * dValue[m];
                        dKey[d] -= left * dValue[m];
                    }
                    dDecay[d] += dState[d][m] * left;
                    dState[d][m] *= step.kept[d];
                }
            }
        }
    }
}
