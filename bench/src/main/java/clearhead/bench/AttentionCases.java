package clearhead.bench;

import clearhead.measure.AttentionWork;
import clearhead.ops.AttentionSpec;
import clearhead.ops.Bias;
import clearhead.ops.Mask;
import clearhead.ops.score.BlockMask;
import clearhead.ops.score.MaskMod;
import clearhead.ops.score.ScoreMod;
import clearhead.ops.score.Table;
import clearhead.tensor.Tensor;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/// What AttentionBench times, in groups.
final class AttentionCases {
    /// Groups in the order in which they run; `train` only when asked for.
    static final List<String> GROUPS = List.of("forward", "both", "decode", "extras", "lambda");

    private static final int HEADS = 16;
    private static final double CAP = 50;

    /// The query and the 511 keys before it.
    private static final Mask.Window WINDOW = new Mask.Window(511, 0);

    /// One attention.
    ///
    /// @param group `forward`: the grid of lengths; `both`: forward and backward; `decode`: one query
    ///     and a long cache; `extras`: with windows, caps, biases and sinks, against plain causal attention;
    ///     `lambda`: a score or mask function of a user's, against the built-in; `train`: batches of short
    ///     sequences
    /// @param other what of our own it is compared with
    record Case(String group, String name, AttentionWork work, Optional<Other> other) {
        Case(String group, String name, AttentionWork work) {
            this(group, name, work, Optional.empty());
        }

        boolean causal() {
            return work.spec().mask() instanceof Mask.Causal;
        }

        int headDim() {
            return work.spec().headDim();
        }
    }

    /// Another way of our own.
    ///
    /// @param same whether it gives the same output
    record Other(String name, AttentionWork work, boolean same) {}

    private AttentionCases() {}

    static List<Case> of(String group, List<Integer> lengths, List<Integer> dims) {
        return switch (group) {
            case "forward" -> square(group, lengths, dims, false);
            case "both" -> square(group, List.of(2048), dims, true);
            case "decode" ->
                List.of(
                        decode("T 32768  D128 heads 32/4", 32, 4, 32768, 128),
                        decode("T  8192  D64  heads 8/8", 8, 8, 8192, 64));
            case "extras" -> extras(dims);
            case "lambda" -> lambdas(dims);
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
                    AttentionSpec spec = spec(HEADS, HEADS, dim, mask);
                    var work = new AttentionWork(1, spec, tokens, tokens, backward);
                    cases.add(new Case(group, name(tokens, spec, kind), work));
                }
            }
        }
        return cases;
    }

    private static Case decode(String name, int heads, int kvHeads, int context, int dim) {
        return new Case(
                "decode", name, new AttentionWork(1, spec(heads, kvHeads, dim, Mask.CAUSAL), 1, context, false));
    }

    private static List<Case> extras(List<Integer> dims) {
        var cases = new ArrayList<Case>();
        for (int dim : dims) {
            AttentionSpec causal = spec(HEADS, HEADS, dim, Mask.CAUSAL);
            Tensor sinks = Tensor.of(Arena.ofAuto(), new float[HEADS], HEADS);
            cases.add(extra("soft-cap 50", 2048, causal.withSoftCap(CAP), causal));
            cases.add(extra("ALiBi", 2048, causal.withBias(Bias.Alibi.of(HEADS)), causal));
            cases.add(extra("sinks", 2048, causal.withSinks(sinks), causal));
            cases.add(extra("window 512", 4096, causal.withMask(WINDOW), causal));
        }
        return cases;
    }

    private static Case extra(String name, int tokens, AttentionSpec with, AttentionSpec without) {
        var other = new Other("plain causal", square(tokens, without), false);
        return new Case("extras", name(tokens, with, name), square(tokens, with), Optional.of(other));
    }

    private static List<Case> lambdas(List<Integer> dims) {
        var cases = new ArrayList<Case>();
        var alibi = Bias.Alibi.of(HEADS);
        float[] slopes = new float[HEADS];
        for (int h = 0; h < HEADS; h++) {
            slopes[h] = (float) alibi.slopes()[h];
        }
        Table table = Table.of(Tensor.of(Arena.ofAuto(), slopes, HEADS));
        ScoreMod alibiMod = (score, batch, head, query, key) ->
                score.minus(table.at(head).times(query.minus(key).abs()));
        ScoreMod capMod =
                (score, batch, head, query, key) -> score.over(CAP).tanh().times(CAP);
        MaskMod windowMod = (batch, head, query, key) -> key <= query && key >= query - WINDOW.left();
        for (int dim : dims) {
            AttentionSpec causal = spec(HEADS, HEADS, dim, Mask.CAUSAL);
            cases.add(lambda("ALiBi", 2048, causal.withScoreMod(alibiMod), causal.withBias(alibi)));
            cases.add(lambda("soft-cap 50", 2048, causal.withScoreMod(capMod), causal.withSoftCap(CAP)));
            var blocks = new Mask.Blocks(BlockMask.of(windowMod, 4096));
            cases.add(lambda("window 512", 4096, causal.withMask(blocks), causal.withMask(WINDOW)));
        }
        return cases;
    }

    private static Case lambda(String name, int tokens, AttentionSpec own, AttentionSpec builtIn) {
        var other = new Other("built-in", square(tokens, builtIn), true);
        return new Case("lambda", name(tokens, own, name), square(tokens, own), Optional.of(other));
    }

    private static AttentionWork square(int tokens, AttentionSpec spec) {
        return new AttentionWork(1, spec, tokens, tokens, false);
    }

    private static String name(int tokens, AttentionSpec spec, String kind) {
        return String.format(Locale.ROOT, "T %5d  D%-3d %s", tokens, spec.headDim(), kind);
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
