package clearhead.bench;

import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtLoggingLevel;
import ai.onnxruntime.OrtSession;
import clearhead.measure.AttentionWork;
import clearhead.measure.Times;
import clearhead.tensor.Tensor;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.function.LongSupplier;

/// ONNX Runtime in this process: a session with one Attention node. Its threads stop spinning when a
/// run has ended.
final class OnnxAttention implements Peer {
    private final OrtEnvironment environment = OrtEnvironment.getEnvironment(OrtLoggingLevel.ORT_LOGGING_LEVEL_ERROR);
    private final LongSupplier clock;
    private Optional<Taken> taken = Optional.empty();

    /// A session and what it reads.
    private record Taken(AttentionWork work, Arena arena, OrtSession session, Map<String, OnnxTensor> inputs) {
        void run() {
            try (var ignored = session.run(inputs)) {
                // Only the time matters.
            } catch (OrtException e) {
                throw new IllegalStateException(e);
            }
        }

        void close() throws OrtException {
            inputs.values().forEach(OnnxTensor::close);
            session.close();
            arena.close();
        }
    }

    /// @param clock nanoseconds
    OnnxAttention(LongSupplier clock) {
        this.clock = clock;
    }

    @Override
    public String name() {
        return "ONNX Runtime";
    }

    @Override
    public String description() {
        return "ONNX Runtime " + environment.getVersion() + ", Attention of opset 23";
    }

    /// It keeps the scores of all heads, so the memory there is decides.
    @Override
    public String obstacle(AttentionWork work) {
        if (work.backward()) {
            return "has no gradients";
        }
        if (!work.isPlain()) {
            return "not asked";
        }
        double scores = 4.0 * work.batch() * work.spec().heads() * work.queries() * work.keys();
        double available = available();
        return 2.5 * scores > available
                ? String.format(
                        Locale.ROOT,
                        "wants about %.1f GiB, %.1f are free",
                        2.5 * scores / (1 << 30),
                        available / (1 << 30))
                : "";
    }

    /// Bytes that new programs may use; a guess of 8 GiB where the system does not say.
    private static double available() {
        try {
            for (String line : Files.readAllLines(Path.of("/proc/meminfo"))) {
                if (line.startsWith("MemAvailable:")) {
                    return 1024.0 * Long.parseLong(line.replaceAll("\\D", ""));
                }
            }
        } catch (IOException e) {
            // Not Linux.
        }
        return 8.0 * (1 << 30);
    }

    @Override
    @SuppressWarnings("MustBeClosed") // until release()
    public void take(AttentionWork work, AttentionWork.Inputs from, int threads) throws IOException {
        release();
        var arena = Arena.ofShared();
        try (var options = new OrtSession.SessionOptions()) {
            options.setIntraOpNumThreads(threads);
            options.setInterOpNumThreads(1);
            options.addConfigEntry("session.force_spinning_stop", "1");
            OrtSession session = environment.createSession(OnnxModel.attention(work), options);
            var inputs = new HashMap<String, OnnxTensor>();
            inputs.put("Q", headsFirst(arena, from.query(), work.batch()));
            inputs.put("K", headsFirst(arena, from.key(), work.batch()));
            inputs.put("V", headsFirst(arena, from.value(), work.batch()));
            taken = Optional.of(new Taken(work, arena, session, inputs));
        } catch (OrtException e) {
            arena.close();
            throw new IOException("ONNX Runtime: " + e.getMessage(), e);
        }
    }

    /// [batch·tokens, heads, headDim] as [batch, heads, tokens, headDim].
    private OnnxTensor headsFirst(Arena arena, Tensor from, int batch) throws OrtException {
        int heads = from.dim(1);
        int tokens = from.dim(0) / batch;
        long row = from.dim(2) * 4L;
        MemorySegment to = arena.allocate(from.data().byteSize(), 64);
        for (int b = 0; b < batch; b++) {
            for (int t = 0; t < tokens; t++) {
                for (int h = 0; h < heads; h++) {
                    long source = (((long) b * tokens + t) * heads + h) * row;
                    MemorySegment.copy(from.data(), source, to, (((long) b * heads + h) * tokens + t) * row, row);
                }
            }
        }
        var buffer = to.asByteBuffer().order(ByteOrder.nativeOrder()).asFloatBuffer();
        return OnnxTensor.createTensor(environment, buffer, new long[] {batch, heads, tokens, from.dim(2)});
    }

    @Override
    public float[] output() throws IOException {
        Taken now = taken.orElseThrow();
        var spec = now.work.spec();
        int tokens = now.work.queries();
        int dim = spec.headDim();
        try (var result = now.session.run(now.inputs)) {
            MemorySegment y = MemorySegment.ofBuffer(((OnnxTensor) result.get(0)).getFloatBuffer());
            float[] output = new float[now.work.batch() * tokens * spec.heads() * dim];
            for (int row = 0; row < output.length / dim; row++) {
                int head = row % spec.heads();
                int token = row / spec.heads() % tokens;
                int batch = row / spec.heads() / tokens;
                long from = (((long) batch * spec.heads() + head) * tokens + token) * dim * 4;
                MemorySegment.copy(y, ValueLayout.JAVA_FLOAT_UNALIGNED, from, output, row * dim, dim);
            }
            return output;
        } catch (OrtException e) {
            throw new IOException("ONNX Runtime: " + e.getMessage(), e);
        }
    }

    @Override
    public double fastest(double seconds) {
        Taken now = taken.orElseThrow();
        return Times.of(now::run, seconds, 1, clock).fastest();
    }

    @Override
    public void close() {
        release();
    }

    @Override
    public void release() {
        taken.ifPresent(t -> {
            try {
                t.close();
            } catch (OrtException e) {
                throw new IllegalStateException(e);
            }
        });
        taken = Optional.empty();
    }
}
