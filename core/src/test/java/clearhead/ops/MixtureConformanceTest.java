package clearhead.ops;

import clearhead.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/// What a mixture of experts needs: weighted sums of rows, and bounds, forward and backward.
class MixtureConformanceTest {
    private static final int[] EDGES = {1, 7, 8, 9, 15, 16, 17, 33, 64, 65, 129};

    static List<Subject> subjects() {
        return Subject.all();
    }

    /// Five tokens take three rows each, one row twice, of parts of 4, 1 and 2 rows.
    private static Tensor[] parts(Data data, int dim) {
        return new Tensor[] {
            data.normal(4, dim),
            data.normal(1, dim),
            data.normal(2, dim),
            data.ints(0, 4, 6, 1, 1, 2, 3, 4, 5, 6, 5, 4, 0, 2, 4).reshape(5, 3),
            data.normal(5, 3),
            data.normal(5, dim)
        };
    }

    @ParameterizedTest
    @MethodSource("subjects")
    void combine(Subject subject) {
        for (int dim : EDGES) {
            Kit.check(
                    subject,
                    "combine of dim " + dim,
                    0,
                    (d, in) -> List.of(d.ops().combine(List.of(in[0], in[1], in[2]), in[3], in[4])),
                    parts(new Data(dim), dim));
        }
    }

    @ParameterizedTest
    @MethodSource("subjects")
    void combineGradients(Subject subject) {
        for (int dim : EDGES) {
            Kit.checkGradient(
                    subject,
                    "combine gradients of dim " + dim,
                    0,
                    (d, in) -> {
                        var g = d.adjoints().combine(List.of(in[0], in[1], in[2]), in[3], in[4], in[5]);
                        var all = new ArrayList<>(g.dParts());
                        all.add(g.dWeights());
                        return all;
                    },
                    parts(new Data(dim), dim));
        }
    }

    @ParameterizedTest
    @MethodSource("subjects")
    void clamp(Subject subject) {
        for (int dim : EDGES) {
            var data = new Data(dim);
            Kit.check(
                    subject,
                    "clamp of dim " + dim,
                    0,
                    (d, in) -> List.of(
                            d.ops().clamp(in[0], -0.5, 0.25),
                            d.ops().clamp(in[0], Double.NEGATIVE_INFINITY, 0.25),
                            d.adjoints().clamp(in[0], -0.5, 0.25, in[1])),
                    data.normal(3, dim),
                    data.normal(3, dim));
        }
    }
}
