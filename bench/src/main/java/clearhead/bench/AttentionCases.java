package clearhead.bench;

import clearhead.measure.AttentionWork;
import clearhead.ops.AttentionSpec;
import clearhead.ops.Mask;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/// What AttentionBench times, in groups.
final class AttentionCases {
    /// Groups in the order in which they run; `train` only when asked for.
    static final List<String> GROUPS = List.of("forward", "both", "decode");

    private static final int HEADS = 16;

    /// One attention.
    ///
    /// @param group `forward`: the grid of lengths; `both`: forward and backward; `decode`: one query
    ///     and a long cache; `train`: batches of short sequences
    record Case(String group, String name, AttentionWork work) {
        boolean causal() {
            return work.spec().mask() instanceof Mask.Causal;
        }

        int headDim() {
            return work.spec().headDim();
        }
    }

    private AttentionCases() {}

    static List<Case> of(String group, List<Integer> lengths, List<Integer> dims) {
        return switch (group) {
            case "forward" -> square(group, lengths, dims, false);
            case "both" -> square(group, List.of(2048), dims, true);
            case "decode" ->
                List.of(
                        decode("T 32768  D128 heads 32/4", 32, 4, 32768, 128),
                        decode("T  8192  D64  heads 8/8", 8, 8, 8192, 64));
            case "train" -> train();
            default -> throw new IllegalArgumentException("no group " + group + "; there are " + GROUPS + ", train");
        };
    }

    private static List<Case> square(String group, List<Integer> lengths, List<Integer> dims, boolean backward) {
        var cases = new ArrayList<Case>();
        for (int dim : dims) {
            for (Mask mask : new Mask[] {Mask.BIDIRECTIONAL, Mask.CAUSAL}) {
                for (int tokens : lengths) {
                    String kind = mask instanceof Mask.Causal ? "causal" : "full";
                    String name = String.format(Locale.ROOT, "T %5d  D%-3d %s", tokens, dim, kind);
                    var work = new AttentionWork(1, spec(HEADS, HEADS, dim, mask), tokens, tokens, backward);
                    cases.add(new Case(group, name, work));
                }
            }
        }
        return cases;
    }

    private static Case decode(String name, int heads, int kvHeads, int context, int dim) {
        return new Case(
                "decode", name, new AttentionWork(1, spec(heads, kvHeads, dim, Mask.CAUSAL), 1, context, false));
    }

    private static List<Case> train() {
        var cases = new ArrayList<Case>();
        for (boolean backward : new boolean[] {false, true}) {
            String what = backward ? "both" : "forward";
            cases.add(batch("64 x 12  D32 heads 4/4 " + what, 12, 64, 4, 4, backward));
            cases.add(batch("256 x 16 D32 heads 8/8 " + what, 16, 256, 8, 8, backward));
            cases.add(batch("256 x 16 D32 heads 8/4 " + what, 16, 256, 8, 4, backward));
        }
        return cases;
    }

    private static Case batch(String name, int batch, int tokens, int heads, int kvHeads, boolean backward) {
        var spec = spec(heads, kvHeads, 32, Mask.CAUSAL);
        return new Case("train", name, new AttentionWork(batch, spec, tokens, tokens, backward));
    }

    private static AttentionSpec spec(int heads, int kvHeads, int dim, Mask mask) {
        return new AttentionSpec(heads, kvHeads, dim, 1 / Math.sqrt(dim), mask);
    }
}
