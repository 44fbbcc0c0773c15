package clearhead.app;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import clearhead.io.Json;
import clearhead.tokenizer.Tokenizers;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TokensTest {
    @TempDir
    static Path folder = Path.of("");

    @Test
    void idsOnly() {
        assertEquals(
                "15496 995\n",
                Cli.run("tokens", "--ids", "-t", "gpt2", "Hello world").out());
        assertEquals("\n", Cli.run("tokens", "--ids", "-t", "gpt2", "").out());
        assertEquals("\n", Cli.run("tokens", "-t", "gpt2", "").out());
    }

    @Test
    void aDelimiterSplitsAndEndsTheLastInput() throws IOException {
        Path file = Files.writeString(folder.resolve("lines"), "Hello\n\nHello world\n");
        assertEquals(
                "15496\n\n15496 995\n",
                Cli.run("tokens", "--ids", "-t", "gpt2", "--delimiter", "\\n", "--file", file.toString())
                        .out());
    }

    @Test
    void tablesNameCharactersBytesAndMerges() {
        String bytes = Cli.run("tokens", "--bytes", "-t", "gpt2", "né").out();
        assertTrue(bytes.contains("U+00E9      C3 A9        11000011 10101001"), bytes);
        String merges = Cli.run("tokens", "--merges", "-t", "gpt2", "nihar").out();
        assertTrue(merges.contains("rank   4449  `i` + `h` = `ih` 4449"), merges);
        assertTrue(merges.contains("5 characters, 5 bytes, 40 bits, 2 tokens"), merges);
    }

    @Test
    void bytesThatAreNoUtf8AreKeptOrRefused() throws IOException {
        Path file = folder.resolve("bad");
        Files.write(file, new byte[] {'a', 'b', (byte) 0xE9, 'x'});
        Cli ids = Cli.run("tokens", "--ids", "-t", "gpt2", "--file", file.toString());
        assertEquals("397 165 87\n", ids.out());
        assertTrue(ids.err().contains("byte 2 (0xE9)"), ids.err());
        Cli table = Cli.run("tokens", "-t", "gpt2", "--file", file.toString());
        assertEquals(2, table.code());
        assertTrue(table.err().contains("byte 2 (0xE9)"), table.err());
    }

    @Test
    void unknownNamesGetASuggestion() {
        Cli run = Cli.run("tokens", "-t", "cl100k_bas", "x");
        assertEquals(2, run.code());
        assertTrue(run.err().contains("did you mean cl100k_base?"), run.err());
    }

    /// A file that is read in parts has the ids of the whole.
    @Test
    void partsHaveTheIdsOfTheWhole() throws IOException {
        var random = new Random(5);
        var text = new StringBuilder();
        String[] bits = {"word", " ", "  ", "\n", "\n\n", "12", ".", "'s", "é", "X", " y", "\t", "/", "日本"};
        while (text.length() < 2_600_000) {
            text.append(bits[random.nextInt(bits.length)]);
        }
        byte[] bytes = text.toString().getBytes(StandardCharsets.UTF_8);
        for (String name : List.of("gpt2", "cl100k_base", "o200k_base")) {
            Path file = folder.resolve("large");
            Files.write(file, bytes);
            String parts = Cli.run("tokens", "--ids", "-t", name, "--file", file.toString())
                    .out();
            int[] ids = Arrays.stream(parts.strip().split(" "))
                    .mapToInt(Integer::parseInt)
                    .toArray();
            assertArrayEquals(Tokenizers.named(name).encode(text.toString()), ids);
        }
    }

    @Test
    void partsTogetherAreTheStream() throws IOException {
        byte[] bytes = "ab\ncd\n".repeat(500_000).getBytes(StandardCharsets.UTF_8);
        var whole = new ByteArrayOutputStream();
        var sizes = new ArrayList<Integer>();
        new Inputs(new java.io.ByteArrayInputStream(bytes), Optional.empty(), true).forEach((part, offset, last) -> {
            assertEquals(whole.size(), offset);
            whole.write(part);
            sizes.add(part.length);
        });
        assertArrayEquals(bytes, whole.toByteArray());
        assertTrue(sizes.size() >= 3, sizes::toString);
    }

    @Test
    void asJson() {
        Json.Obj document = Json.parseObject(
                "tokens",
                Cli.run("tokens", "-t", "gpt2", "Hello nihar", "--json", "-").out());
        Json.Obj input = document.array("inputs").object(0);
        assertEquals(3, input.integer("tokens"));
        Json.Obj piece = input.array("pieces").object(1);
        assertEquals(" nihar", piece.text("text"));
        assertEquals(4, piece.array("merges").size());
        assertEquals(299, piece.array("tokens").object(0).integer("id"));
    }
}
