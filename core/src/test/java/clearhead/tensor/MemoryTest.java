package clearhead.tensor;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;

/// What will not fit is refused before anything is allocated.
final class MemoryTest {
    @Test
    void whatDoesNotFitIsRefusedInOneLine() {
        Assumptions.assumeTrue(Memory.available().isPresent(), "skipped: this system does not say what is free");
        Memory.require("model small", 1, "never said");
        var e = assertThrows(
                IllegalStateException.class, () -> Memory.require("model huge", 1L << 60, "choose a smaller one"));
        String message = String.valueOf(e.getMessage());
        assertTrue(message.startsWith("model huge needs 1152921504.6 GB of memory, "), message);
        assertTrue(message.endsWith(" are free; choose a smaller one"), message);
        assertEquals(1, message.lines().count());
    }
}
