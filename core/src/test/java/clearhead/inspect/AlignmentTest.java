package clearhead.inspect;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

class AlignmentTest {
    /// `S0-1:0-1` and so on: kind, tokens of A, tokens of B.
    private static String said(Alignment alignment) {
        return alignment.spans().stream()
                .map(s -> switch (s.kind()) {
                            case SAME -> "S";
                            case REPLACED -> "R";
                            case ONLY_A -> "A";
                            case ONLY_B -> "B";
                        }
                        + s.fromA() + "-" + s.toA() + ":" + s.fromB() + "-" + s.toB())
                .collect(Collectors.joining(" "));
    }

    private static List<byte[]> tokens(String... texts) {
        return Arrays.stream(texts).map(t -> t.getBytes(StandardCharsets.UTF_8)).toList();
    }

    @Test
    void idsThatAreTheSameOrInTheSamePlaceStandForEachOther() {
        assertEquals("S0-1:0-1 S1-2:1-2", said(Alignment.ofIds(new int[] {1, 2}, new int[] {1, 2})));
        assertEquals("S0-1:0-1 R1-2:1-2 S2-3:2-3", said(Alignment.ofIds(new int[] {1, 2, 3}, new int[] {1, 9, 3})));
        assertEquals(
                "S0-1:0-1 A1-2:1-1 A2-3:1-1 B3-3:1-2 S3-4:2-3",
                said(Alignment.ofIds(new int[] {1, 2, 2, 3}, new int[] {1, 9, 3})));
        assertEquals("B0-0:0-1 S0-1:1-2", said(Alignment.ofIds(new int[] {5}, new int[] {4, 5})));
        assertEquals("", said(Alignment.ofIds(new int[0], new int[0])));
    }

    @Test
    void otherTokenizersAreJoinedWhereTheirBytesMeet() {
        assertEquals(
                "S0-2:0-1 S2-3:1-3",
                said(Alignment.ofBytes(tokens(" play", "ing", " cats"), tokens(" playing", " ca", "ts"))));
        // Boundaries that cross: one span of all.
        assertEquals("S0-2:0-2", said(Alignment.ofBytes(tokens("ab", "cd"), tokens("abc", "d"))));
        // A token without bytes in common stands alone; another word in its place is a replacement.
        assertEquals(
                "A0-1:0-0 S1-2:0-1 R2-3:1-2 S3-4:2-3",
                said(Alignment.ofBytes(tokens("<s>", "The", " cat", " sat"), tokens("The", " dog", " sat"))));
    }

    /// Every token is in one span, in order, whatever the texts.
    @Test
    void nothingIsLostAndNothingTwice() {
        var random = new Random(3);
        for (int n = 0; n < 300; n++) {
            int[] a = random.ints(random.nextInt(12), 0, 4).toArray();
            int[] b = random.ints(random.nextInt(12), 0, 4).toArray();
            whole(Alignment.ofIds(a, b), a.length, b.length);
            List<byte[]> textA = Arrays.stream(a)
                    .mapToObj(i -> "abcd".substring(0, i).getBytes(StandardCharsets.UTF_8))
                    .toList();
            List<byte[]> textB = Arrays.stream(b)
                    .mapToObj(i -> "bcda".substring(0, i).getBytes(StandardCharsets.UTF_8))
                    .toList();
            whole(Alignment.ofBytes(textA, textB), a.length, b.length);
        }
    }

    private static void whole(Alignment alignment, int a, int b) {
        int i = 0;
        int j = 0;
        for (Alignment.Span s : alignment.spans()) {
            assertEquals(i, s.fromA());
            assertEquals(j, s.fromB());
            i = s.toA();
            j = s.toB();
            assertEquals(s.aligned(), s.toA() > s.fromA() && s.toB() > s.fromB());
        }
        assertEquals(a, i);
        assertEquals(b, j);
    }
}
