package clearhead.testing;

import clearhead.io.Checkpoint;
import clearhead.tensor.Tensor;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URISyntaxException;
import java.net.URL;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Assertions;

/// Folders of small models with what the reference implementation computes for them: those committed
/// with the tests, and those of the shared data where it is there.
public final class GoldenFolders {
    private static final Pattern MODEL_TYPE = Pattern.compile("\"model_type\"\\s*:\\s*\"([^\"]+)\"");

    private GoldenFolders() {}

    /// One model.
    ///
    /// @param name such as `causal/opt` or `shared/causal/llama`
    public record Golden(String name, Path folder) {
        /// `model_type` of its config.json; that of the model itself, not of a part.
        public String modelType() {
            try {
                Matcher found = MODEL_TYPE.matcher(Files.readString(folder.resolve("config.json")));
                String type = "";
                while (found.find()) {
                    type = found.group(1).isEmpty() ? type : found.group(1);
                }
                return type;
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }

        /// Whether it belongs to the repository, not to the shared data.
        public boolean committed() {
            return !name.startsWith("shared/");
        }
    }

    /// All models of a kind: `causal`, `encoder` or `seq2seq`. A missing shared folder is told in one
    /// line; with `CI=true` in the environment it fails.
    public static List<Golden> of(String kind) {
        var all = new ArrayList<Golden>();
        add(all, kind, committed().resolve(kind));
        Path shared = SharedData.root().resolve("golden/" + kind);
        if (Files.isDirectory(shared)) {
            add(all, "shared/" + kind, shared);
        } else if ("true".equals(System.getenv("CI"))) {
            Assertions.fail("no shared data at " + shared + " (set -Dshared=FOLDER)");
        } else {
            System.out.println("skipped: no shared data at " + shared + " (set -Dshared=FOLDER)");
        }
        return all;
    }

    /// The folder of the committed ones.
    public static Path committed() {
        URL url = GoldenFolders.class.getResource("/golden/README.md");
        try {
            return Path.of(url.toURI()).resolveSibling("");
        } catch (URISyntaxException e) {
            throw new IllegalStateException(e);
        }
    }

    /// One of the committed folders, such as `causal/opt`.
    public static Path committed(String name) {
        return committed().resolve(name);
    }

    private static void add(List<Golden> all, String name, Path folder) {
        try (Stream<Path> inside = Files.list(folder)) {
            inside.filter(Files::isDirectory)
                    .sorted()
                    .forEach(f -> all.add(new Golden(name + "/" + f.getFileName(), f)));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /// Numbers of an I32 tensor of the expected values, row after row.
    public static int[] ints(Checkpoint expected, String name) {
        Tensor tensor = expected.tensor(name);
        var all = new int[Math.toIntExact(tensor.size())];
        Arrays.setAll(all, tensor::intAt);
        return all;
    }

    /// Fails if a value differs by more than `tolerance` times the largest expected one.
    public static void closeToLargest(String what, float[] wanted, float[] found, double tolerance) {
        double largest = 0;
        for (float v : wanted) {
            largest = Math.max(largest, Math.abs(v));
        }
        close(what, wanted, found, tolerance, largest);
    }

    /// Fails if a value differs by more than `tolerance`.
    public static void close(String what, float[] wanted, float[] found, double tolerance) {
        close(what, wanted, found, tolerance, 1);
    }

    private static void close(String what, float[] wanted, float[] found, double tolerance, double unit) {
        Assertions.assertEquals(wanted.length, found.length, () -> what + ": number of values");
        double worst = 0;
        int at = 0;
        for (int i = 0; i < wanted.length; i++) {
            double d = Math.abs(wanted[i] - found[i]);
            if (!(d <= worst)) {
                worst = Double.isNaN(d) ? Double.POSITIVE_INFINITY : d;
                at = i;
            }
        }
        if (worst > tolerance * unit) {
            Assertions.fail(what + ": value " + at + " is " + found[at] + ", wanted " + wanted[at] + "; differs by "
                    + worst / unit + ", allowed " + tolerance);
        }
    }
}
