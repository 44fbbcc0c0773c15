package clearhead.generate;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import clearhead.model.Conversion;
import clearhead.model.Model;
import clearhead.ops.Arithmetic;
import clearhead.ops.Backend;
import clearhead.ops.Backends;
import clearhead.testing.SharedData;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// stories260K, a trained Llama of llama2.c: its published greedy text, from the empty prompt.
class StoriesTest {
    private static final int TOKENS = 256;

    private static Path file(String name) {
        return SharedData.path("vectors/stories260K/" + name);
    }

    private static String story(Path model) {
        try (Backend backend = Backends.choose(Backends.threads(), Arithmetic.EXACT);
                var loaded = Model.load(model, backend);
                var engine = new Engine(loaded)) {
            return engine.generate("", TOKENS);
        }
    }

    private static String published() throws IOException {
        String text = Files.readString(file("golden-greedy-256.txt"));
        // the file ends its last line
        return text.substring(0, text.length() - 1);
    }

    @Test
    void theTextFromGgufIsThePublishedOne() throws IOException {
        assertEquals(published(), story(file("stories260K-F32.gguf")));
    }

    @Test
    void theTextFromLlama2cIsThePublishedOne() throws IOException {
        assertEquals(published(), story(file("stories260K.bin")));
    }

    @Test
    void theTextFromTheConvertedFileIsThePublishedOne(@TempDir Path folder) throws IOException {
        Path target = folder.resolve("stories");
        Conversion.convert(file("stories260K.bin"), target, new Conversion.Options(Optional.empty(), false));
        assertEquals(published(), story(target));
    }

    @ParameterizedTest
    @ValueSource(strings = {"stories260K-F16.gguf", "stories260K-Q8_0.gguf"})
    void smallerWeightsTellAStoryToo(String name) {
        String story = story(file(name));
        assertTrue(story.startsWith("Once upon a time, there was a little girl named Lily."), story);
    }

    @Test
    void aTextIsForetoldTheBetterTheMoreIsKnown() throws IOException {
        String text = published();
        try (Backend backend = Backends.choose(Backends.threads(), Arithmetic.EXACT);
                var model = Model.load(file("stories260K-F32.gguf"), backend)) {
            var whole = Perplexity.of(model, text, 512, Perplexity.Progress.NONE);
            var halves = Perplexity.of(model, text, 32, Perplexity.Progress.NONE);
            assertEquals(TOKENS, whole.tokens());
            assertEquals(TOKENS, halves.tokens());
            assertEquals(text.length(), whole.bytes());
            // its own greedy text surprises a model little
            assertTrue(whole.natsPerToken() < 0.6, () -> "" + whole.natsPerToken());
            assertTrue(whole.nats() < halves.nats(), () -> whole + " " + halves);
            assertEquals(whole.nats() / Math.log(2) / text.length(), whole.bitsPerByte(), 1e-12);
        }
    }

    @Test
    void stopTextsAndStreaming() {
        try (Backend backend = Backends.choose(Backends.threads(), Arithmetic.EXACT);
                var model = Model.load(file("stories260K-F32.gguf"), backend);
                var engine = new Engine(model, 256)) {
            var streamed = new StringBuilder();
            var request = Request.of(model, "Once upon a time").maxTokens(100).stopAt(java.util.List.of("play out"));
            var generation = engine.generate(request, new Generation.Listener() {
                @Override
                public void text(String piece) {
                    streamed.append(piece);
                }
            });
            assertEquals(Generation.End.STOP_TEXT, generation.end().orElseThrow());
            assertEquals(", there was a little girl named Lily. She loved to ", generation.text());
            assertEquals(generation.text(), streamed.toString());
        }
    }
}
