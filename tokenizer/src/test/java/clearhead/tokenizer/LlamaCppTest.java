package clearhead.tokenizer;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.nio.file.Files;
import java.util.Arrays;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// What llama.cpp gives for its own test texts with its vocabularies. Not here:
/// llama-bpe and qwen2, whose vocabularies are not in the folder.
final class LlamaCppTest {

    @ParameterizedTest
    @ValueSource(strings = {"gpt-2", "falcon", "llama-spm", "phi-3", "deepseek-llm", "bert-bge"})
    void givesTheSameIds(String name) throws IOException {
        var file = SharedData.path("vectors/tokenizer/llama.cpp/ggml-vocab-" + name + ".gguf");
        Tokenizer tokenizer = Tokenizers.gguf(GgufFile.metadata(file));
        String[] texts = Files.readString(file.resolveSibling(file.getFileName() + ".inp"))
                .split("\n__ggml_vocab_test__\n", -1);
        String[] lines = Files.readString(file.resolveSibling(file.getFileName() + ".out"))
                .split("\n", -1);
        int cases = 0;
        for (int i = 0; i < texts.length; i++) {
            if (i == texts.length - 1 && texts[i].isEmpty()) {
                break;
            }
            int[] wanted = Arrays.stream(lines[i].trim().split(" "))
                    .filter(id -> !id.isEmpty())
                    .mapToInt(Integer::parseInt)
                    .toArray();
            int[] found = tokenizer.encode(texts[i]);
            assertArrayEquals(
                    wanted,
                    found,
                    () -> name + ": wanted " + Arrays.toString(wanted) + ", found " + Arrays.toString(found));
            assertArrayEquals(found, tokenizer.explain(texts[i]).ids());
            // BERT lower-cases the text and drops its spaces.
            if (!name.equals("bert-bge")) {
                assertEquals(texts[i], tokenizer.decode(found));
            }
            cases++;
        }
        assertEquals(46, cases);
    }
}
