package clearhead.bench;

import clearhead.tokenizer.Tokenizer;
import clearhead.tokenizer.Tokenizers;
import com.knuddels.jtokkit.Encodings;
import com.knuddels.jtokkit.api.Encoding;
import com.knuddels.jtokkit.api.EncodingType;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Locale;

/// Megabytes a second of processor time on one thread, ours and JTokkit's in turn, for cl100k. The
/// arguments are text files.
final class TokenizerBench {

    private TokenizerBench() {}

    public static void main(String[] files) throws IOException {
        var threads = ManagementFactory.getThreadMXBean();
        Tokenizer ours = Tokenizers.named("cl100k_base");
        Encoding theirs = Encodings.newDefaultEncodingRegistry().getEncoding(EncodingType.CL100K_BASE);
        for (String file : files) {
            String text = Files.readString(Path.of(file));
            double megabytes = text.getBytes(StandardCharsets.UTF_8).length / 1e6;
            var first = new double[2];
            var best = new double[2];
            for (int round = 0; round < 8; round++) {
                long start = threads.getCurrentThreadCpuTime();
                int[] ids = ours.encode(text);
                long middle = threads.getCurrentThreadCpuTime();
                int[] same = theirs.encode(text).toArray();
                long end = threads.getCurrentThreadCpuTime();
                if (!Arrays.equals(ids, same)) {
                    throw new IllegalStateException(file + ": ids differ");
                }
                double[] speed = {megabytes * 1e9 / (middle - start), megabytes * 1e9 / (end - middle)};
                for (int i = 0; i < 2; i++) {
                    first[i] = round == 0 ? speed[i] : first[i];
                    best[i] = Math.max(best[i], speed[i]);
                }
            }
            System.out.printf(
                    Locale.ROOT,
                    "%s: ours %.1f, best %.1f; JTokkit %.1f, best %.1f MB/s%n",
                    Path.of(file).getFileName(),
                    first[0],
                    best[0],
                    first[1],
                    best[1]);
        }
    }
}
