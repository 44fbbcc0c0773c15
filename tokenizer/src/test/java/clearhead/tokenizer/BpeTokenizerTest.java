package clearhead.tokenizer;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Assertions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

final class BpeTokenizerTest {

    private static final Tokenizer CL100K = Tokenizers.named("cl100k_base");
    private static final Tokenizer GPT2 = Tokenizers.named("gpt2");

    /// A text of characters from all of Unicode, words and spaces.
    static String randomText(Random random, int length) {
        var text = new StringBuilder();
        String common = "     \n\n\t'sabctheingtion0129.,!éüжя日本";
        while (text.length() < length) {
            int c = random.nextInt(6) > 0 ? common.charAt(random.nextInt(common.length())) : random.nextInt(0x110000);
            text.appendCodePoint(c >= 0xD800 && c < 0xE000 ? 0x1F642 : c);
        }
        return text.toString();
    }

    @ParameterizedTest
    @ValueSource(strings = {"cl100k_base", "o200k_base", "p50k_base", "gpt2"})
    void givesBackWhatItRead(String name) {
        Tokenizer tokenizer = Tokenizers.named(name);
        var random = new Random(1);
        for (int round = 0; round < 2_000; round++) {
            String text = randomText(random, random.nextInt(60));
            int[] ids = tokenizer.encode(text);
            assertEquals(text, tokenizer.decode(ids));
            assertArrayEquals(ids, tokenizer.explain(text).ids(), text);
            var streamed = new StringBuilder();
            StreamingDecoder decoder = tokenizer.decoder(false);
            for (int id : ids) {
                String part = decoder.accept(id);
                assertTrue(part.indexOf('\uFFFD') < 0 || text.indexOf('\uFFFD') >= 0);
                streamed.append(part);
            }
            assertEquals(text, streamed.append(decoder.finish()).toString());
        }
    }

    @Test
    void givesBackBytesThatAreNotUtf8() {
        var random = new Random(2);
        for (int round = 0; round < 2_000; round++) {
            var bytes = new byte[random.nextInt(40)];
            random.nextBytes(bytes);
            int[] ids = CL100K.encode(bytes, Special.TEXT);
            assertArrayEquals(bytes, CL100K.decodeBytes(ids));
            var streamed = new StringBuilder();
            StreamingDecoder decoder = CL100K.decoder(false);
            for (int id : ids) {
                streamed.append(decoder.accept(id));
            }
            streamed.append(decoder.finish());
            assertEquals(CL100K.decode(ids), streamed.toString());
        }
    }

    /// As `bytes.decode("utf-8", "replace")` in Python.
    @Test
    void replacesBytesThatAreNotUtf8AsPythonDoes() {
        byte[] bytes = {
            (byte) 0xE0,
            (byte) 0x80,
            'a',
            (byte) 0xF0,
            (byte) 0x9F,
            (byte) 0x99,
            'b',
            (byte) 0xED,
            (byte) 0xA0,
            (byte) 0x80,
            (byte) 0xC0,
            (byte) 0xF4,
            (byte) 0x90,
            (byte) 0xE3
        };
        assertEquals(
                "\uFFFD\uFFFDa\uFFFDb\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD",
                CL100K.decode(CL100K.encode(bytes, Special.TEXT)));
    }

    @Test
    void holdsBackTheStartOfACharacter() {
        int[] ids = CL100K.encode("☃️");
        assertTrue(ids.length > 1);
        StreamingDecoder decoder = CL100K.decoder(false);
        assertEquals("", decoder.accept(ids[0]));
        assertEquals("�", decoder.finish());
    }

    @Test
    void takesSpecialTokensOnlyWhereAsked() {
        String text = "a<|endoftext|>b";
        assertArrayEquals(new int[] {64, 100257, 65}, CL100K.encode(text, Special.PARSE));
        assertTrue(CL100K.encode(text).length > 5);
        assertEquals(text, CL100K.decode(64, 100257, 65));
        assertEquals(100257, CL100K.id("<|endoftext|>").orElseThrow());
        assertTrue(CL100K.isSpecial(100257));
        assertFalse(CL100K.isSpecial(64));
        StreamingDecoder decoder = CL100K.decoder(false);
        assertEquals("", decoder.accept(100257));
        var pieces = CL100K.explain(text, Special.PARSE).pieces();
        assertEquals(Explained.Kind.NAMED, pieces.get(1).kind());
        assertEquals(1, pieces.get(1).charStart());
        assertEquals(14, pieces.get(1).charEnd());
    }

    /// "aaabdaaabac" from the article on byte-pair encoding in Wikipedia: aa, then a pair of ties.
    /// minbpe's test expects ids 258 100 258 97 99 after the merges aa, aaa, aaab.
    @Test
    void mergesWikipediasExample() {
        var trainer = new BpeTrainer(259, List.of());
        trainer.add("aaabdaaabac");
        Tokenizer tokenizer = trainer.train();
        List<String> names = Arrays.stream(tokenizer.encode("aaabdaaabac"))
                .mapToObj(tokenizer::tokenName)
                .toList();
        assertEquals(List.of("aaab", "d", "aaab", "a", "c"), names);
        var merges = tokenizer.explain("aaab").pieces().get(0).merges();
        assertEquals(
                List.of(0, 1, 2), merges.stream().map(Explained.Merge::rank).toList());
    }

    @Test
    void showsMergesThatLeadFromTheBytesToTheTokens() {
        var random = new Random(3);
        for (int round = 0; round < 500; round++) {
            for (var piece : CL100K.explain(randomText(random, 40)).pieces()) {
                var symbols = new java.util.ArrayList<byte[]>(piece.parts());
                for (var merge : piece.merges()) {
                    byte[] left = symbols.get(merge.at());
                    byte[] right = symbols.remove(merge.at() + 1);
                    assertArrayEquals(merge.left(), left);
                    assertArrayEquals(merge.right(), right);
                    byte[] both = Arrays.copyOf(left, left.length + right.length);
                    System.arraycopy(right, 0, both, left.length, right.length);
                    assertArrayEquals(CL100K.tokenBytes(merge.id()), both);
                    symbols.set(merge.at(), both);
                }
                assertEquals(piece.tokens().size(), symbols.size());
            }
        }
    }

    @Test
    void placesTokensInTheText() {
        String text = "Hi 🙂☃ x";
        int end = 0;
        for (var token : CL100K.explain(text).tokens()) {
            assertEquals(end, token.byteStart());
            end = token.byteEnd();
            byte[] utf8 = text.getBytes(StandardCharsets.UTF_8);
            assertArrayEquals(token.bytes(), Arrays.copyOfRange(utf8, token.byteStart(), end));
            String covered = text.substring(token.charStart(), token.charEnd());
            String decoded = new String(token.bytes(), StandardCharsets.UTF_8);
            assertTrue(decoded.contains("�") || decoded.equals(covered), covered);
        }
        assertEquals(text.getBytes(StandardCharsets.UTF_8).length, end);
    }

    @ParameterizedTest
    @ValueSource(strings = {"a", " ", "0", "\n", "日", "!", "ab", "\u0301"})
    void takesAMillionOfOneCharacter(String unit) {
        String text = unit.repeat(1_000_000 / unit.length());
        for (Tokenizer tokenizer : List.of(CL100K, GPT2)) {
            Assertions.assertTimeout(
                    Duration.ofSeconds(10), () -> assertEquals(text, tokenizer.decode(tokenizer.encode(text))));
        }
    }

    @Test
    void encodesTheSameOnManyThreads() throws Exception {
        String text = Files.readString(SharedData.path("vectors/tokenizer/minbpe/taylorswift.txt"));
        int[] wanted = CL100K.encode(text);
        assertEquals(text, CL100K.decode(wanted));
        var failures = new java.util.concurrent.atomic.AtomicInteger();
        Thread[] threads = new Thread[8];
        for (int i = 0; i < threads.length; i++) {
            threads[i] = new Thread(() -> {
                if (!Arrays.equals(wanted, CL100K.encode(text))) {
                    failures.incrementAndGet();
                }
            });
            threads[i].start();
        }
        for (Thread thread : threads) {
            thread.join();
        }
        assertEquals(0, failures.get());
    }

    @Test
    void readsUnpairedSurrogatesAsReplacement() {
        assertEquals("a\uFFFDb?", CL100K.decode(CL100K.encode("a\uD800b?")));
    }

    @Test
    void namesTheNearestForAnUnknownName() {
        var e = assertThrows(TokenizerException.class, () -> Tokenizers.find("cl10k_base"));
        assertTrue(e.getMessage().contains("did you mean cl100k_base"), e.getMessage());
        e = assertThrows(TokenizerException.class, () -> CL100K.decode(100277));
        assertTrue(e.getMessage().contains("100277"), e.getMessage());
    }

    @Test
    void refusesMalformedRankFiles() throws IOException {
        for (String bad :
                List.of("IQ==", "IQ== x", "IQ== 1 2", "I*== 0", "IQ== 0\nIg== 0", "IQ== 99999999999", "IQ 0")) {
            var file = Files.createTempDirectory("ranks").resolve("r50k_base.tiktoken");
            Files.writeString(file, bad);
            var e = assertThrows(TokenizerException.class, () -> Tokenizers.file(file), bad);
            assertTrue(e.getMessage().contains("line"), e.getMessage());
        }
    }
}
