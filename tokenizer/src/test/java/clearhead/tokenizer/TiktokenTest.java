package clearhead.tokenizer;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// What tiktoken gave for about 420 texts an encoding.
final class TiktokenTest {

    @ParameterizedTest
    @ValueSource(strings = {"cl100k_base", "p50k_base", "r50k_base"})
    void givesTheSameIds(String name) throws IOException {
        var file = SharedData.path("vectors/tokenizer/tiktoken/" + name + "_encodings.csv");
        Tokenizer tokenizer = Tokenizers.named(name);
        List<List<String>> rows = rows(Files.readString(file));
        assertTrue(rows.size() > 400, "rows: " + rows.size());
        for (List<String> row : rows.subList(1, rows.size())) {
            String text = row.get(0);
            int[] wanted = ids(row.get(1));
            int[] found = tokenizer.encode(text);
            assertArrayEquals(wanted, found, text);
            assertEquals(text, tokenizer.decode(found));
            assertEquals(found.length, tokenizer.count(text));
            assertArrayEquals(found, tokenizer.explain(text).ids(), text);
        }
    }

    private static int[] ids(String list) {
        return Arrays.stream(list.replaceAll("[\\[\\] ]", "").split(","))
                .filter(id -> !id.isEmpty())
                .mapToInt(Integer::parseInt)
                .toArray();
    }

    /// RFC 4180.
    private static List<List<String>> rows(String csv) {
        var rows = new ArrayList<List<String>>();
        var row = new ArrayList<String>();
        var field = new StringBuilder();
        boolean quoted = false;
        for (int i = 0; i < csv.length(); i++) {
            char c = csv.charAt(i);
            if (quoted) {
                if (c != '"') {
                    field.append(c);
                } else if (i + 1 < csv.length() && csv.charAt(i + 1) == '"') {
                    field.append(c);
                    i++;
                } else {
                    quoted = false;
                }
            } else if (c == '"') {
                quoted = true;
            } else if (c == ',' || c == '\n') {
                row.add(field.toString());
                field.setLength(0);
                if (c == '\n') {
                    rows.add(row);
                    row = new ArrayList<>();
                }
            } else if (c != '\r') {
                field.append(c);
            }
        }
        return rows;
    }
}
