package clearhead.ops.cpu.reference;

import static clearhead.ops.cpu.reference.Rows.add;
import static clearhead.ops.cpu.reference.Rows.read;
import static clearhead.ops.cpu.reference.Rows.write;

import clearhead.ops.Adjoints;
import clearhead.tensor.DType;
import clearhead.tensor.Tensor;
import clearhead.tensor.Workspace;

/// Rows by number: embedding and selection.
final class Lookups {
    private Lookups() {}

    /// out[token] = table[ids[token]]
    static Tensor embed(Workspace workspace, Tensor table, Tensor ids) {
        DType type = table.type() == DType.F64 ? DType.F64 : DType.F32;
        int tokens = ids.dim(0);
        int dim = table.dim(1);
        Tensor out = workspace.take(type, tokens, dim);
        for (int token = 0; token < tokens; token++) {
            write(out, token, read(table, ids.intAt(token), dim));
        }
        return out;
    }

    /// intoTable[ids[token]] += dOut[token]
    static void embedAdjoint(Tensor ids, Tensor dOut, Tensor intoTable) {
        for (int token = 0; token < ids.dim(0); token++) {
            add(intoTable, ids.intAt(token), read(dOut, token, dOut.dim(1)));
        }
    }

    /// out[i] = x[rows[i]]
    static Tensor select(Workspace workspace, Tensor x, Tensor rows) {
        Tensor out = workspace.take(x.type(), rows.dim(0), x.dim(1));
        for (int i = 0; i < rows.dim(0); i++) {
            write(out, i, read(x, rows.intAt(i), x.dim(1)));
        }
        return out;
    }

    /// dX[rows[i]] += dOut[i]
    static Tensor selectAdjoint(Workspace workspace, Tensor rows, Tensor dOut, int tokens) {
        Tensor dX = Rows.zeros(workspace, dOut.type(), tokens, dOut.dim(1));
        for (int i = 0; i < rows.dim(0); i++) {
            add(dX, rows.intAt(i), read(dOut, i, dOut.dim(1)));
        }
        return dX;
    }

    /// out[token] = left[token], right[token]
    static Tensor join(Workspace workspace, Tensor left, Tensor right) {
        int m = left.dim(1);
        int n = right.dim(1);
        Tensor out = workspace.take(left.type(), left.dim(0), m + n);
        for (int token = 0; token < left.dim(0); token++) {
            for (int i = 0; i < m; i++) {
                out.set((long) token * (m + n) + i, left.at((long) token * m + i));
            }
            for (int i = 0; i < n; i++) {
                out.set((long) token * (m + n) + m + i, right.at((long) token * n + i));
            }
        }
        return out;
    }

    /// The two parts of each row of dOut.
    static Adjoints.Joined split(Workspace workspace, Tensor dOut, int m) {
        int n = dOut.dim(1) - m;
        Tensor dLeft = workspace.take(dOut.type(), dOut.dim(0), m);
        Tensor dRight = workspace.take(dOut.type(), dOut.dim(0), n);
        for (int token = 0; token < dOut.dim(0); token++) {
            for (int i = 0; i < m; i++) {
                dLeft.set((long) token * m + i, dOut.at((long) token * (m + n) + i));
            }
            for (int i = 0; i < n; i++) {
                dRight.set((long) token * n + i, dOut.at((long) token * (m + n) + m + i));
            }
        }
        return new Adjoints.Joined(dLeft, dRight);
    }
}
