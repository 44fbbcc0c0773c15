package clearhead.bench;

import clearhead.nn.ForwardPass;
import clearhead.ops.Backend;
import clearhead.ops.Backends;
import clearhead.ops.Cell;
import clearhead.ops.Ops;
import clearhead.ops.Sequences;
import clearhead.tensor.DType;
import clearhead.tensor.Tensor;
import clearhead.tensor.Workspace;
import clearhead.train.AdamW;
import clearhead.train.Parameters;
import clearhead.train.Schedule;
import clearhead.train.Tape;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Random;

/// What attention is famous for: it looks up. Attention, GRU, LSTM and RNN of equal size learn associative
/// recall (MQAR: Arora et al. 2023, Zoology, arXiv:2312.04927, section 3.2, in small): a text of pairs, key and
/// value, then each key once more in another order; at each, the value must follow. A state of fixed size holds
/// only so many pairs.
///
/// Usage: `RecallBench [--steps N] [--threads N] [--dim D] [--layers L] [--heads H] [--keys K] [--pairs 2,4,8,16]
/// [--batch B] [--rate R] [--only attention,lstm] [--seed S]`
public final class RecallBench {
    private static final int TESTS = 200;

    private final int layers;
    private final int keys;
    private final int[] pairs;
    private final int steps;
    private final int batch;
    private final double rate;
    private final long seed;

    private RecallBench(LinkedHashMap<String, String> o) {
        layers = Integer.parseInt(o.getOrDefault("--layers", "2"));
        keys = Integer.parseInt(o.getOrDefault("--keys", "16"));
        pairs = Arrays.stream(o.getOrDefault("--pairs", "2,4,8,16").split(","))
                .mapToInt(Integer::parseInt)
                .toArray();
        if (Arrays.stream(pairs).anyMatch(n -> n < 1 || n > keys)) {
            throw new IllegalArgumentException(
                    "--pairs must be from 1 to --keys, which is " + keys + ", got " + Arrays.toString(pairs));
        }
        steps = Integer.parseInt(o.getOrDefault("--steps", "2000"));
        batch = Integer.parseInt(o.getOrDefault("--batch", "64"));
        rate = Double.parseDouble(o.getOrDefault("--rate", "0.003"));
        seed = Long.parseLong(o.getOrDefault("--seed", "1"));
    }

    public static void main(String[] args) {
        var options = new LinkedHashMap<String, String>();
        for (int i = 0; i + 1 < args.length; i += 2) {
            options.put(args[i], args[i + 1]);
        }
        int threads = Integer.parseInt(options.getOrDefault("--threads", "1"));
        int dim = Integer.parseInt(options.getOrDefault("--dim", "64"));
        int heads = Integer.parseInt(options.getOrDefault("--heads", "2"));
        List<String> only =
                List.of(options.getOrDefault("--only", "attention,gru,lstm,rnn").split(","));
        var bench = new RecallBench(options);
        List<RecallModel.Kind> kinds = List.of(
                RecallModel.Kind.attention(dim, heads),
                RecallModel.Kind.recurrent("gru", Cell.gru(), dim),
                RecallModel.Kind.recurrent("lstm", Cell.lstm(), dim),
                RecallModel.Kind.recurrent("rnn", Cell.rnn(), dim));
        try (Backend backend = Backends.named("vector", threads)) {
            System.out.println(backend.description());
            var rows = new ArrayList<String>();
            for (RecallModel.Kind kind : kinds) {
                if (only.contains(kind.name())) {
                    rows.add(bench.run(backend, kind));
                }
            }
            System.out.print("\n| layers | parameters | width | a layer carries, at "
                    + Arrays.stream(bench.pairs).max().orElseThrow() + " pairs | seconds |");
            for (int n : bench.pairs) {
                System.out.print(" " + n + " pairs |");
            }
            System.out.println("\n|" + "---|".repeat(5 + bench.pairs.length));
            rows.forEach(System.out::println);
        }
    }

    /// Texts to learn from, or to be tested on.
    ///
    /// @param rows of the queries
    /// @param targets what follows each
    private record Texts(int[] ids, Sequences sequences, int[] rows, int[] targets) {}

    /// @param counts [sequences]: pairs of each
    private Texts texts(Random random, int... counts) {
        var starts = new int[counts.length + 1];
        int queries = 0;
        for (int s = 0; s < counts.length; s++) {
            starts[s + 1] = starts[s] + 3 * counts[s];
            queries += counts[s];
        }
        var ids = new int[starts[counts.length]];
        var rows = new int[queries];
        var targets = new int[queries];
        int next = 0;
        for (int s = 0; s < counts.length; s++) {
            int n = counts[s];
            int[] chosen = order(random, keys);
            int[] asked = order(random, n);
            for (int i = 0; i < n; i++) {
                ids[starts[s] + 2 * i] = chosen[i];
                ids[starts[s] + 2 * i + 1] = keys + random.nextInt(keys);
            }
            for (int i = 0; i < n; i++) {
                int row = starts[s] + 2 * n + i;
                ids[row] = chosen[asked[i]];
                rows[next] = row;
                targets[next++] = ids[starts[s] + 2 * asked[i] + 1];
            }
        }
        return new Texts(ids, new Sequences(starts), rows, targets);
    }

    private static int[] order(Random random, int count) {
        var order = new int[count];
        for (int i = 0; i < count; i++) {
            int j = random.nextInt(i + 1);
            order[i] = order[j];
            order[j] = i;
        }
        return order;
    }

    /// Trains and tests one model.
    ///
    /// @return its row of the table
    private String run(Backend backend, RecallModel.Kind kind) {
        int most = Arrays.stream(pairs).max().orElseThrow();
        try (Arena arena = Arena.ofShared();
                var activations = new Workspace();
                var gradients = new Workspace()) {
            var parameters = new Parameters(arena, DType.F32, kind.parameters(2 * keys, layers));
            parameters.start(seed);
            kind.open(parameters, layers);
            RecallModel model = kind.model(parameters, arena, layers, 3 * most);
            Ops ops = backend.ops(activations);
            var tape = new Tape(ops, backend, gradients);
            parameters.watch(tape);
            var optimizer = new AdamW(0.9, 0.98, 1e-8, 0.01, 1);
            var schedule = new Schedule(rate, rate / 20, steps / 20, steps);
            var random = new Random(seed);
            long begun = System.nanoTime();
            double loss = 0;
            for (int step = 0; step < steps; step++) {
                int[] counts =
                        random.ints(batch, 0, pairs.length).map(i -> pairs[i]).toArray();
                loss += learn(tape, activations, model, texts(random, counts));
                optimizer.step(backend.updates(), parameters, step + 1, schedule.at(step));
                int every = Math.max(1, steps / 8);
                if ((step + 1) % every == 0) {
                    System.out.printf(
                            Locale.ROOT,
                            "%s: step %d, loss %.4f, right %s, %.0f s%n",
                            kind.name(),
                            step + 1,
                            loss / every,
                            Arrays.toString(right(ops, activations, model)),
                            (System.nanoTime() - begun) * 1e-9);
                    loss = 0;
                }
            }
            double seconds = (System.nanoTime() - begun) * 1e-9;
            var row = new StringBuilder("| %s | %,d | %d | %,d | %.0f |"
                    .formatted(kind.name(), parameters.count(), kind.hidden(), kind.carried(3 * most), seconds));
            for (double percent : right(ops, activations, model)) {
                row.append(String.format(Locale.ROOT, " %.1f |", percent));
            }
            return row.toString();
        }
    }

    private static double learn(Tape tape, Workspace workspace, RecallModel model, Texts texts) {
        tape.reset();
        Tensor logits = model.forward(ForwardPass.of(tape, texts.ids, texts.sequences), ints(workspace, texts.rows));
        Tensor losses = tape.crossEntropy(logits, ints(workspace, texts.targets));
        Tensor weights = workspace.take(DType.F32, losses.shape());
        double sum = 0;
        for (int i = 0; i < texts.rows.length; i++) {
            weights.set(i, 1.0 / texts.rows.length);
            sum += losses.at(i);
        }
        tape.backward(losses, weights);
        return sum / texts.rows.length;
    }

    private static Tensor ints(Workspace workspace, int[] values) {
        Tensor t = workspace.take(DType.I32, values.length);
        for (int i = 0; i < values.length; i++) {
            t.set(i, values[i]);
        }
        return t;
    }

    /// Percent of the queries answered rightly, for each number of pairs, in texts never seen.
    private double[] right(Ops ops, Workspace workspace, RecallModel model) {
        var percent = new double[pairs.length];
        for (int p = 0; p < pairs.length; p++) {
            var counts = new int[TESTS];
            Arrays.fill(counts, pairs[p]);
            workspace.reset();
            Texts texts = texts(new Random(1000 + pairs[p]), counts);
            float[] logits = model.forward(ForwardPass.of(ops, texts.ids, texts.sequences), ints(workspace, texts.rows))
                    .toFloats();
            int vocab = 2 * keys;
            int right = 0;
            for (int q = 0; q < texts.targets.length; q++) {
                int best = 0;
                for (int v = 1; v < vocab; v++) {
                    best = logits[q * vocab + v] > logits[q * vocab + best] ? v : best;
                }
                right += best == texts.targets[q] ? 1 : 0;
            }
            percent[p] = Math.round(1000.0 * right / texts.targets.length) / 10.0;
        }
        return percent;
    }
}
