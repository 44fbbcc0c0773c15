package clearhead.bench;

import clearhead.measure.AttentionWork;
import clearhead.ops.AttentionSpec;
import clearhead.ops.Backend;
import clearhead.ops.Backends;
import clearhead.ops.Mask;
import clearhead.tensor.Workspace;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;

/// What 32k tokens need beyond inputs and outputs: what the workspace reserves in small slabs, and by
/// how much the whole process grew at its largest (which counts the threads' own scratch memory, and on
/// the other side whatever else the JVM did meanwhile), where Linux says so.
final class AttentionMemory {
    private static final int TOKENS = 32768;
    private static final long BAR = 64L << 20;
    private static final int SLAB = 1 << 12;

    private AttentionMemory() {}

    static void print(List<Integer> heads) throws IOException {
        System.out.printf(
                Locale.ROOT,
                "Memory beyond inputs and outputs at T %d, causal, 2 threads; bar %.0f MiB%n",
                TOKENS,
                mebibytes(BAR));
        // The compilers' own memory is not attention's. What this thread keeps for tiles is made here, too; it does not
        // grow with the tokens.
        run(new AttentionWork(1, AttentionSpec.causal(1, 1, 64), 8192, 8192, true));
        for (int h : heads) {
            for (int dim : new int[] {64, 128}) {
                for (boolean backward : new boolean[] {false, true}) {
                    print(h, dim, backward);
                }
            }
        }
    }

    /// Bytes.
    ///
    /// @param reserved by the workspace, outputs included
    /// @param grown by the process at its largest, outputs included; 0 where it is not known
    private record Need(long reserved, long grown) {}

    private static Need run(AttentionWork work) throws IOException {
        try (Backend backend = Backends.named("vector", 2);
                var arena = Arena.ofShared();
                var workspace = new Workspace(SLAB, Long.MAX_VALUE)) {
            var pass = work.on(backend, workspace, arena, work.inputs(arena, 1));
            System.gc();
            long before = forgetLargest();
            pass.run();
            long largest = status("VmHWM:");
            return new Need(workspace.reserved(), before == 0 ? 0 : largest - before);
        }
    }

    private static void print(int heads, int dim, boolean backward) throws IOException {
        var spec = new AttentionSpec(heads, heads, dim, 1 / Math.sqrt(dim), Mask.CAUSAL);
        Need need = run(new AttentionWork(1, spec, TOKENS, TOKENS, backward));
        long tensor = 4L * TOKENS * heads * dim;
        // out and lse; with backward the gradients of query, key and value, too.
        long outputs = (backward ? 4 : 1) * tensor + 4L * heads * TOKENS;
        long more = need.reserved - outputs;
        System.out.printf(
                Locale.ROOT,
                "heads %2d D%-3d %-20s inputs %7.1f MiB, outputs %7.1f, workspace beyond %7.1f: %s; process beyond"
                        + " %s%n",
                heads,
                dim,
                backward ? "forward and backward" : "forward",
                mebibytes((backward ? 4 : 3) * tensor),
                mebibytes(outputs),
                mebibytes(more),
                held(more),
                need.grown == 0
                        ? "not known"
                        : String.format(
                                Locale.ROOT, "%.1f: %s", mebibytes(need.grown - outputs), held(need.grown - outputs)));
    }

    private static String held(long bytes) {
        return bytes <= BAR ? "held" : "MISSED";
    }

    /// Makes the process's present size its largest so far.
    ///
    /// @return the present size, or 0 where the system has no such thing
    private static long forgetLargest() {
        try {
            Files.writeString(Path.of("/proc/self/clear_refs"), "5", StandardCharsets.UTF_8);
            return status("VmRSS:");
        } catch (IOException e) {
            return 0;
        }
    }

    /// Bytes of a line of /proc/self/status.
    private static long status(String name) throws IOException {
        Path file = Path.of("/proc/self/status");
        if (!Files.isReadable(file)) {
            return 0;
        }
        for (String line : Files.readAllLines(file)) {
            if (line.startsWith(name)) {
                return 1024 * Long.parseLong(line.replaceAll("\\D", ""));
            }
        }
        return 0;
    }

    private static double mebibytes(long bytes) {
        return bytes / (double) (1 << 20);
    }
}
