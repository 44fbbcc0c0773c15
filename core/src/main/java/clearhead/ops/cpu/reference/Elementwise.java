package clearhead.ops.cpu.reference;

import clearhead.ops.Activation;
import clearhead.ops.Adjoints;
import clearhead.tensor.Tensor;
import clearhead.tensor.Workspace;

/// Sums, scaling, activations and gates.
final class Elementwise {
    private static final double ROOT_TWO_BY_PI = Math.sqrt(2 / Math.PI);
    private static final double CUBIC = 0.044715;

    private static final double QUICK = 1.702;

    private Elementwise() {}

    static Tensor add(Workspace workspace, Tensor a, Tensor b) {
        Tensor y = workspace.take(a.type(), a.shape());
        for (long i = 0; i < y.size(); i++) {
            y.set(i, a.at(i) + b.at(i));
        }
        return y;
    }

    /// into += d
    static void accumulate(Tensor d, Tensor into) {
        for (long i = 0; i < into.size(); i++) {
            into.set(i, into.at(i) + d.at(i));
        }
    }

    static Tensor scale(Workspace workspace, Tensor x, double factor) {
        Tensor y = workspace.take(x.type(), x.shape());
        for (long i = 0; i < y.size(); i++) {
            y.set(i, factor * x.at(i));
        }
        return y;
    }

    /// a·b, b like a or one row of it.
    static Tensor multiply(Workspace workspace, Tensor a, Tensor b) {
        Tensor y = workspace.take(a.type(), a.shape());
        for (long i = 0; i < y.size(); i++) {
            y.set(i, a.at(i) * b.at(i % b.size()));
        }
        return y;
    }

    static Tensor activate(Workspace workspace, Activation act, Tensor x) {
        Tensor y = workspace.take(x.type(), x.shape());
        for (long i = 0; i < y.size(); i++) {
            y.set(i, value(act, x.at(i)));
        }
        return y;
    }

    /// dX = dOut·act′(x)
    static Tensor activateAdjoint(Workspace workspace, Activation act, Tensor x, Tensor dOut) {
        Tensor dX = workspace.take(x.type(), x.shape());
        for (long i = 0; i < dX.size(); i++) {
            dX.set(i, dOut.at(i) * slope(act, x.at(i)));
        }
        return dX;
    }

    static Tensor gate(Workspace workspace, Activation act, Tensor gate, Tensor up) {
        Tensor y = workspace.take(gate.type(), gate.shape());
        for (long i = 0; i < y.size(); i++) {
            y.set(i, value(act, gate.at(i)) * up.at(i));
        }
        return y;
    }

    /// dGate = dOut·up·act′(gate), dUp = dOut·act(gate)
    static Adjoints.Gated gateAdjoint(Workspace workspace, Activation act, Tensor gate, Tensor up, Tensor dOut) {
        Tensor dGate = workspace.take(gate.type(), gate.shape());
        Tensor dUp = workspace.take(gate.type(), gate.shape());
        for (long i = 0; i < gate.size(); i++) {
            dGate.set(i, dOut.at(i) * up.at(i) * slope(act, gate.at(i)));
            dUp.set(i, dOut.at(i) * value(act, gate.at(i)));
        }
        return new Adjoints.Gated(dGate, dUp);
    }

    /// act(x)
    static double value(Activation act, double x) {
        return switch (act) {
            case GELU -> x * normalCdf(x);
            case GELU_TANH -> 0.5 * x * (1 + Math.tanh(cubic(x)));
            case SILU -> x * sigmoid(x);
            case RELU -> Math.max(x, 0);
            case RELU_SQUARED -> Math.max(x, 0) * Math.max(x, 0);
            case QUICK_GELU -> x * sigmoid(QUICK * x);
            case SIGMOID -> sigmoid(x);
            case TANH -> Math.tanh(x);
            case SOFTPLUS -> Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));
        };
    }

    /// act′(x); 0 for RELU at 0.
    static double slope(Activation act, double x) {
        return switch (act) {
            case GELU -> normalCdf(x) + x * Math.exp(-x * x / 2) / Math.sqrt(2 * Math.PI);
            case GELU_TANH -> {
                double t = Math.tanh(cubic(x));
                double inner = ROOT_TWO_BY_PI * (1 + 3 * CUBIC * x * x);
                // (1 − t²)·inner is 0·∞ far out, where tanh has long been ±1
                yield 0.5 * (1 + t) + (t * t == 1 ? 0 : 0.5 * x * (1 - t * t) * inner);
            }
            case SILU -> sigmoid(x) * (1 + x * (1 - sigmoid(x)));
            case RELU -> x > 0 ? 1 : 0;
            case RELU_SQUARED -> 2 * Math.max(x, 0);
            case QUICK_GELU -> sigmoid(QUICK * x) * (1 + QUICK * x * sigmoid(-QUICK * x));
            case SIGMOID -> sigmoid(x) * sigmoid(-x);
            case TANH -> (1 - Math.tanh(x)) * (1 + Math.tanh(x));
            case SOFTPLUS -> sigmoid(x);
        };
    }

    /// Φ(x)
    private static double normalCdf(double x) {
        return 0.5 * Erf.erfc(-x / Math.sqrt(2));
    }

    private static double cubic(double x) {
        return ROOT_TWO_BY_PI * (x + CUBIC * x * x * x);
    }

    private static double sigmoid(double x) {
        return 1 / (1 + Math.exp(-x));
    }
}
