package clearhead.tensor;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

class WorkspaceTest {
    @Test
    void memoryThatCannotBeHadIsRefusedWithTheAmount() {
        try (var workspace = new Workspace()) {
            var failure = assertThrows(
                    IllegalStateException.class, () -> workspace.take(DType.F32, 1 << 20, 1 << 10, 1 << 10));
            String said = String.valueOf(failure.getMessage());
            assertTrue(said.contains("4398.0 GB") && said.contains("fewer tokens"), said);
            assertEquals(0, workspace.reserved());
            assertEquals(64, workspace.take(DType.F32, 16).data().byteSize(), "goes on");
        }
    }

    @Test
    void aShapeOfMoreElementsThanALongHoldsIsRefused() {
        assertThrows(ArithmeticException.class, () -> new Shape(1 << 30, 1 << 30, 1 << 30));
    }
}
