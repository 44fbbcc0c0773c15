package clearhead.bench;

import clearhead.inspect.AttentionMap;
import clearhead.inspect.Heads;
import clearhead.inspect.Run;
import clearhead.inspect.Units;
import clearhead.io.Safetensors;
import clearhead.io.SafetensorsWriter;
import clearhead.model.Model;
import clearhead.nn.Probe;
import clearhead.ops.Backends;
import clearhead.ops.Ops;
import clearhead.tensor.DType;
import clearhead.tensor.Tensor;
import clearhead.tensor.Workspace;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.function.Supplier;

/// What the page asks for on long texts, in this process, without the browser: the run, exact rows,
/// tiles of every level, the switch to another head, memory. The model has the bundled one's
/// architecture, random weights and a context of 32,768; `--model-only` makes it and ends, for
/// `clearhead serve --model FOLDER` and `bench/page/page.mjs`.
///
/// ```
/// PageBench [--model FOLDER] [--model-only] [--tokens 1024,8192,32768] [--rounds 5]
/// ```
public final class PageBench {
    private static final int CONTEXT = 32_768;
    private static final long SEED = 4;

    private PageBench() {}

    public static void main(String[] args) {
        Path folder = Path.of("bench", "target", "page-model");
        int[] lengths = {1024, 8192, CONTEXT};
        int rounds = 5;
        boolean only = false;
        for (int n = 0; n < args.length; n++) {
            switch (args[n]) {
                case "--model" -> folder = Path.of(args[++n]);
                case "--model-only" -> only = true;
                case "--tokens" ->
                    lengths = Arrays.stream(args[++n].split(","))
                            .mapToInt(Integer::parseInt)
                            .toArray();
                case "--rounds" -> rounds = Integer.parseInt(args[++n]);
                default -> throw new IllegalArgumentException("unknown option " + args[n]);
            }
        }
        if (!Files.exists(folder.resolve("model.safetensors"))) {
            make(folder);
        }
        System.out.println("model: " + folder);
        if (only) {
            return;
        }
        try (var backend = Backends.choose();
                var model = Model.load(folder, backend);
                var workspace = new Workspace()) {
            System.out.println("backend: " + backend.description());
            var random = new Random(SEED);
            for (int length : lengths) {
                int[] ids = random.ints(length, 3, model.transformer().vocab()).toArray();
                measure(model, backend.ops(workspace), ids, rounds);
            }
        }
    }

    private static void measure(Model model, Ops ops, int[] ids, int rounds) {
        long start = System.nanoTime();
        try (Run run = Run.of(model.transformer(), ops, ids, Probe.NONE, Run.Progress.NONE)) {
            say(
                    "%,d tokens: run %.2f s, kept %.1f MB (%,d bytes a token)",
                    ids.length, (System.nanoTime() - start) / 1e9, run.bytes() / 1e6, run.bytes() / ids.length);
            Units units = Units.tokens(ids.length);
            var head = new AttentionMap(run, Heads.of(3, 1), AttentionMap.Kind.WEIGHTS, units);
            time("exact row", rounds, ids.length <= 1024 ? 50 : 100, () -> head.row(ops, ids.length - 1));
            time("exact column", rounds, 0, () -> head.column(ops, ids.length / 2));
            int layers = model.transformer().layers();
            int top = 0;
            while (AttentionMap.TILE << top < ids.length) {
                top++;
            }
            for (int level = 0; level <= top; level++) {
                int at = level;
                int last = (ids.length - 1) / (AttentionMap.TILE << level);
                for (var pool : AttentionMap.Pool.values()) {
                    // A layer for each level: of the coarse ones, the run keeps what it has made.
                    var other = new AttentionMap(run, Heads.of(level % layers, 0), AttentionMap.Kind.WEIGHTS, units);
                    time(
                            "tile of level " + level + ", " + pool,
                            rounds,
                            0,
                            () -> other.tile(ops, at, last / 2, last, pool));
                }
            }
            int switched = top;
            time("head switch: coarsest tile and a row", rounds, ids.length <= 8192 ? 250 : 0, () -> {
                var other = new AttentionMap(run, Heads.of(2, 2), AttentionMap.Kind.WEIGHTS, units);
                other.row(ops, ids.length - 1);
                return other.tile(ops, switched, 0, 0, AttentionMap.Pool.MAX);
            });
            time("thumbnails of a layer", 1, 0, () -> {
                for (int h = 0; h < run.pattern(4).spec().heads(); h++) {
                    new AttentionMap(run, Heads.of(4, h), AttentionMap.Kind.WEIGHTS, units).thumbnail(ops, 48);
                }
                return run;
            });
            say("  workspace: %.1f MB", ops.workspace().reserved() / 1e6);
        }
    }

    private static void time(String what, int rounds, int bar, Supplier<?> body) {
        var millis = new double[rounds];
        for (int n = 0; n < rounds; n++) {
            long start = System.nanoTime();
            Objects.requireNonNull(body.get());
            millis[n] = (System.nanoTime() - start) / 1e6;
        }
        double first = millis[0];
        Arrays.sort(millis);
        String held = bar == 0 ? "" : first <= bar ? ", within " : ", not within ";
        say(
                "  %-40s first %8.1f ms, median %8.1f ms%s",
                what, first, millis[rounds / 2], bar == 0 ? "" : held + "the bar of " + bar + " ms");
    }

    private static void say(String format, Object... values) {
        System.out.println(String.format(Locale.ROOT, format, values));
    }

    /// Writes the model: the bundled one's shapes and vocabulary, random weights, a longer context.
    private static void make(Path folder) {
        Path bundled = Path.of("models", "tales");
        try (var tales = Safetensors.open(bundled.resolve("model.safetensors"));
                Arena arena = Arena.ofConfined()) {
            Files.createDirectories(folder);
            var random = new Random(SEED);
            Map<String, Tensor> weights = new HashMap<>();
            for (var entry : tales.entries()) {
                Tensor weight = Tensor.zeros(arena, DType.F16, entry.shape().dims());
                boolean norm = entry.shape().dims().length == 1;
                double deviation = norm ? 0 : 1.5 / Math.sqrt(weight.dim(1));
                for (long i = 0; i < weight.size(); i++) {
                    weight.set(i, (norm ? 1 : 0) + deviation * random.nextGaussian());
                }
                weights.put(entry.name(), weight);
            }
            SafetensorsWriter.write(folder.resolve("model.safetensors"), weights, Map.of("format", "pt"));
            String config = Files.readString(bundled.resolve("config.json"))
                    .replaceFirst("\"max_position_embeddings\": \\d+", "\"max_position_embeddings\": " + CONTEXT);
            Files.writeString(folder.resolve("config.json"), config);
            for (String file : new String[] {"tokenizer.json", "tokenizer_config.json"}) {
                Files.copy(bundled.resolve(file), folder.resolve(file), StandardCopyOption.REPLACE_EXISTING);
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
