package clearhead.ops.cpu.vector;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import clearhead.ops.Pairing;
import clearhead.tensor.DType;
import clearhead.tensor.Tensor;
import clearhead.tensor.Workspace;
import java.lang.foreign.Arena;
import java.util.Random;
import org.junit.jupiter.api.Test;

class RotaryTest {
    /// Every pair turns by its position's angle, the rest passes through, and the adjoint turns back.
    @Test
    void turnsAndTurnsBack() {
        try (var arena = Arena.ofShared();
                var workspace = new Workspace();
                var backend = new VectorBackend(2)) {
            int heads = 3;
            for (int[] s : new int[][] {{8, 4}, {64, 32}, {80, 20}, {7, 3}, {5, 0}}) {
                int dim = s[0];
                int pairs = s[1];
                int tokens = 35;
                Tensor x = AttentionCase.gaussian(arena, new Random(dim), tokens, heads, dim);
                Tensor angle = AttentionCase.gaussian(arena, new Random(1), 50, pairs);
                double[] cos = angle.toDoubles();
                double[] sin = angle.toDoubles();
                int[] positions = new int[tokens];
                for (int i = 0; i < cos.length; i++) {
                    cos[i] = Math.cos(cos[i]);
                    sin[i] = Math.sin(sin[i]);
                }
                for (int i = 0; i < tokens; i++) {
                    positions[i] = (i * 7) % 50;
                }
                Tensor c = Tensor.of(arena, DType.F32, cos, 50, pairs);
                Tensor n = Tensor.of(arena, DType.F32, sin, 50, pairs);
                Tensor p = Tensor.of(arena, positions, tokens);
                for (Pairing pairing : Pairing.values()) {
                    Tensor y = backend.ops(workspace).rope(x, c, n, p, pairing);
                    for (int t = 0; t < tokens; t++) {
                        for (int h = 0; h < heads; h++) {
                            long row = (long) (t * heads + h) * dim;
                            for (int i = 0; i < pairs; i++) {
                                long a = row + (pairing == Pairing.HALVES ? i : 2 * i);
                                long b = pairing == Pairing.HALVES ? a + pairs : a + 1;
                                double cosine = c.at((long) positions[t] * pairs + i);
                                double sine = n.at((long) positions[t] * pairs + i);
                                assertEquals(x.at(a) * cosine - x.at(b) * sine, y.at(a), 1e-6);
                                assertEquals(x.at(b) * cosine + x.at(a) * sine, y.at(b), 1e-6);
                            }
                            for (int i = 2 * pairs; i < dim; i++) {
                                assertEquals(x.at(row + i), y.at(row + i));
                            }
                        }
                    }
                    Tensor back = backend.adjoints(workspace).rope(y, c, n, p, pairing);
                    assertTrue(AttentionCase.maxError(back.toDoubles(), x.toDoubles()) < 1e-6);
                }
            }
        }
    }
}
