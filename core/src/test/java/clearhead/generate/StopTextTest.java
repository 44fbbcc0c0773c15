package clearhead.generate;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import org.junit.jupiter.api.Test;

class StopTextTest {

    @Test
    void holdsBackWhatMayBecomeAStop() {
        var text = new StopText(List.of("END"));
        assertEquals("a ", text.accept("a E"));
        assertEquals("EN", text.accept("NE") + "");
        assertEquals("", text.accept("N"));
        assertFalse(text.stopped());
        assertEquals("", text.accept("D more"));
        assertTrue(text.stopped());
        assertEquals("", text.accept("x") + text.finish());
    }

    @Test
    void theFirstOfSeveralStopsCounts() {
        var text = new StopText(List.of("\n\n", "User:"));
        assertEquals("hello", text.accept("hello\nUser:\n\n").strip());
        assertTrue(text.stopped());
    }

    @Test
    void whatWasHeldBackComesAtTheEnd() {
        var text = new StopText(List.of("\n\n"));
        assertEquals("a", text.accept("a\n"));
        assertEquals("\n", text.finish());
    }

    @Test
    void overlappingBeginnings() {
        var text = new StopText(List.of("aab"));
        var out = new StringBuilder();
        for (char c : "aaaab".toCharArray()) {
            out.append(text.accept(String.valueOf(c)));
        }
        assertEquals("aa", out.toString());
        assertTrue(text.stopped());
    }

    @Test
    void anEmptyStopIsRefused() {
        assertThrows(IllegalArgumentException.class, () -> new StopText(List.of("")));
    }
}
