package clearhead.server;

import clearhead.inspect.Contributions;
import clearhead.inspect.Lens;
import clearhead.inspect.NextTokens;
import clearhead.inspect.Prediction;
import clearhead.sampling.Sampling;
import clearhead.view.ContributionsJson;
import clearhead.view.LensJson;
import clearhead.view.PredictJson;
import clearhead.view.Prompt;
import clearhead.view.TokenSearch;
import java.util.Arrays;
import java.util.List;
import java.util.OptionalInt;
import java.util.stream.IntStream;

/// What comes next: the prediction at a position, the logit lens, and which parts of the model say so.
final class PredictRoutes {
    private static final int MOST_TOP = 1000;
    private static final int MOST_DRAWS = 10_000;
    private static final int MOST_COLUMNS = 256;
    private static final int TOKEN = 200;
    private static final String TOKEN_WORDS = ": a text that is one token, the name of a special token, or # and an id";

    private PredictRoutes() {}

    static List<Route> routes() {
        return List.of(
                Route.get(
                        "runs/{run}/predict",
                        "What the model says comes next after a token, and what the rules of choosing leave of it",
                        List.of(
                                position(),
                                Parameter.real("temperature", "Divides the logits; 0 takes the most likely", 0, 999_999)
                                        .or("1"),
                                Parameter.integer(
                                                "top_k", "Only the k most likely stay; 0 is off", 0, Integer.MAX_VALUE)
                                        .or("0"),
                                Parameter.real("top_p", "Of these, the fewest that reach p; 1 is off", 1e-9, 1)
                                        .or("1"),
                                Parameter.real("min_p", "Of these, those at least so likely against the first", 0, 1)
                                        .or("0"),
                                Parameter.real(
                                                "repeat_penalty",
                                                "Against tokens among the last 64; 1 is off",
                                                1e-6,
                                                999_999)
                                        .or("1"),
                                Parameter.integer("seed", "Of the draws", Long.MIN_VALUE, Long.MAX_VALUE)
                                        .or("0"),
                                Parameter.integer("top", "How many of the most likely tokens", 1, MOST_TOP)
                                        .or("20"),
                                Parameter.text("find", "Tokens to show, too" + TOKEN_WORDS, TOKEN)
                                        .or(""),
                                Parameter.integer("draws", "How often to draw", 0, MOST_DRAWS)
                                        .or("0")),
                        "query to draws of `predict` in docs/json.md; as octets, the logits: float32 [vocab]",
                        PredictRoutes::predict),
                Route.get(
                        "runs/{run}/lens",
                        "The logit lens: what the model would predict if it ended after each layer",
                        List.of(
                                position(),
                                Parameter.integer(
                                                "from",
                                                "First column; −1: as far before the position as fits",
                                                -1,
                                                Integer.MAX_VALUE)
                                        .or("-1"),
                                Parameter.integer("to", "Last column; −1: the position", -1, Integer.MAX_VALUE)
                                        .or("-1"),
                                Parameter.choice("attention", "Whether rows after attention are wanted", "no", "yes")
                                        .or("no"),
                                Parameter.text("find", "A token to follow" + TOKEN_WORDS, TOKEN)
                                        .or("")),
                        "query to rows of `lens` in docs/json.md; at most " + MOST_COLUMNS + " columns",
                        PredictRoutes::lens),
                Route.get(
                        "runs/{run}/contributions",
                        "logit(a), or logit(a) − logit(b), as a sum over the parts of the model",
                        List.of(
                                position(),
                                Parameter.text("a", "Token; not given, the most likely" + TOKEN_WORDS, TOKEN)
                                        .or(""),
                                Parameter.text("b", "Token to compare with; not given, none", TOKEN)
                                        .or("")),
                        "`contributions` in docs/json.md",
                        PredictRoutes::contributions));
    }

    private static Parameter position() {
        return Parameter.integer("position", "Token after which is predicted", 0, Integer.MAX_VALUE);
    }

    private static void predict(Call call) throws InterruptedException {
        try (Lease lease = call.run()) {
            int position = call.below("position", lease.run().tokens());
            double[] logits = logits(lease, position);
            if (!call.wantsJson()) {
                var floats = new float[logits.length];
                for (int id = 0; id < floats.length; id++) {
                    floats[id] = (float) logits[id];
                }
                call.floats(floats);
                return;
            }
            var sampling = new Sampling(
                    call.real("temperature"),
                    call.integer("top_k"),
                    call.real("top_p"),
                    call.real("min_p"),
                    call.real("repeat_penalty"),
                    call.whole("seed"));
            Prompt prompt = lease.spec().prompt();
            List<Integer> find = call.text("find").isEmpty()
                    ? List.of()
                    : new TokenSearch(prompt, logits.length).all(call.text("find"));
            int[] read = Arrays.copyOf(lease.run().ids(), position + 1);
            var p = Prediction.of(logits, read, sampling);
            call.json(w -> {
                w.beginObject();
                new PredictJson(w, prompt).write(position, p, call.integer("top"), find, call.integer("draws"));
                w.endObject();
            });
        }
    }

    private static double[] logits(Lease lease, int position) throws InterruptedException {
        double[] logits = lease.hosted().with(ops -> lease.run().logits(ops, position));
        if (!Arrays.stream(logits).allMatch(Double::isFinite)) {
            throw Refusal.of(
                    422,
                    "not_finite",
                    "The logits after token " + position + " are no finite numbers.",
                    "A weight of the model is damaged, or a change made its numbers overflow.");
        }
        return logits;
    }

    private static void lens(Call call) throws InterruptedException {
        try (Lease lease = call.run()) {
            int tokens = lease.run().tokens();
            int position = call.below("position", tokens);
            int to = call.integer("to") < 0 ? position : call.below("to", tokens);
            int from = call.integer("from") < 0 ? Math.max(0, to - 31) : call.below("from", tokens);
            if (from > to || to - from >= MOST_COLUMNS) {
                throw Refusal.bad(
                        "Columns " + from + " to " + to + " cannot be shown.",
                        "Give from and to with 1 to " + MOST_COLUMNS + " columns.");
            }
            double[] logits = logits(lease, position);
            Prompt prompt = lease.spec().prompt();
            OptionalInt watched = call.text("find").isEmpty()
                    ? OptionalInt.empty()
                    : OptionalInt.of(new TokenSearch(prompt, logits.length).likeliest(call.text("find"), logits));
            int[] columns = IntStream.rangeClosed(from, to).toArray();
            var lens = new Lens(lease.run());
            List<Lens.Place> places = lens.places(call.text("attention").equals("yes"));
            List<List<Lens.Cell>> grid = lease.hosted().with(ops -> lens.grid(ops, columns, places, watched));
            call.json(w -> {
                w.beginObject();
                new LensJson(w, prompt).write(position, columns, places, watched, grid);
                w.endObject();
            });
        }
    }

    private static void contributions(Call call) throws InterruptedException {
        try (Lease lease = call.run()) {
            int position = call.below("position", lease.run().tokens());
            double[] logits = logits(lease, position);
            Prompt prompt = lease.spec().prompt();
            var search = new TokenSearch(prompt, logits.length);
            int a = call.text("a").isEmpty()
                    ? NextTokens.top(logits, 1).getFirst().id()
                    : search.likeliest(call.text("a"), logits);
            OptionalInt b = call.text("b").isEmpty()
                    ? OptionalInt.empty()
                    : OptionalInt.of(search.likeliest(call.text("b"), logits));
            Contributions c = lease.hosted().with(ops -> Contributions.of(lease.run(), ops, position, a, b));
            call.json(w -> {
                w.beginObject();
                ContributionsJson.write(w, prompt, c, lease.run().model().layers());
                w.endObject();
            });
        }
    }
}
