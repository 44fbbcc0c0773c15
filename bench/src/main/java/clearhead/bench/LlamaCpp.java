package clearhead.bench;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.OutputStreamWriter;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/// llama.cpp as npm's `node-llama-cpp` ships it, compiled for this kind of processor, by
/// `bench/peers/llama_cpp.mjs` as a process beside.
final class LlamaCpp implements Speaker {
    static final String VERSION = "3.22.1";

    private final Process process;
    private final PrintWriter out;
    private final BufferedReader in;
    private final String description;

    /// @param packages where [#install] put it
    /// @param bits of the vectors that it may use: with 256 its AVX-512 code is taken away
    /// @param cpu whether processor time is counted
    LlamaCpp(Path packages, Path file, int threads, int positions, int bits, boolean cpu) throws IOException {
        var builder = new ProcessBuilder(
                        "node",
                        Path.of("bench/peers/llama_cpp.mjs").toAbsolutePath().toString(),
                        packages.resolve("node_modules").toAbsolutePath().toString(),
                        file.toAbsolutePath().toString(),
                        Integer.toString(threads),
                        Integer.toString(positions),
                        Integer.toString(bits),
                        cpu ? "cpu" : "wall")
                .redirectError(ProcessBuilder.Redirect.INHERIT);
        process = builder.start();
        out = new PrintWriter(new OutputStreamWriter(process.getOutputStream(), StandardCharsets.UTF_8), true);
        in = new BufferedReader(new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8));
        description = answer();
    }

    /// Installs the packages by npm where they are not there yet.
    static void install(Path packages) throws IOException {
        if (Files.exists(packages.resolve("node_modules/@node-llama-cpp/linux-x64/package.json"))) {
            return;
        }
        Files.createDirectories(packages);
        Files.writeString(packages.resolve("package.json"), "{\"name\":\"peers\",\"private\":true}");
        int status = Processes.run(
                packages,
                List.of(
                        "npm",
                        "install",
                        "--ignore-scripts",
                        "--omit=optional",
                        "--no-audit",
                        "--no-fund",
                        "--silent",
                        "node-llama-cpp@" + VERSION,
                        "@node-llama-cpp/linux-x64@" + VERSION));
        if (status != 0) {
            throw new IOException("npm cannot install node-llama-cpp " + VERSION);
        }
    }

    private String answer() throws IOException {
        String line = in.readLine();
        if (line == null) {
            throw new IOException("llama.cpp ended");
        }
        return line;
    }

    @Override
    public String name() {
        return "llama.cpp";
    }

    @Override
    public String description() {
        return description;
    }

    @Override
    public Speed round(int prompt, int tokens) throws IOException {
        out.println(prompt + " " + tokens);
        String[] speeds = answer().split(" ");
        return new Speed(Double.parseDouble(speeds[0]), Double.parseDouble(speeds[1]));
    }

    @Override
    public void close() {
        out.close();
        process.destroy();
    }
}
