package clearhead.bench;

import clearhead.ops.Arithmetic;
import clearhead.tensor.DType;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.LongSupplier;
import jdk.incubator.vector.FloatVector;

/// Tokens a second of a random model in the shape of Llama 3.2 1B (1.24 billion weights), prefill and
/// decode, ours and in turns that of other programs, end to end.
///
/// ```
/// bench/run ModelBench --types F16,Q8_0,Q4_0 --rounds 5
/// bench/run --avx2 ModelBench --types F16,Q8_0,Q4_0 --rounds 5 --llama3java Llama3.java
/// ```
///
/// Files are made in `--cache` (some gigabytes; default a folder of the system's for temporary files)
/// and deleted after each type unless `--keep`.
public final class ModelBench {
    private static final String USAGE = """
        bench/run [--avx2] ModelBench [OPTION]...
          --types T,T      types of the weights (F16,Q8_0)
          --rounds N       rounds, each program once in each (3); medians are printed
          --threads N      threads of every program (2)
          --prompt N       tokens of the prompt (256)
          --tokens N       tokens made after the first (32)
          --peers P,P      llama.cpp,llama3.java (all that can run); none for ours alone
          --llama3java F   llama3.java: its Llama3.java or jar
          --cache FOLDER   where files and npm packages go (clearhead-bench among temporary files)
          --keep           leaves the model files there
          --make           only makes the files
        """;

    private ModelBench() {}

    public static void main(String[] arguments) throws IOException {
        var options = new Options(arguments);
        if (options.has("--help")) {
            System.out.print(USAGE);
            return;
        }
        Path cache = Path.of(options.word("--cache")
                .orElse(Path.of(System.getProperty("java.io.tmpdir"), "clearhead-bench")
                        .toString()));
        Files.createDirectories(cache);
        for (String type : options.words("--types", List.of("F16", "Q8_0"))) {
            Path file = file(cache, DType.valueOf(type));
            if (!options.has("--make")) {
                compare(options, cache, file, type);
                if (!options.has("--keep")) {
                    Files.delete(file);
                }
            }
        }
    }

    private static Path file(Path cache, DType type) throws IOException {
        Path file = cache.resolve("random-1.24B-" + type + ".gguf");
        if (!Files.exists(file)) {
            long free = Files.getFileStore(cache).getUsableSpace();
            if (free < RandomLlama.bytes(type)) {
                throw new IOException(cache + " has " + free + " bytes free, the file needs " + RandomLlama.bytes(type)
                        + "; name another folder with --cache");
            }
            RandomLlama.write(file, type);
        }
        return file;
    }

    private static void compare(Options options, Path cache, Path file, String type) throws IOException {
        int rounds = (int) options.number("--rounds", 3);
        boolean cpu = options.has("--cpu");
        var arithmetic = Arithmetic.of(options.word("--arithmetic").orElse("fast"));
        int threads = cpu ? 1 : (int) options.number("--threads", 2);
        int prompt = (int) options.number("--prompt", 256);
        int tokens = (int) options.number("--tokens", 32);
        List<String> peers = options.words("--peers", List.of("llama.cpp", "llama3.java"));
        int bits = FloatVector.SPECIES_PREFERRED.vectorBitSize();
        int positions = prompt + tokens + 64;
        System.out.printf(
                Locale.ROOT,
                "%s, %.2f GB, prompt of %d tokens, %d made, %d threads%s%n",
                type,
                Files.size(file) * 1e-9,
                prompt,
                tokens,
                threads,
                cpu ? ", processor time" : "");
        var speakers = new ArrayList<Speaker>();
        try {
            add(speakers, "Clearhead", () -> new OurSpeaker(file, threads, arithmetic, positions, clock(cpu)));
            if (peers.contains("llama.cpp")) {
                add(speakers, "llama.cpp", () -> {
                    Path packages = cache.resolve("npm");
                    LlamaCpp.install(packages);
                    return new LlamaCpp(packages, file, threads, positions, bits, cpu);
                });
            }
            if (peers.contains("llama3.java") && !cpu) {
                add(
                        speakers,
                        "llama3.java",
                        () -> new Llama3Java(
                                Path.of(options.word("--llama3java")
                                        .orElseThrow(() -> new IOException("name its Llama3.java with --llama3java"))),
                                cache.resolve("llama3java"),
                                file,
                                threads,
                                bits));
            }
            measure(speakers, rounds, prompt, tokens);
        } finally {
            speakers.forEach(Speaker::close);
        }
    }

    private static LongSupplier clock(boolean cpu) {
        return cpu ? ManagementFactory.getThreadMXBean()::getCurrentThreadCpuTime : System::nanoTime;
    }

    private interface Start {
        Speaker speaker() throws IOException;
    }

    /// One that cannot run says why in a line.
    private static void add(List<Speaker> speakers, String name, Start start) {
        try {
            Speaker speaker = start.speaker();
            System.out.println("  " + name + ": " + speaker.description());
            speakers.add(speaker);
        } catch (IOException | RuntimeException e) {
            System.out.println("  " + name + " takes no part: " + e.getMessage());
        }
    }

    private static void measure(List<Speaker> speakers, int rounds, int prompt, int tokens) throws IOException {
        Map<String, List<Speaker.Speed>> speeds = new LinkedHashMap<>();
        for (int round = -1; round < rounds; round++) {
            for (Speaker speaker : speakers) {
                Speaker.Speed speed = speaker.round(prompt, round < 0 ? Math.min(tokens, 16) : tokens);
                // the first is practice
                if (round >= 0) {
                    speeds.computeIfAbsent(speaker.name(), _ -> new ArrayList<>())
                            .add(speed);
                }
            }
        }
        List<Speaker.Speed> ours = speeds.values().iterator().next();
        speeds.forEach((name, all) -> System.out.printf(
                Locale.ROOT,
                "  %-12s prefill %7.1f tokens/s (ours / it %5.2f)   decode %6.2f tokens/s (ours / it %5.2f)%n",
                name,
                median(all.stream().mapToDouble(Speaker.Speed::prefill).toArray()),
                ratio(ours, all, true),
                median(all.stream().mapToDouble(Speaker.Speed::decode).toArray()),
                ratio(ours, all, false)));
    }

    /// Median of the rounds' own ratios.
    private static double ratio(List<Speaker.Speed> ours, List<Speaker.Speed> theirs, boolean prefill) {
        var ratios = new double[ours.size()];
        Arrays.setAll(
                ratios,
                r -> prefill
                        ? ours.get(r).prefill() / theirs.get(r).prefill()
                        : ours.get(r).decode() / theirs.get(r).decode());
        return median(ratios);
    }

    private static double median(double[] values) {
        Arrays.sort(values);
        return values[values.length / 2];
    }
}
