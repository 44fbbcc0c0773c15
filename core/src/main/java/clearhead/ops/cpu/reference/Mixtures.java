package clearhead.ops.cpu.reference;

import static clearhead.ops.cpu.reference.Rows.add;
import static clearhead.ops.cpu.reference.Rows.dot;
import static clearhead.ops.cpu.reference.Rows.read;
import static clearhead.ops.cpu.reference.Rows.write;

import clearhead.ops.Adjoints;
import clearhead.tensor.Tensor;
import clearhead.tensor.Workspace;
import java.util.ArrayList;
import java.util.List;

/// Weighted sums of rows of several matrices, and bounds.
final class Mixtures {
    private Mixtures() {}

    /// out[t] = Σ over j of weights[t, j]·row rows[t, j] of all parts
    static Tensor combine(Workspace workspace, List<Tensor> parts, Tensor rows, Tensor weights) {
        int chosen = weights.dim(1);
        int dim = parts.getFirst().dim(1);
        Tensor out = workspace.take(weights.type(), weights.dim(0), dim);
        for (int t = 0; t < weights.dim(0); t++) {
            var sum = new double[dim];
            for (int j = 0; j < chosen; j++) {
                Place place = Place.of(parts, rows.intAt((long) t * chosen + j));
                double[] row = read(place.part, place.row, dim);
                double weight = weights.at((long) t * chosen + j);
                for (int i = 0; i < dim; i++) {
                    sum[i] += weight * row[i];
                }
            }
            write(out, t, sum);
        }
        return out;
    }

    static Adjoints.Combined combineAdjoint(
            Workspace workspace, List<Tensor> parts, Tensor rows, Tensor weights, Tensor dOut) {
        int chosen = weights.dim(1);
        int dim = dOut.dim(1);
        Tensor dWeights = workspace.take(weights.type(), weights.dim(0), chosen);
        var dParts = new ArrayList<Tensor>();
        parts.forEach(part -> dParts.add(Rows.zeros(workspace, part.type(), part.dim(0), dim)));
        for (int t = 0; t < weights.dim(0); t++) {
            double[] d = read(dOut, t, dim);
            for (int j = 0; j < chosen; j++) {
                long at = (long) t * chosen + j;
                Place place = Place.of(parts, rows.intAt(at));
                dWeights.set(at, dot(read(place.part, place.row, dim), d));
                var weighted = new double[dim];
                for (int i = 0; i < dim; i++) {
                    weighted[i] = weights.at(at) * d[i];
                }
                Place into = Place.of(dParts, rows.intAt(at));
                add(into.part, into.row, weighted);
            }
        }
        return new Adjoints.Combined(dParts, dWeights);
    }

    /// A row of one of several matrices.
    private record Place(Tensor part, int row) {
        static Place of(List<Tensor> parts, int row) {
            int left = row;
            for (Tensor part : parts) {
                if (left < part.dim(0)) {
                    return new Place(part, left);
                }
                left -= part.dim(0);
            }
            throw new IllegalStateException("no row " + row);
        }
    }

    static Tensor clamp(Workspace workspace, Tensor x, double low, double high) {
        Tensor out = workspace.take(x.type(), x.shape());
        for (long i = 0; i < x.size(); i++) {
            out.set(i, Math.min(Math.max(x.at(i), low), high));
        }
        return out;
    }

    static Tensor clampAdjoint(Workspace workspace, Tensor x, double low, double high, Tensor dOut) {
        Tensor dX = workspace.take(x.type(), x.shape());
        for (long i = 0; i < x.size(); i++) {
            dX.set(i, x.at(i) >= low && x.at(i) <= high ? dOut.at(i) : 0);
        }
        return dX;
    }
}
