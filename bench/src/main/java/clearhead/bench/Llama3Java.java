package clearhead.bench;

import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.spi.ToolProvider;

/// mukel's llama3.java, a process for each round, which loads the model anew and says its own speeds
/// for a prompt of about as many tokens.
final class Llama3Java implements Speaker {
    private static final Pattern SPEEDS =
            Pattern.compile("prompt: ([0-9.]+) tokens/s \\(\\d+\\) generation: ([0-9.]+) tokens/s \\((\\d+)\\)");

    private final Path program;
    private final List<String> start;
    private final Path file;
    private final int threads;
    private final int bits;

    /// @param program its `Llama3.java`, or a jar of it
    /// @param classes where its classes go
    /// @param bits of the vectors that it may use
    Llama3Java(Path program, Path classes, Path file, int threads, int bits) throws IOException {
        if (!Files.exists(program)) {
            throw new IOException(program + " is not there");
        }
        this.program = program;
        boolean source = program.toString().endsWith(".java");
        if (source) {
            compile(program, classes);
        }
        start = source ? List.of("-cp", classes.toString(), "com.llama4j.Llama3") : List.of("-jar", program.toString());
        this.file = file;
        this.threads = threads;
        this.bits = bits;
        // says now whether it can read the file
        round(8, 2);
    }

    private static void compile(Path program, Path classes) throws IOException {
        var said = new StringWriter();
        var words = new PrintWriter(said);
        int status = ToolProvider.findFirst("javac")
                .orElseThrow(() -> new IOException("this Java has no compiler"))
                .run(
                        words,
                        words,
                        "--enable-preview",
                        "--release",
                        Integer.toString(Runtime.version().feature()),
                        "--add-modules",
                        "jdk.incubator.vector",
                        "-nowarn",
                        "-d",
                        classes.toString(),
                        program.toString());
        if (status != 0) {
            throw new IOException(program + " cannot be compiled: "
                    + said.toString().lines().findFirst().orElse(""));
        }
    }

    @Override
    public String name() {
        return "llama3.java";
    }

    @Override
    public String description() {
        return program.getFileName() + ", " + threads + " threads";
    }

    @Override
    public Speed round(int prompt, int tokens) throws IOException {
        var command = new ArrayList<>(List.of(
                ProcessHandle.current().info().command().orElse("java"),
                "--enable-preview",
                "--add-modules",
                "jdk.incubator.vector",
                "-Djdk.incubator.vector.VECTOR_ACCESS_OOB_CHECK=0",
                "-Dllama.PreferredVectorBitSize=" + Math.min(bits, 512),
                // the caller works as well
                "-Djava.util.concurrent.ForkJoinPool.common.parallelism=" + Math.max(1, threads - 1)));
        if (bits == 256) {
            command.add("-XX:UseAVX=2");
        }
        command.addAll(start);
        command.addAll(List.of(
                "--model",
                file.toString(),
                "--prompt",
                RandomLlama.text(prompt),
                "--temperature",
                "0",
                "--max-tokens",
                Integer.toString(prompt + 24 + tokens),
                "--stream",
                "false"));
        Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
        String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        int status = Processes.await(process);
        Matcher speeds = SPEEDS.matcher(said);
        if (status != 0 || !speeds.find()) {
            throw new IOException(said.lines()
                    .filter(line -> line.contains("Exception") || line.contains("rror"))
                    .findFirst()
                    .orElse("it says no speeds"));
        }
        return new Speed(Double.parseDouble(speeds.group(1)), Double.parseDouble(speeds.group(2)));
    }

    @Override
    public void close() {}
}
