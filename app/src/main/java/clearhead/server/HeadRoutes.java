package clearhead.server;

import clearhead.inspect.AttentionMap;
import clearhead.inspect.AttentionRow;
import clearhead.inspect.Heads;
import clearhead.inspect.Parity;
import clearhead.inspect.Run;
import clearhead.inspect.Units;
import clearhead.ops.Ops;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.CancellationException;
import java.util.function.Function;

/// Rows, columns and tiles of attention.
final class HeadRoutes {
    private static final Parameter OF =
            Parameter.text("of", "Which heads: 2.1, the mean 2.1,2.3 or 2.* or *.*, or rollout:5", 2000);
    private static final Parameter KIND = Parameter.choice(
                    "kind", "Weights, scores before softmax, or weight·‖v·Wo‖", "weights", "scores", "value")
            .or("weights");
    private static final Parameter UNIT = Parameter.choice(
                    "unit", "What rows and columns are", "token", "word", "sentence")
            .or("token");
    private static final Parameter POOL = Parameter.choice("pool", "How cells become one value", "max", "mean")
            .or("max");
    private static final int PARITY_ROWS = 256;

    /// Level from which a tile may take a tenth of a second and more.
    private static final int LONG_LEVEL = 4;

    private HeadRoutes() {}

    static List<Route> routes() {
        return List.of(
                Route.get(
                        "runs/{run}/row",
                        "What one query looks at",
                        List.of(OF, position("query"), KIND, UNIT),
                        "little-endian float32 [units], NaN where masked; as JSON {row, lse, entropy, sentence}, lse"
                                + " and entropy of one head only",
                        HeadRoutes::row),
                Route.get(
                        "runs/{run}/column",
                        "Who looks at one key",
                        List.of(OF, position("key"), KIND, UNIT),
                        "little-endian float32 [units], NaN where masked; as JSON {column}",
                        HeadRoutes::column),
                Route.get(
                        "runs/{run}/tile",
                        "A tile of the pyramid: on level n a value stands for 2ⁿ × 2ⁿ cells",
                        List.of(
                                OF,
                                KIND,
                                UNIT,
                                Parameter.integer("level", "From 0", 0, 22),
                                Parameter.integer("x", "Tile column", 0, 1 << 22),
                                Parameter.integer("y", "Tile row", 0, 1 << 22),
                                POOL),
                        "little-endian float32 [256, 256], NaN where masked or outside",
                        HeadRoutes::tile),
                Route.get(
                        "runs/{run}/thumbnails",
                        "Every head, small: the largest cell of each part",
                        List.of(
                                Parameter.integer("size", "Cells along a side", 8, 128)
                                        .or("48"),
                                Parameter.integer("layer", "One layer only; −1 for all", -1, Integer.MAX_VALUE)
                                        .or("-1")),
                        "little-endian float32 [layers, heads, size, size]; a text of fewer tokens fills the first"
                                + " rows and columns, the rest is NaN. Long texts take a second a head",
                        HeadRoutes::thumbnails),
                Route.get(
                        "runs/{run}/formula",
                        "How the cells are computed",
                        List.of(OF, KIND, UNIT),
                        "{formula, words}",
                        HeadRoutes::formula),
                Route.get(
                        "runs/{run}/parity",
                        "How well rebuilt weights·values meet the run's own",
                        List.of(OF),
                        "{holds, largest_difference, largest_value, relative, tolerance, rows, of}",
                        HeadRoutes::parity));
    }

    private static Parameter position(String name) {
        return Parameter.integer(name, "Position of the " + name + ", in units", 0, Integer.MAX_VALUE);
    }

    /// The units of a run's text.
    static Units units(Spec spec, String unit) {
        return switch (unit) {
            case "word" -> Units.words(bytes(spec));
            case "sentence" -> Units.sentences(bytes(spec));
            default -> Units.tokens(spec.prompt().ids().length);
        };
    }

    private static List<byte[]> bytes(Spec spec) {
        return spec.prompt().labels().stream()
                .map(l -> l.special() ? new byte[0] : l.bytes())
                .toList();
    }

    private static AttentionMap map(Call call, Lease lease) {
        return new AttentionMap(
                lease.run(), heads(call, lease.run()), kind(call), units(lease.spec(), call.text("unit")));
    }

    private static Heads heads(Call call, Run run) {
        return Heads.parse(call.text("of"), run.model());
    }

    private static AttentionMap.Kind kind(Call call) {
        return AttentionMap.Kind.valueOf(call.text("kind").toUpperCase(Locale.ROOT));
    }

    private static void row(Call call) throws InterruptedException {
        try (Lease lease = call.run()) {
            AttentionMap map = map(call, lease);
            int query = call.below("query", map.size());
            double[] row = lease.hosted().with(ops -> map.row(ops, query));
            if (!call.wantsJson()) {
                call.floats(narrowed(row));
                return;
            }
            Heads of = heads(call, lease.run());
            call.json(w -> {
                w.beginObject().name("row").value(row);
                boolean tokens = call.text("unit").equals("token");
                if (tokens && of instanceof Heads.Mean(String _, List<Heads.Head> heads) && heads.size() == 1) {
                    Heads.Head head = heads.getFirst();
                    AttentionRow exact = lease.run().pattern(head.layer()).row(head.head(), query);
                    w.field("lse", exact.lse()).field("entropy", exact.entropy());
                }
                w.field("sentence", sentence(lease, call, of, query, row)).endObject();
            });
        }
    }

    /// The row's strongest look in words.
    private static String sentence(Lease lease, Call call, Heads of, int query, double[] row) {
        int key = -1;
        for (int j = 0; j < row.length; j++) {
            if (!Double.isNaN(row[j]) && (key < 0 || row[j] > row[key])) {
                key = j;
            }
        }
        Units units = units(lease.spec(), call.text("unit"));
        String what = of.words();
        String start = what.substring(0, 1).toUpperCase(Locale.ROOT) + what.substring(1) + ": when reading "
                + name(lease, units, query) + " (position " + query + "), ";
        if (key < 0) {
            return start + "nothing is seen.";
        }
        String where = key == query ? "itself" : name(lease, units, key) + " (position " + key + ")";
        return switch (kind(call)) {
            case WEIGHTS ->
                start + String.format(Locale.ROOT, "the model gives %.3f of its attention to %s.", row[key], where);
            case SCORES -> start + String.format(Locale.ROOT, "the largest score, %.3f, is with %s.", row[key], where);
            case VALUE ->
                start
                        + String.format(
                                Locale.ROOT,
                                "most is moved from %s: weight times length of the value is %.3f.",
                                where,
                                row[key]);
        };
    }

    private static String name(Lease lease, Units units, int unit) {
        var text = new StringBuilder("`");
        for (int t = units.starts()[unit]; t < units.starts()[unit + 1]; t++) {
            text.append(lease.spec().prompt().labels().get(t).text());
        }
        return text.length() > 60
                ? text.substring(0, 60) + "…`"
                : text.append('`').toString();
    }

    private static void column(Call call) throws InterruptedException {
        try (Lease lease = call.run()) {
            AttentionMap map = map(call, lease);
            int key = call.below("key", map.size());
            double[] column = lease.hosted().with(ops -> map.column(ops, key));
            if (call.wantsJson()) {
                call.json(w -> w.beginObject().name("column").value(column).endObject());
            } else {
                call.floats(narrowed(column));
            }
        }
    }

    private static void tile(Call call) throws InterruptedException {
        try (Lease lease = call.run()) {
            AttentionMap map = map(call, lease);
            var pool = AttentionMap.Pool.valueOf(call.text("pool").toUpperCase(Locale.ROOT));
            int level = call.integer("level");
            int x = call.integer("x");
            int y = call.integer("y");
            // Many cells, or of many heads: those that want little go first.
            boolean large = level >= LONG_LEVEL
                    || !(heads(call, lease.run()) instanceof Heads.Mean m)
                    || m.heads().size() > 1;
            Function<Ops, float[]> body = ops -> map.tile(ops, level, x, y, pool, call::stays);
            call.floats(computed(lease, large, body));
        }
    }

    private static float[] computed(Lease lease, boolean large, Function<Ops, float[]> body)
            throws InterruptedException {
        try {
            return large ? lease.hosted().atLength(body) : lease.hosted().with(body);
        } catch (CancellationException e) {
            throw Refusal.of(409, "cancelled", "Nobody waited for this any more.", "Ask again.");
        }
    }

    private static void thumbnails(Call call) throws InterruptedException {
        try (Lease lease = call.run()) {
            Run run = lease.run();
            int size = call.integer("size");
            Units tokens = Units.tokens(run.tokens());
            int layers = run.model().layers();
            int only = call.integer("layer");
            if (only >= 0) {
                call.below("layer", layers);
            }
            var pictures = new ArrayList<float[]>();
            for (int layer = Math.max(0, only); layer < (only < 0 ? layers : only + 1); layer++) {
                if (!run.model().attentionLayers().contains(layer)) {
                    // the grid has a place for them all the same
                    for (int n = 0; n < run.model().heads().orElseThrow().heads(); n++) {
                        pictures.add(blank(size));
                    }
                    continue;
                }
                for (int head = 0; head < run.pattern(layer).spec().heads(); head++) {
                    var map = new AttentionMap(run, Heads.of(layer, head), AttentionMap.Kind.WEIGHTS, tokens);
                    boolean large = run.tokens() > AttentionMap.TILE << LONG_LEVEL;
                    pictures.add(computed(lease, large, ops -> map.thumbnail(ops, size, call::stays)));
                }
            }
            var all = new float[pictures.size() * size * size];
            for (int n = 0; n < pictures.size(); n++) {
                System.arraycopy(pictures.get(n), 0, all, n * size * size, size * size);
            }
            call.floats(all);
        }
    }

    /// What a layer without attention shows.
    private static float[] blank(int size) {
        var picture = new float[size * size];
        Arrays.fill(picture, Float.NaN);
        return picture;
    }

    private static void formula(Call call) {
        try (Lease lease = call.run()) {
            Heads of = heads(call, lease.run());
            call.json(w -> w.beginObject()
                    .field("formula", AttentionMap.formula(of, kind(call), call.text("unit")))
                    .field("words", of.words())
                    .endObject());
        }
    }

    private static void parity(Call call) {
        try (Lease lease = call.run()) {
            Run run = lease.run();
            Parity all = switch (heads(call, run)) {
                case Heads.Mean(String _, List<Heads.Head> heads) ->
                    heads.stream()
                            .map(h -> run.parity(h.layer(), h.head(), Math.max(1, PARITY_ROWS / heads.size())))
                            .reduce(Parity::and)
                            .orElseThrow();
                case Heads.Rollout _ -> lease.parity();
            };
            call.json(w -> RunRoutes.parity(w, all));
        }
    }

    private static float[] narrowed(double[] values) {
        var floats = new float[values.length];
        for (int n = 0; n < floats.length; n++) {
            floats[n] = (float) values[n];
        }
        return floats;
    }
}
