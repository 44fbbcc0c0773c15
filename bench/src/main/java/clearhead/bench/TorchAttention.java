package clearhead.bench;

import clearhead.measure.AttentionWork;
import clearhead.ops.Mask;
import clearhead.tensor.Tensor;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.OutputStreamWriter;
import java.io.PrintWriter;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/// PyTorch, by `bench/peers/attention_torch.py` as a process beside. Inputs and outputs go through a
/// temporary file.
final class TorchAttention implements Peer {
    private final Process process;
    private final PrintWriter out;
    private final BufferedReader in;
    private final String description;
    private final Path file;
    private int outputs;

    /// @param python an executable with torch
    /// @param bits of the vectors that it may use: with 256 its AVX-512 kernels are switched off
    /// @param cpu whether processor time is counted
    TorchAttention(String python, int bits, boolean cpu) throws IOException {
        var builder = new ProcessBuilder(python, "bench/peers/attention_torch.py", cpu ? "cpu" : "wall")
                .redirectError(ProcessBuilder.Redirect.INHERIT);
        if (bits == 256) {
            builder.environment().put("ATEN_CPU_CAPABILITY", "avx2");
        }
        process = builder.start();
        out = new PrintWriter(new OutputStreamWriter(process.getOutputStream(), StandardCharsets.UTF_8), true);
        in = new BufferedReader(new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8));
        description = answer();
        file = Files.createTempFile("attention", ".f32");
    }

    @Override
    public String name() {
        return "PyTorch";
    }

    @Override
    public String description() {
        return description;
    }

    @Override
    public String obstacle(AttentionWork work) {
        return work.isPlain() ? "" : "has none such";
    }

    @Override
    public void take(AttentionWork work, AttentionWork.Inputs inputs, int threads) throws IOException {
        try (var channel = FileChannel.open(file, StandardOpenOption.WRITE, StandardOpenOption.TRUNCATE_EXISTING)) {
            for (Tensor t : new Tensor[] {inputs.query(), inputs.key(), inputs.value(), inputs.dOut()}) {
                ByteBuffer bytes = t.data().asByteBuffer();
                while (bytes.hasRemaining()) {
                    channel.write(bytes);
                }
            }
        }
        outputs = Math.toIntExact(inputs.query().size());
        ask("threads", threads);
        var spec = work.spec();
        int causal = spec.mask() instanceof Mask.Causal ? 1 : 0;
        ask(
                "work",
                file,
                work.batch(),
                spec.heads(),
                spec.kvHeads(),
                work.queries(),
                work.keys(),
                spec.headDim(),
                causal,
                work.backward() ? 1 : 0);
    }

    @Override
    public float[] output() throws IOException {
        ask("out", file);
        float[] output = new float[outputs];
        ByteBuffer.wrap(Files.readAllBytes(file))
                .order(ByteOrder.LITTLE_ENDIAN)
                .asFloatBuffer()
                .get(output);
        return output;
    }

    @Override
    public double fastest(double seconds) throws IOException {
        return Double.parseDouble(ask("time", seconds, 1));
    }

    /// The script forgets its tensors when the next come.
    @Override
    public void release() {}

    private String ask(Object... words) throws IOException {
        out.println(Stream.of(words).map(String::valueOf).collect(Collectors.joining("\t")));
        return answer();
    }

    private String answer() throws IOException {
        String line = in.readLine();
        if (line == null) {
            throw new IOException("the PyTorch script has ended; its message is above");
        }
        return line;
    }

    @Override
    public void close() {
        out.close();
        process.destroy();
        try {
            Files.deleteIfExists(file);
        } catch (IOException e) {
            System.err.println("cannot delete " + file + ": " + e.getMessage());
        }
    }
}
