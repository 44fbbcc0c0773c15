package clearhead.bench;

import clearhead.measure.AttentionWork;
import clearhead.ops.AttentionSpec;
import clearhead.ops.Backend;
import clearhead.ops.Backends;
import clearhead.ops.Mask;
import clearhead.tensor.Workspace;
import java.lang.foreign.Arena;
import java.util.Locale;

/// What 32k tokens need beyond inputs and outputs: what the workspace reserves in small slabs, and what
/// the process holds more than before (native scratch memory of threads, which no workspace counts).
final class AttentionMemory {
    private static final int TOKENS = 32768;
    private static final long BAR = 64L << 20;
    private static final int SLAB = 1 << 12;

    private AttentionMemory() {}

    static void print() {
        System.out.printf(
                Locale.ROOT,
                "Memory beyond inputs and outputs at T %d, causal, 2 threads; bar %.0f MiB%n",
                TOKENS,
                mebibytes(BAR));
        for (int dim : new int[] {64, 128}) {
            for (int heads : new int[] {1, 16}) {
                for (boolean backward : new boolean[] {false, true}) {
                    print(heads, dim, backward);
                }
            }
        }
    }

    private static void print(int heads, int dim, boolean backward) {
        var spec = new AttentionSpec(heads, heads, dim, 1 / Math.sqrt(dim), Mask.CAUSAL);
        var work = new AttentionWork(1, spec, TOKENS, TOKENS, backward);
        try (Backend backend = Backends.named("vector", 2);
                var arena = Arena.ofShared();
                var workspace = new Workspace(SLAB, Long.MAX_VALUE)) {
            var inputs = work.inputs(arena, 1);
            work.on(backend, workspace, arena, inputs).run();
            long size = inputs.query().data().byteSize();
            long lse = 4L * heads * TOKENS;
            // out and lse; with backward the gradients of query, key and value, too.
            long outputs = size + lse + (backward ? 3 * size : 0);
            long more = workspace.reserved() - outputs;
            System.out.printf(
                    Locale.ROOT,
                    "D%-3d heads %2d %-20s inputs %7.1f MiB, outputs %7.1f MiB, more %7.1f MiB: %s%n",
                    dim,
                    heads,
                    backward ? "forward and backward" : "forward",
                    mebibytes((backward ? 4 : 3) * size),
                    mebibytes(outputs),
                    mebibytes(more),
                    more <= BAR ? "held" : "MISSED");
        }
    }

    private static double mebibytes(long bytes) {
        return bytes / (double) (1 << 20);
    }
}
