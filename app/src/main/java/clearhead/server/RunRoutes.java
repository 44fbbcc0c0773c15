package clearhead.server;

import clearhead.inspect.Interventions;
import clearhead.inspect.Parity;
import clearhead.io.Json;
import clearhead.io.JsonWriter;
import clearhead.ops.AttentionSpec;
import clearhead.tokenizer.Special;
import clearhead.view.ModelJson;
import clearhead.view.Prompt;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/// Models, and runs from their start to their numbers.
final class RunRoutes {
    private static final long PING_MILLIS = 500;

    /// The fields that name a run.
    static final List<Field> SPEC = List.of(
            Field.needed("model", Field.Type.TEXT, "the name of a model, from GET models"),
            Field.optional("text", Field.Type.TEXT, "the text; or give ids"),
            Field.optional("ids", Field.Type.WHOLES, "ids of tokens; or give a text"),
            Field.optional("changes", Field.Type.TEXTS, "changes to the run, such as \"head:2.1=0\""),
            Field.optional("other", Field.Type.TEXT, "the text that patches take values from"));

    private RunRoutes() {}

    static List<Route> routes() {
        return List.of(
                Route.get(
                                "health",
                                "Whether the server is up",
                                List.of(),
                                "{status}",
                                call -> call.json(w ->
                                        w.beginObject().field("status", "up").endObject()))
                        .withoutKey()
                        .waiting(),
                Route.get(
                                "openapi.json",
                                "This description",
                                List.of(),
                                "OpenAPI 3.1",
                                call -> call.json(w -> OpenApi.write(w, Routes.all())))
                        .waiting(),
                Route.get(
                                "models",
                                "The models shown, and the server's limits",
                                List.of(),
                                "{models, default, ready_text, limits}",
                                RunRoutes::models)
                        .waiting(),
                Route.post(
                                "runs",
                                "Starts a run, or finds the one that is there; 429 when too many wait",
                                List.of(),
                                "an object with model, text or ids, and perhaps changes and other",
                                "{id, state}",
                                RunRoutes::start)
                        .with(SPEC),
                Route.get(
                        "runs/{run}",
                        "A finished run",
                        List.of(),
                        "{id, model, tokens, changes, seconds, bytes, parity, cli, strongest}",
                        call -> {
                            try (Lease lease = call.run()) {
                                call.json(w -> run(w, lease));
                            }
                        }),
                Route.get(
                                "runs/{run}/events",
                                "Progress of a run by layer, as server-sent events: progress, done, failed. A run whose"
                                        + " listeners have all left before it is done is given up",
                                List.of(),
                                "events",
                                RunRoutes::events)
                        .waiting());
    }

    private static void models(Call call) {
        Site site = call.site();
        call.json(w -> {
            w.beginObject().name("models").beginArray();
            for (Hosted hosted : site.models()) {
                model(w, hosted);
            }
            w.endArray();
            w.field("default", site.models().getFirst().name()).field("ready_text", site.readyText());
            w.name("limits")
                    .beginObject()
                    .field("body_bytes", Site.BODY_BYTES)
                    .field("text_characters", Site.TEXT_CHARACTERS);
            w.field("changes", Site.CHANGES)
                    .field("memory_bytes", site.runs().budget())
                    .field("queue", site.runs().queueLimit())
                    .endObject()
                    .endObject();
        });
    }

    private static void model(JsonWriter w, Hosted hosted) {
        var model = hosted.model();
        var t = model.transformer();
        var spec = t.heads();
        w.beginObject()
                .field("name", hosted.name())
                .field("family", model.architecture().name());
        w.field("layers", t.layers())
                .field("heads", spec.map(AttentionSpec::heads).orElse(0))
                .field("kv_heads", spec.map(AttentionSpec::kvHeads).orElse(0));
        w.field("head_dim", spec.map(AttentionSpec::headDim).orElse(0))
                .field("dim", t.dim())
                .field("vocab", t.vocab())
                .field("context", t.context());
        long parameters = model.checkpoint().entries().stream()
                .mapToLong(e -> e.shape().size())
                .sum();
        w.field("parameters", parameters)
                .field("backend", model.backend().description())
                .field("arithmetic", model.arithmetic().word());
        w.field("has_tokenizer", model.hasTokenizer()).endObject();
    }

    private static void start(Call call) throws IOException {
        Spec spec = spec(call.site(), call.body());
        Held held = call.site().runs().start(spec);
        Held.State state = held.state();
        call.json(
                state == Held.State.DONE ? 200 : 202,
                w -> w.beginObject()
                        .field("id", held.id)
                        .field("state", state.name().toLowerCase(java.util.Locale.ROOT))
                        .endObject());
    }

    static Spec spec(Site site, Json.Obj body) {
        Hosted hosted = site.model(body.text("model"));
        if (body.has("text") == body.has("ids")) {
            throw Refusal.bad("A run needs a text or ids.", "Give one of the two.");
        }
        String text = body.has("text") ? body.text("text") : "";
        Prompt prompt = prompt(hosted, body, text);
        String other = body.has("other") ? body.text("other") : "";
        int[] otherIds = other.isEmpty() ? new int[0] : tokens(hosted, other).ids();
        List<String> changes = body.has("changes") ? body.array("changes").texts() : List.of();
        if (changes.size() > Site.CHANGES) {
            throw Refusal.bad(
                    "There are " + changes.size() + " changes; at most " + Site.CHANGES + " are made.", "Make fewer.");
        }
        var made = Interventions.parse(changes, hosted.model().transformer(), prompt.ids().length, otherIds.length);
        return new Spec(hosted, text, prompt, made, other, otherIds);
    }

    private static Prompt prompt(Hosted hosted, Json.Obj body, String text) {
        if (body.has("ids")) {
            return Prompt.ofIds(body.array("ids").integers(), hosted.tokenizer())
                    .checked(hosted.model());
        }
        return tokens(hosted, text);
    }

    /// The tokens of a text, if it is one that can be run.
    static Prompt tokens(Hosted hosted, String text) {
        if (text.length() > Site.TEXT_CHARACTERS) {
            throw Refusal.of(
                    413,
                    "too_long",
                    "The text has " + text.length() + " characters; at most " + Site.TEXT_CHARACTERS + " are read.",
                    "Take a shorter text.");
        }
        if (text.isEmpty()) {
            throw Refusal.bad("The text is empty: there is nothing to look at.", "Give at least one word.");
        }
        var tokenizer = hosted.tokenizer()
                .orElseThrow(() -> Refusal.bad("The model " + hosted.name() + " has no tokenizer.", "Give ids."));
        return Prompt.ofText(text, tokenizer, Special.ADD).checked(hosted.model());
    }

    private static void events(Call call) throws IOException, InterruptedException {
        String id = call.variable("run");
        Runs runs = call.site().runs();
        Held held = runs.find(id).orElseThrow(() -> runs.missing(id));
        held.listen();
        try (Events events = call.events()) {
            int layers = held.spec.hosted().model().transformer().layers();
            Held.State state = Held.State.QUEUED;
            int layer = -1;
            while (true) {
                Held.State now = held.state();
                int at = held.layer();
                if (now == Held.State.DONE) {
                    try (Lease lease = runs.lease(held)) {
                        events.send("done", w -> {
                            w.beginObject().name("run");
                            run(w, lease);
                            w.endObject();
                        });
                    } catch (Refusal e) {
                        events.send("failed", w -> PageServer.error(w, e));
                    }
                    return;
                }
                if (now == Held.State.FAILED) {
                    events.send("failed", w -> PageServer.error(w, held.refusal()));
                    return;
                }
                if (now == Held.State.RUNNING && (now != state || at != layer)) {
                    long elapsed = (System.nanoTime() - held.since) / 1_000_000;
                    events.send(
                            "progress",
                            w -> w.beginObject()
                                    .field("layer", at)
                                    .field("layers", layers)
                                    .field("elapsed_ms", elapsed)
                                    .endObject());
                } else {
                    events.ping();
                }
                state = now;
                layer = at;
                held.await(now, at, PING_MILLIS);
            }
        } finally {
            held.leave();
        }
    }

    private static void run(JsonWriter w, Lease lease) {
        Prompt prompt = lease.spec().prompt().with(lease.run().ids());
        w.beginObject().field("id", lease.id()).name("model");
        model(w, lease.hosted());
        ModelJson.tokens(
                w,
                prompt,
                HeadRoutes.units(lease.spec(), "word").of(),
                HeadRoutes.units(lease.spec(), "sentence").of());
        w.name("changes").beginArray();
        lease.spec().changes().texts().forEach(w::value);
        w.endArray()
                .field("seconds", lease.seconds())
                .field("bytes", lease.run().bytes());
        parity(w.name("parity"), lease.parity());
        w.field("cli", cli(lease));
        Findings found = lease.findings();
        w.name("strongest").beginObject().field("layer", found.layer()).field("head", found.head());
        w.field("query", found.query()).field("key", found.key()).endObject();
        w.endObject();
    }

    static void parity(JsonWriter w, Parity p) {
        w.beginObject().field("holds", p.holds()).field("largest_difference", p.largestDifference());
        w.field("largest_value", p.largestValue()).field("relative", p.relative());
        w.field("tolerance", Parity.TOLERANCE)
                .field("rows", p.rows())
                .field("of", p.of())
                .endObject();
    }

    /// The command line that shows the same run.
    private static String cli(Lease lease) {
        var words = new ArrayList<String>(List.of(
                "./clearhead",
                "attend",
                "--model",
                fromHere(lease.hosted().model().path()).toString()));
        for (String change : lease.spec().changes().texts()) {
            words.add("--change");
            words.add(change);
        }
        if (!lease.spec().otherText().isEmpty()) {
            words.add("--from");
            words.add(lease.spec().otherText());
        }
        if (lease.spec().text().isEmpty()) {
            words.add("--ids");
            words.add(String.join(
                    ",",
                    java.util.Arrays.stream(lease.spec().prompt().ids())
                            .mapToObj(String::valueOf)
                            .toList()));
        } else {
            words.add(lease.spec().text());
        }
        return String.join(" ", words.stream().map(RunRoutes::quoted).toList());
    }

    /// The path from the folder where the server was started: shorter, and it tells callers less about the machine.
    private static Path fromHere(Path path) {
        Path here = Path.of("").toAbsolutePath();
        Path whole = path.toAbsolutePath().normalize();
        return whole.startsWith(here) && !whole.equals(here) ? here.relativize(whole) : path;
    }

    private static String quoted(String word) {
        return word.matches("[A-Za-z0-9_./:=,>*-]+") && !word.contains(">")
                ? word
                : "'" + word.replace("'", "'\\''") + "'";
    }
}
