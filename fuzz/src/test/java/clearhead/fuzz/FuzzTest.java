package clearhead.fuzz;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/// Runs Jazzer on every reader, each in a process of its own, for `-Dclearhead.fuzz.seconds=` each (5
/// where it is not given; `-Dclearhead.fuzz.reader=` chooses one). What it finds lies in
/// `target/fuzz/READER/crash-…`.
final class FuzzTest {
    private static final int SECONDS = Integer.getInteger("clearhead.fuzz.seconds", 5);
    private static final String ONLY = System.getProperty("clearhead.fuzz.reader", "");
    private static final long MOST_BYTES = 4096;

    @TempDir
    private Path scratch;

    @ParameterizedTest
    @EnumSource
    void nothingButARefusal(Reader reader) throws IOException, InterruptedException {
        assumeTrue(ONLY.isEmpty() || ONLY.equalsIgnoreCase(reader.name()));
        Path found =
                Files.createDirectories(Path.of("target/fuzz", reader.name().toLowerCase(Locale.ROOT)));
        Path corpus = Files.createDirectories(scratch.resolve("corpus"));
        Seeds.write(reader, corpus);
        List<String> command = new ArrayList<>(List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-Xmx1g",
                "-XX:+EnableDynamicAgentLoading",
                "--sun-misc-unsafe-memory-access=allow",
                "--enable-native-access=ALL-UNNAMED",
                "--add-modules",
                "jdk.incubator.vector",
                "-cp",
                System.getProperty("surefire.test.class.path", System.getProperty("java.class.path")),
                "com.code_intelligence.jazzer.Jazzer",
                "--target_class=" + Target.class.getName(),
                "--target_args=" + reader + " " + scratch,
                "--instrumentation_includes=clearhead.**",
                "--disabled_hooks=com.code_intelligence.jazzer.sanitizers.*",
                "--reproducer_path=" + found,
                "-artifact_prefix=" + found + "/",
                "-timeout=120",
                "-max_len=" + MOST_BYTES,
                "-max_total_time=" + SECONDS,
                "-print_final_stats=1",
                corpus.toString()));
        Path log = found.resolve("log.txt");
        Process process = new ProcessBuilder(command)
                .redirectErrorStream(true)
                .redirectOutput(log.toFile())
                .start();
        int code;
        try {
            code = process.waitFor();
        } finally {
            process.destroyForcibly();
        }
        List<String> lines = Files.readAllLines(log);
        lines.stream()
                .filter(line -> line.startsWith("stat::number_of_executed_units") || line.startsWith("Done "))
                .forEach(line -> System.out.println(reader + ": " + line));
        assertEquals(0, code, () -> reader + ": " + interesting(lines) + "; see " + log.toAbsolutePath());
    }

    private static String interesting(List<String> lines) {
        return lines.stream()
                .filter(line ->
                        line.contains("Java Exception") || line.contains("ERROR") || line.contains("at clearhead"))
                .limit(8)
                .toList()
                .toString();
    }
}
