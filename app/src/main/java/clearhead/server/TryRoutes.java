package clearhead.server;

import clearhead.inspect.Alignment;
import clearhead.inspect.Comparison;
import clearhead.inspect.HeadSweep;
import clearhead.inspect.PatchGrid;
import clearhead.io.Json;
import clearhead.io.JsonWriter;
import clearhead.io.ModelFileException;
import clearhead.nn.Site;
import clearhead.ops.AttentionSpec;
import clearhead.ops.Ops;
import clearhead.view.ChangesJson;
import clearhead.view.ModelJson;
import clearhead.view.Prompt;
import clearhead.view.Sides;
import java.io.IOException;
import java.util.Arrays;
import java.util.List;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import java.util.concurrent.CancellationException;
import java.util.function.Consumer;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/// What changes do: sweeps over heads, patches from another text, two runs beside each other.
final class TryRoutes {
    /// Time between two messages of progress.
    private static final long EVERY_NANOS = 100_000_000;

    private static final int MOST_TOP = 100;
    private static final int MOST_ROWS = 4096;
    private static final Field QUERY = Field.optional("query", Field.Type.WHOLE, "position; default: the last");
    private static final List<Field> SWEEP = List.of(
            QUERY,
            Field.optional("factor", Field.Type.ANY, "a number, or mean; default 0"),
            Field.optional("top", Field.Type.WHOLE, "tokens told of each head, 1 to " + MOST_TOP + "; default 5"));
    private static final List<Field> PATCH = List.of(
            Field.needed("other", Field.Type.TEXT, "the text whose values are taken"),
            Field.optional(
                    "site",
                    Field.Type.TEXT,
                    "resid_pre, z, attn_out, resid_mid, mlp_out or resid_post; default resid_post"),
            Field.optional("head", Field.Type.WHOLE, "a head, with site z"),
            QUERY,
            Field.optional("a", Field.Type.WHOLE, "id of a token; default: the likeliest here"),
            Field.optional("b", Field.Type.WHOLE, "id of a token; default: the likeliest there"),
            Field.optional("layers", Field.Type.WHOLES, "default: all"),
            Field.optional("positions", Field.Type.WHOLES, "default: all that the texts share"));

    private TryRoutes() {}

    static List<Route> routes() {
        return List.of(
                Route.post(
                                "runs/{run}/sweep",
                                "Every head changed, one at a time, on top of the run's own changes, as server-sent"
                                        + " events: progress, done, failed. Given up when the caller leaves",
                                List.of(),
                                "an object, with query, factor or top where they are not the default",
                                "events; done: {query, heads: [{layer, head, divergence, best, tokens}]}",
                                TryRoutes::sweep)
                        .with(SWEEP),
                Route.post(
                                "runs/{run}/patch",
                                "Values of another text's run put into this one, one layer and position at a time, as"
                                    + " server-sent events: progress, done, failed. Given up when the caller leaves",
                                List.of(),
                                "an object with other, and what else is not the default",
                                "events; done: {query, other, site, layers, positions, from, a, b, unpatched, source,"
                                        + " patched, share}",
                                TryRoutes::patch)
                        .with(PATCH),
                Route.get(
                        "compare",
                        "Two finished runs beside each other",
                        List.of(
                                Parameter.text("a", "A's run", 16),
                                Parameter.text("b", "B's run", 16),
                                Parameter.integer(
                                                "query",
                                                "Position in A whose prediction is compared with that of its"
                                                        + " counterpart; -1: the last of each",
                                                -1,
                                                Integer.MAX_VALUE)
                                        .or("-1"),
                                Parameter.integer("rows", "Rows compared at most", 1, MOST_ROWS)
                                        .or("512"),
                                Parameter.integer("top", "Arrows and tokens told", 1, MOST_TOP)
                                        .or("20")),
                        "{a, b, query_a, query_b, alignment, rows, of, heads, arrows, divergence, tokens, next_a,"
                                + " next_b}",
                        TryRoutes::compare));
    }

    private static void sweep(Call call) throws IOException, InterruptedException {
        Json.Obj body = call.body();
        try (Lease lease = call.run()) {
            Spec spec = lease.spec();
            int query = position(body, lease);
            int top = within("top", body.integer("top", 5), 1, MOST_TOP);
            OptionalDouble factor = factor(body);
            var model = lease.run().model();
            streamed(call, lease, (ops, each) -> {
                var sweep = new HeadSweep(model, ops, spec.prompt().ids(), spec.other(), spec.changes(), query);
                List<HeadSweep.Effect> effects = sweep.run(factor, top, each::test);
                return w -> {
                    w.field("query", query).name("heads").beginArray();
                    effects.forEach(e -> ChangesJson.head(w, spec.prompt(), e));
                    w.endArray();
                };
            });
        }
    }

    private static OptionalDouble factor(Json.Obj body) {
        if (body.find("factor").filter(f -> f instanceof Json.Text).isPresent()) {
            if (!body.text("factor").equals("mean")) {
                throw Refusal.bad("factor is no number.", "Give a number from -1000 to 1000, or mean.");
            }
            return OptionalDouble.empty();
        }
        double factor = body.real("factor", 0);
        if (!(Math.abs(factor) <= 1000)) {
            throw Refusal.bad("factor is out of range.", "Give a number from -1000 to 1000, or mean.");
        }
        return OptionalDouble.of(factor);
    }

    private static void patch(Call call) throws IOException, InterruptedException {
        Json.Obj body = call.body();
        try (Lease lease = call.run()) {
            Spec spec = lease.spec();
            var model = lease.run().model();
            Prompt other = RunRoutes.tokens(lease.hosted(), body.text("other", ""));
            int query = position(body, lease);
            Site site = site(body.text("site", "resid_post"));
            int heads = model.heads().map(AttentionSpec::heads).orElse(0);
            OptionalInt head = body.has("head")
                    ? OptionalInt.of(within("head", body.integer("head"), 0, heads - 1))
                    : OptionalInt.empty();
            if (head.isPresent() && site != Site.Z) {
                throw Refusal.bad("Only z has heads.", "Leave head out, or take the site z.");
            }
            int vocab = model.vocab();
            streamed(call, lease, (ops, each) -> {
                var patches = new PatchGrid(model, ops, spec.prompt().ids(), other.ids(), spec.changes(), query);
                var plan = chosen(
                        body,
                        patches.plan(site, head, Alignment.ofIds(lease.run().ids(), other.ids())));
                int[] contrast = body.has("a") && body.has("b") ? new int[2] : patches.contrast();
                int a = within("a", body.integer("a", contrast[0]), 0, vocab - 1);
                int b = within("b", body.integer("b", contrast[1]), 0, vocab - 1);
                var grid = patches.run(plan, a, b, each::test);
                return w -> {
                    w.field("query", query).name("other").beginObject();
                    ModelJson.tokens(w, other);
                    w.endObject();
                    ChangesJson.grid(w, spec.prompt(), grid);
                };
            });
        }
    }

    private static Site site(String name) {
        return PatchGrid.sites().stream()
                .filter(s -> s.label().equals(name))
                .findFirst()
                .orElseThrow(() -> Refusal.bad(
                        "There is no site of that name to patch.",
                        "Take one of "
                                + PatchGrid.sites().stream().map(Site::label).collect(Collectors.joining(", "))
                                + "."));
    }

    /// The layers and positions asked for, of those that can be patched.
    private static PatchGrid.Plan chosen(Json.Obj body, PatchGrid.Plan whole) {
        int[] layers = body.has("layers") ? body.array("layers").integers() : whole.layers();
        for (int layer : layers) {
            within("layers", layer, 0, whole.layers().length - 1);
        }
        int[] wanted = body.has("positions") ? body.array("positions").integers() : whole.positions();
        int[] columns = IntStream.range(0, whole.positions().length)
                .filter(p -> Arrays.stream(wanted).anyMatch(w -> w == whole.positions()[p]))
                .toArray();
        if (columns.length == 0 || layers.length == 0) {
            throw Refusal.bad(
                    "The two texts share none of these positions up to the query.",
                    "Choose others, or a text that shares tokens with this one.");
        }
        return new PatchGrid.Plan(
                whole.site(),
                whole.head(),
                layers,
                Arrays.stream(columns).map(p -> whole.positions()[p]).toArray(),
                Arrays.stream(columns).map(p -> whole.from()[p]).toArray());
    }

    private static void compare(Call call) throws InterruptedException {
        try (Lease a = call.run(call.text("a"));
                Lease b = call.run(call.text("b"))) {
            Prompt promptA = a.spec().prompt().with(a.run().ids());
            Prompt promptB = b.spec().prompt().with(b.run().ids());
            var alignment = Sides.align(a.hosted().model(), promptA, b.hosted().model(), promptB);
            int query = call.integer("query");
            Sides.Rows at = Sides.rows(
                    alignment,
                    query < 0
                            ? OptionalInt.empty()
                            : OptionalInt.of(call.below("query", a.run().tokens())),
                    a.run().tokens(),
                    b.run().tokens());
            int top = call.integer("top");
            Comparison.Side sideA = a.hosted().with(ops -> Comparison.Side.of(a.run(), ops, at.a()));
            Comparison.Side sideB = b.hosted().with(ops -> Comparison.Side.of(b.run(), ops, at.b()));
            var comparison = Comparison.of(sideA, sideB, alignment, call.integer("rows"), top);
            call.json(w -> {
                w.beginObject().field("a", a.id()).field("b", b.id());
                w.field("query_a", at.a()).field("query_b", at.b());
                ChangesJson.comparison(w, promptA, promptB, comparison, sideA.logits(), sideB.logits(), top);
                w.endObject();
            });
        }
    }

    /// Long work that tells how far it is, and gives the fields of its answer.
    private interface Work {
        Consumer<JsonWriter> run(Ops ops, Progress each);
    }

    private interface Progress {
        /// Whether to go on.
        boolean test(int done, int of);
    }

    private static void streamed(Call call, Lease lease, Work work) throws IOException, InterruptedException {
        try (Events events = call.events()) {
            var left = new boolean[1];
            var last = new long[] {System.nanoTime() - EVERY_NANOS};
            Progress each = (done, of) -> {
                long now = System.nanoTime();
                if (now - last[0] < EVERY_NANOS && done < of) {
                    return true;
                }
                last[0] = now;
                try {
                    events.send(
                            "progress",
                            w -> w.beginObject()
                                    .field("done", done)
                                    .field("of", of)
                                    .endObject());
                } catch (IOException e) {
                    left[0] = true;
                }
                return !left[0];
            };
            try {
                Consumer<JsonWriter> answer = lease.hosted().atLength(ops -> work.run(ops, each));
                events.send("done", w -> {
                    w.beginObject();
                    answer.accept(w);
                    w.endObject();
                });
            } catch (CancellationException e) {
                // The caller has left.
            } catch (Refusal e) {
                events.send("failed", w -> PageServer.error(w, e));
            } catch (IllegalArgumentException | ModelFileException e) {
                Refusal why = Refusal.bad(String.valueOf(e.getMessage()), "Change the request.");
                events.send("failed", w -> PageServer.error(w, why));
            }
        }
    }

    private static int position(Json.Obj body, Lease lease) {
        int tokens = lease.run().tokens();
        return within("query", body.integer("query", tokens - 1), 0, tokens - 1);
    }

    static int within(String name, int value, int least, int most) {
        if (value < least || value > most) {
            throw Refusal.bad(
                    name + " is " + value + ", which is out of range.",
                    "Give a whole number from " + least + " to " + most + ".");
        }
        return value;
    }
}
