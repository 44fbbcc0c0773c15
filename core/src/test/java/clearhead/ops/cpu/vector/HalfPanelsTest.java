package clearhead.ops.cpu.vector;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;

import clearhead.ops.Arithmetic;
import clearhead.ops.cpu.Workers;
import clearhead.tensor.DType;
import clearhead.tensor.Layout;
import clearhead.tensor.Tensor;
import clearhead.tensor.Workspace;
import java.lang.foreign.Arena;
import java.lang.foreign.ValueLayout;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class HalfPanelsTest {
    private static final ValueLayout.OfShort I16 = ValueLayout.JAVA_SHORT_UNALIGNED;

    /// One token takes the blocks that widen in registers, three take floats in memory.
    @ParameterizedTest
    @EnumSource(names = {"F16", "BF16"})
    void everyFiniteHalfIsTheFloatItStandsFor(DType type) {
        int exponent = type == DType.F16 ? 0x7c00 : 0x7f80;
        int[] patterns = IntStream.range(0, 1 << 16)
                .filter(bits -> (bits & exponent) != exponent)
                .toArray();
        int outputs = patterns.length / 2;
        try (Arena arena = Arena.ofShared();
                Workspace workspace = new Workspace();
                Workers workers = new Workers(2)) {
            Tensor weight = Tensor.zeros(arena, type, outputs, 2);
            for (int i = 0; i < patterns.length; i++) {
                weight.data().set(I16, i * 2L, (short) patterns[i]);
            }
            Tensor packed = PackedWeights.pack(weight, arena, workers);
            assertEquals(Layout.PANELS, packed.layout());
            Tensor one = Tensor.of(arena, new float[] {1, 0}, 1, 2);
            Tensor three = Tensor.of(arena, new float[] {1, 0, 0, 1, 1, 0}, 3, 2);
            Tensor first = Linear.forward(workspace, workers, Arithmetic.EXACT, one, packed);
            Tensor all = Linear.forward(workspace, workers, Arithmetic.EXACT, three, packed);
            for (int o = 0; o < outputs; o++) {
                // sums begin at 0, which has no sign
                assertEquals(weight.at(2L * o) + 0.0, first.at(o));
                assertEquals(weight.at(2L * o) + 0.0, all.at(o));
                assertEquals(weight.at(2L * o + 1) + 0.0, all.at(outputs + o));
            }
        }
    }

    @Test
    void whatTheBlocksDoNotTakeStaysInRows() {
        try (Arena arena = Arena.ofShared();
                Workers workers = new Workers(2)) {
            Tensor infinite = Tensor.zeros(arena, DType.F16, 5, 4);
            infinite.data().set(I16, 14, (short) 0xfc00);
            assertSame(infinite, PackedWeights.pack(infinite, arena, workers));
            Tensor odd = Tensor.zeros(arena, DType.BF16, 5, 3);
            assertSame(odd, PackedWeights.pack(odd, arena, workers));
        }
    }
}
