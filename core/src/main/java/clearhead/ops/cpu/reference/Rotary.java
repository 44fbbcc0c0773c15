package clearhead.ops.cpu.reference;

import static clearhead.ops.cpu.reference.Rows.read;
import static clearhead.ops.cpu.reference.Rows.write;

import clearhead.ops.Pairing;
import clearhead.tensor.Tensor;
import clearhead.tensor.Workspace;

/// Rotary position embedding. Su et al. 2021, arXiv:2104.09864, eq. 34.
final class Rotary {
    private Rotary() {}

    /// (a, b) → (a·cos − b·sin, a·sin + b·cos) for every pair of a head.
    static Tensor rope(Workspace workspace, Tensor x, Tensor cos, Tensor sin, Tensor positions, Pairing pairing) {
        return turn(workspace, x, cos, sin, positions, pairing, 1);
    }

    /// The rotation by the opposite angle.
    static Tensor ropeAdjoint(
            Workspace workspace, Tensor dOut, Tensor cos, Tensor sin, Tensor positions, Pairing pairing) {
        return turn(workspace, dOut, cos, sin, positions, pairing, -1);
    }

    private static Tensor turn(
            Workspace workspace, Tensor x, Tensor cos, Tensor sin, Tensor positions, Pairing pairing, int direction) {
        int heads = x.dim(1);
        int headDim = x.dim(2);
        int pairs = cos.dim(1);
        Tensor y = workspace.take(x.type(), x.shape());
        for (int token = 0; token < x.dim(0); token++) {
            long angle = (long) positions.intAt(token) * pairs;
            for (int head = 0; head < heads; head++) {
                long row = (long) token * heads + head;
                double[] v = read(x, row, headDim);
                for (int p = 0; p < pairs; p++) {
                    int first = pairing == Pairing.HALVES ? p : 2 * p;
                    int second = pairing == Pairing.HALVES ? p + pairs : 2 * p + 1;
                    double c = cos.at(angle + p);
                    double s = direction * sin.at(angle + p);
                    double a = v[first];
                    double b = v[second];
                    v[first] = a * c - b * s;
                    v[second] = a * s + b * c;
                }
                write(y, row, v);
            }
        }
        return y;
    }
}
