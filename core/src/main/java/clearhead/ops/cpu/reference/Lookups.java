package clearhead.ops.cpu.reference;

import static clearhead.ops.cpu.reference.Rows.add;
import static clearhead.ops.cpu.reference.Rows.read;
import static clearhead.ops.cpu.reference.Rows.write;

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
}
