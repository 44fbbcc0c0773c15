package clearhead.app;

import clearhead.measure.AttentionWork;
import clearhead.measure.LinearWork;
import clearhead.measure.Times;
import clearhead.ops.AttentionSpec;
import clearhead.ops.Backend;
import clearhead.ops.Mask;
import clearhead.tensor.DType;
import clearhead.tensor.Tensor;
import clearhead.tensor.Workspace;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.Consumer;

/// Times attention and products on one backend after the other, and the machine's limits between them.
final class Speeds {
    private static final int HEADS = 16;

    /// Seconds of practice before the first figure of a kind: compilers take that long.
    private static final double PRACTICE = 2;

    /// Passes of a figure, at least.
    private static final int LEAST = 3;

    /// Bytes read to measure the rate of reading: several times a large last cache.
    private static final int READ_BYTES = 256 << 20;

    /// How often the rate of reading is measured around a figure of decoding.
    private static final int READINGS = 3;

    /// One thing that was timed.
    ///
    /// @param kind `forward`, `forward and backward`, `decode`, `x·Wᵀ` or `x·Wᵀ, packed`
    /// @param sizes by name
    /// @param seconds of each pass
    /// @param bytes read by one pass if reading bounds it, or 0
    record Figure(
            String kind,
            String name,
            Map<String, Integer> sizes,
            int threads,
            Times seconds,
            double operations,
            double bytes) {
        double gflops() {
            return operations / seconds.median() * 1e-9;
        }

        double gigabytes() {
            return bytes / seconds.median() * 1e-9;
        }
    }

    /// Work that has no threads yet.
    private record Todo(
            String kind, String name, Map<String, Integer> sizes, double operations, double bytes, Placed work) {}

    /// Makes inputs, and gives what is to be timed.
    @FunctionalInterface
    private interface Placed {
        Runnable on(Backend backend, Workspace workspace, Arena arena);
    }

    private final double seconds;
    private final Consumer<String> progress;
    private final List<Figure> figures = new ArrayList<>();
    private final Map<Integer, List<Double>> peaks = new LinkedHashMap<>();
    private final Map<Integer, List<Double>> readings = new LinkedHashMap<>();

    /// @param seconds of each figure, about
    /// @param progress is told what is being timed
    Speeds(double seconds, Consumer<String> progress) {
        this.seconds = seconds;
        this.progress = progress;
    }

    List<Figure> figures() {
        return figures;
    }

    /// Operations a second of every measurement, by threads; the highest is the peak.
    Map<Integer, List<Double>> peaks() {
        return peaks;
    }

    /// Bytes a second of every measurement, by threads; none without figures that reading bounds.
    Map<Integer, List<Double>> readings() {
        return readings;
    }

    double ofPeak(Figure figure) {
        return figure.gflops() * 1e9 / highest(peaks, figure.threads);
    }

    /// Of the highest rate of reading; 0 where that is no bound.
    double ofReading(Figure figure) {
        return figure.bytes == 0 ? 0 : figure.gigabytes() * 1e9 / highest(readings, figure.threads);
    }

    private static double highest(Map<Integer, List<Double>> samples, int threads) {
        return samples.getOrDefault(threads, List.of()).stream()
                .mapToDouble(x -> x)
                .max()
                .orElse(Double.NaN);
    }

    /// @param lengths tokens of the square shapes
    void attention(Backend backend, int threads, List<Integer> lengths) {
        var todo = new ArrayList<Todo>();
        for (int dim : new int[] {64, 128}) {
            for (Mask mask : new Mask[] {Mask.BIDIRECTIONAL, Mask.CAUSAL}) {
                for (int tokens : lengths) {
                    todo.add(square(tokens, dim, mask, false));
                }
            }
        }
        int both =
                lengths.stream().mapToInt(t -> t).filter(t -> t <= 2048).max().orElse(0);
        if (both > 0) {
            for (int dim : new int[] {64, 128}) {
                for (Mask mask : new Mask[] {Mask.BIDIRECTIONAL, Mask.CAUSAL}) {
                    todo.add(square(both, dim, mask, true));
                }
            }
        }
        int context = isScalar(backend) ? 2048 : 32768;
        var decode = new AttentionWork(1, spec(32, 4, 128, Mask.CAUSAL), 1, context, false);
        String name = String.format(Locale.ROOT, "1 query, %5d keys, D 128, heads 32/4", context);
        todo.add(todo("decode", name, decode, decode.cacheBytes()));
        run(backend, threads, todo);
    }

    /// Products x·Wᵀ of the size of a cube, of prompts and of one token.
    void matmul(Backend backend, int threads) {
        var todo = new ArrayList<Todo>();
        int[][] shapes = isScalar(backend)
                ? new int[][] {{128, 128, 128}, {64, 512, 128}, {1, 512, 512}}
                : new int[][] {
                    {1024, 1024, 1024}, {128, 4096, 4096}, {512, 3072, 768}, {512, 768, 3072}, {1, 4096, 4096}
                };
        for (boolean packed : new boolean[] {false, true}) {
            for (int[] shape : shapes) {
                var work = new LinearWork(shape[0], shape[1], shape[2], packed);
                todo.add(new Todo(
                        packed ? "x·Wᵀ, packed" : "x·Wᵀ",
                        String.format(Locale.ROOT, "%4d tokens, %4d outputs, %4d inputs", shape[0], shape[1], shape[2]),
                        sizes("tokens", shape[0], "outputs", shape[1], "inputs", shape[2]),
                        work.operations(),
                        shape[0] == 1 ? work.weightBytes() : 0,
                        work::on));
            }
        }
        run(backend, threads, todo);
    }

    static boolean isScalar(Backend backend) {
        return backend.limits().vectorBits() == Double.SIZE;
    }

    private static AttentionSpec spec(int heads, int kvHeads, int dim, Mask mask) {
        return new AttentionSpec(heads, kvHeads, dim, 1 / Math.sqrt(dim), mask);
    }

    private static Todo square(int tokens, int dim, Mask mask, boolean backward) {
        var work = new AttentionWork(1, spec(HEADS, HEADS, dim, mask), tokens, tokens, backward);
        String kind = mask instanceof Mask.Causal ? "causal" : "full";
        String name = String.format(Locale.ROOT, "%5d tokens, D %3d, %s", tokens, dim, kind);
        return todo(backward ? "forward and backward" : "forward", name, work, 0);
    }

    private static Todo todo(String kind, String name, AttentionWork work, double bytes) {
        var sizes = sizes(
                "queries",
                work.queries(),
                "keys",
                work.keys(),
                "head_dim",
                work.spec().headDim());
        sizes.put("heads", work.spec().heads());
        sizes.put("kv_heads", work.spec().kvHeads());
        return new Todo(kind, name, sizes, work.operations(), bytes, (backend, workspace, arena) -> {
            var pass = work.on(backend, workspace, arena, work.inputs(arena, 1));
            return pass::run;
        });
    }

    private static Map<String, Integer> sizes(String a, int x, String b, int y, String c, int z) {
        var sizes = new LinkedHashMap<String, Integer>();
        sizes.put(a, x);
        sizes.put(b, y);
        sizes.put(c, z);
        return sizes;
    }

    private void run(Backend backend, int threads, List<Todo> todo) {
        String practised = "";
        for (Todo t : todo) {
            progress.accept(t.kind + ", " + t.name + ", " + threads + (threads == 1 ? " thread" : " threads"));
            try (var arena = Arena.ofShared();
                    var workspace = new Workspace()) {
                Runnable work = t.work.on(backend, workspace, arena);
                // Before the practice: the first task of another kind on the same threads undoes compiled code.
                sample(peaks, threads, backend.limits().operations());
                if (t.bytes > 0) {
                    Tensor memory = Tensor.zeros(arena, DType.F32, READ_BYTES / Float.BYTES);
                    for (int i = 0; i < READINGS; i++) {
                        sample(readings, threads, backend.limits().reading(memory));
                    }
                }
                double practice = practised.equals(t.kind) ? seconds / 2 : Math.min(PRACTICE, 8 * seconds);
                Times.of(work, practice, 1);
                practised = t.kind;
                Times times = Times.of(work, seconds, LEAST);
                figures.add(new Figure(t.kind, t.name, t.sizes, threads, times, t.operations, t.bytes));
            }
        }
    }

    private static void sample(Map<Integer, List<Double>> samples, int threads, double value) {
        samples.computeIfAbsent(threads, n -> new ArrayList<>()).add(value);
    }
}
