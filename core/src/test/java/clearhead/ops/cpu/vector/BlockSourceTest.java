package clearhead.ops.cpu.vector;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;

class BlockSourceTest {
    /// But for white space, which the formatter sets.
    @Test
    void checkedInTextIsWhatTheGeneratorWrites() throws IOException {
        for (var file : BlockSource.files().entrySet()) {
            Path path = Path.of("src/main/java").resolve(BlockSource.FOLDER).resolve(file.getKey());
            assertEquals(bare(file.getValue()), bare(Files.readString(path)), file.getKey());
        }
    }

    private static String bare(String text) {
        return text.replaceAll("\\s+", "");
    }
}
