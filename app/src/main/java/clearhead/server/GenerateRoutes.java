package clearhead.server;

import clearhead.generate.Engine;
import clearhead.generate.Generation;
import clearhead.generate.Request;
import clearhead.io.Json;
import clearhead.io.JsonWriter;
import clearhead.io.ModelFileException;
import clearhead.model.Model;
import clearhead.nn.ForwardPass;
import clearhead.ops.Ops;
import clearhead.sampling.Sampler;
import clearhead.sampling.Sampling;
import clearhead.tensor.Tensor;
import clearhead.tokenizer.Special;
import clearhead.tokenizer.Tokenizer;
import clearhead.view.Prompt;
import java.io.IOException;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.stream.Stream;

/// Continues a text, one token an event.
final class GenerateRoutes {
    static final int MOST_TOKENS = 1024;
    private static final List<Field> SAMPLING = List.of(
            Field.optional("max_tokens", Field.Type.WHOLE, "1 to " + MOST_TOKENS + "; default 1"),
            Field.optional("temperature", Field.Type.NUMBER, "default 0: the likeliest"),
            Field.optional("top_k", Field.Type.WHOLE, "only the k most likely stay; 0 is off"),
            Field.optional("top_p", Field.Type.NUMBER, "of these, the fewest that reach p; 1 is off"),
            Field.optional("min_p", Field.Type.NUMBER, "of these, those at least so likely against the first"),
            Field.optional("repeat_penalty", Field.Type.NUMBER, "against tokens among the last; 1 is off"),
            Field.optional("seed", Field.Type.WHOLE, "of the draws"));
    private static final List<Field> FIELDS =
            Stream.concat(RunRoutes.SPEC.stream(), SAMPLING.stream()).toList();

    private GenerateRoutes() {}

    static List<Route> routes() {
        return List.of(Route.post(
                        "generate",
                        "Continues a text, as server-sent events: token, done, failed. Given up when the caller"
                            + " leaves. With changes, the changed model continues: every token is then a pass over the"
                            + " whole text",
                        List.of(),
                        "an object with the fields of a run, and perhaps rules of choosing",
                        "events; token: {position, id, text, probability} (probability: the model's own, before"
                                + " sampling rules); done: {from, ids, text, same, end} (same: whether text gives these"
                                + " ids again)",
                        GenerateRoutes::generate)
                .with(FIELDS));
    }

    private static void generate(Call call) throws IOException, InterruptedException {
        Json.Obj body = call.body();
        Spec of = RunRoutes.spec(call.site(), body);
        int most = TryRoutes.within("max_tokens", body.integer("max_tokens", 1), 1, MOST_TOKENS);
        var sampling = new Sampling(
                body.real("temperature", 0),
                body.integer("top_k", 0),
                body.real("top_p", 1),
                body.real("min_p", 0),
                body.real("repeat_penalty", 1),
                body.has("seed") ? body.longInteger("seed") : 0);
        int[] prompt = of.changes().ids(of.prompt().ids());
        if (prompt.length >= of.hosted().model().context()) {
            throw Refusal.bad(
                    "The text fills the model's context of "
                            + of.hosted().model().context() + " tokens: there is no room for another.",
                    "Shorten the text.");
        }
        try (Events events = call.events()) {
            var telling = new Telling(events, of);
            try {
                Generation.End end = of.hosted()
                        .atLength(ops -> of.changes().isEmpty()
                                ? plain(of, prompt, sampling, most, telling)
                                : changed(of, ops, sampling, most, telling));
                if (!telling.left) {
                    events.send("done", telling.done(end));
                }
            } catch (Refusal e) {
                events.send("failed", w -> PageServer.error(w, e));
            } catch (IllegalArgumentException | ModelFileException e) {
                Refusal why = Refusal.bad(String.valueOf(e.getMessage()), "Change the request.");
                events.send("failed", w -> PageServer.error(w, why));
            }
        }
    }

    private static Generation.End plain(Spec of, int[] prompt, Sampling sampling, int most, Telling telling) {
        Model model = of.hosted().model();
        var request = Request.of(prompt).with(sampling).maxTokens(most);
        try (var engine = new Engine(model, Engine.positionsOf(model, request))) {
            Generation generation = engine.start(request, telling);
            boolean more = true;
            while (more && generation.end().isEmpty()) {
                more = engine.step();
                if (telling.left()) {
                    generation.cancel();
                }
            }
            return generation.end().orElse(Generation.End.CANCELLED);
        }
    }

    /// Without a cache: changes are made in passes over the whole text.
    private static Generation.End changed(Spec of, Ops ops, Sampling sampling, int most, Telling telling) {
        Model model = of.hosted().model();
        var sampler = new Sampler(sampling);
        int[] ids = of.prompt().ids();
        for (int id : of.changes().ids(ids)) {
            sampler.accept(id);
        }
        for (int n = 0; n < most; n++) {
            if (ids.length >= model.context()) {
                return Generation.End.CONTEXT;
            }
            if (telling.left()) {
                return Generation.End.CANCELLED;
            }
            long mark = ops.workspace().mark();
            try {
                var probe = of.changes().probe(model.transformer(), ops, ids, of.other());
                Tensor logits = model.forward(
                        ForwardPass.of(ops, of.changes().ids(ids)).with(probe).lastLogits()); // [1, vocab]
                int id = sampler.next(logits);
                if (model.eos().contains(id)) {
                    return Generation.End.END_OF_SEQUENCE;
                }
                sampler.accept(id);
                ids = Arrays.copyOf(ids, ids.length + 1);
                ids[ids.length - 1] = id;
                telling.chosen(id, logits);
            } finally {
                ops.workspace().release(mark);
            }
        }
        return Generation.End.MAX_TOKENS;
    }

    /// Tells every token as it comes.
    private static final class Telling implements Generation.Listener {
        private final Events events;
        private final Spec of;
        private int[] ids;
        private boolean left;

        Telling(Events events, Spec of) {
            this.events = events;
            this.of = of;
            ids = of.prompt().ids().clone();
        }

        @Override
        public void chosen(int id, Tensor logits) {
            int position = ids.length;
            ids = Arrays.copyOf(ids, position + 1);
            ids[position] = id;
            Prompt.Label label = of.prompt().label(id);
            double probability = probability(logits.toDoubles(), id);
            try {
                events.send(
                        "token",
                        w -> w.beginObject()
                                .field("position", position)
                                .field("id", id)
                                .field("text", label.text())
                                .field("probability", probability)
                                .endObject());
            } catch (IOException e) {
                left = true;
            }
        }

        private static double probability(double[] logits, int id) {
            double most = Arrays.stream(logits).max().orElseThrow();
            double sum = 0;
            for (double logit : logits) {
                sum += Math.exp(logit - most);
            }
            return Math.exp(logits[id] - most) / sum;
        }

        /// Whether the caller has left.
        boolean left() {
            if (!left) {
                try {
                    events.ping();
                } catch (IOException e) {
                    left = true;
                }
            }
            return left;
        }

        Consumer<JsonWriter> done(Generation.End end) {
            int from = of.prompt().ids().length;
            Optional<Tokenizer> tokenizer = of.hosted().tokenizer();
            String text = tokenizer.map(t -> text(t, from)).orElse("");
            boolean same =
                    tokenizer.isPresent() && Arrays.equals(tokenizer.get().encode(text, Special.ADD), ids);
            return w -> w.beginObject()
                    .field("from", from)
                    .name("ids")
                    .value(ids)
                    .field("text", text)
                    .field("same", same)
                    .field("end", end.name().toLowerCase(Locale.ROOT))
                    .endObject();
        }

        /// The given text and what was made, special tokens left out.
        private String text(Tokenizer tokenizer, int from) {
            int first = of.text().isEmpty() ? 0 : from;
            int[] plain = Arrays.stream(ids, first, ids.length)
                    .filter(id -> !tokenizer.isSpecial(id))
                    .toArray();
            if (first == 0) {
                return tokenizer.decode(plain);
            }
            var decoder = tokenizer.decoder(false, Arrays.copyOf(ids, from));
            var made = new StringBuilder(of.text());
            for (int id : plain) {
                made.append(decoder.accept(id));
            }
            return made.append(decoder.finish()).toString();
        }
    }
}
