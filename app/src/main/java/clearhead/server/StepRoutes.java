package clearhead.server;

import clearhead.inspect.Look;
import clearhead.inspect.Steps;
import clearhead.inspect.WrittenOut;
import clearhead.view.Prompt;
import clearhead.view.StepsJson;
import java.util.List;
import java.util.Locale;
import java.util.OptionalInt;
import java.util.stream.Stream;

/// How one cell of attention was computed, with every number.
final class StepRoutes {
    private static final List<Parameter> CELL = List.of(
            Parameter.integer("layer", "Layer, from 0", 0, Integer.MAX_VALUE),
            Parameter.integer("head", "Head, from 0", 0, Integer.MAX_VALUE),
            Parameter.integer("query", "Position of the query", 0, Integer.MAX_VALUE),
            Parameter.integer(
                            "key",
                            "Position of the key, perhaps a later one than the query; -1: the one with the largest"
                                    + " weight",
                            -1,
                            Integer.MAX_VALUE)
                    .or("-1"));

    private StepRoutes() {}

    static List<Route> routes() {
        return List.of(
                Route.get(
                        "runs/{run}/steps",
                        "How one cell of one head was computed, step by step, with every number",
                        CELL,
                        "steps of docs/json.md",
                        StepRoutes::steps),
                Route.get(
                        "runs/{run}/element",
                        "One element of q, k, v or of the head's output as a sum, with all its products",
                        Stream.concat(
                                        CELL.stream(),
                                        Stream.of(
                                                Parameter.choice("of", "Which vector", "q", "k", "v", "output"),
                                                Parameter.integer(
                                                        "index",
                                                        "Element: of the head for q, k and v, of the residual for"
                                                                + " output",
                                                        0,
                                                        Integer.MAX_VALUE)))
                                .toList(),
                        "{of, position, index, sum, bias, run, difference, x, weight, products}",
                        StepRoutes::element));
    }

    private interface Looking<T> {
        T at(Look look, clearhead.ops.Ops ops, OptionalInt key);
    }

    private static <T> T look(Call call, Lease lease, Looking<T> looking) throws InterruptedException {
        var run = lease.run();
        int layer = call.below("layer", run.model().layers());
        int head = call.below("head", run.pattern(layer).spec().heads());
        int query = call.below("query", run.tokens());
        OptionalInt key = call.integer("key") < 0
                ? OptionalInt.empty()
                : OptionalInt.of(call.below("key", run.pattern(layer).context()));
        return lease.hosted().with(ops -> {
            try (Look look = run.look(ops, layer, head, query)) {
                return looking.at(look, ops, key);
            }
        });
    }

    private static void steps(Call call) throws InterruptedException {
        try (Lease lease = call.run()) {
            Spec spec = lease.spec();
            Prompt prompt = spec.prompt().with(lease.run().ids());
            Steps steps = look(
                    call,
                    lease,
                    (look, ops, key) -> Steps.of(
                            look, ops, key, spec.changes(), spec.prompt().ids(), spec.other()));
            call.json(w -> new StepsJson(w, prompt).write(steps));
        }
    }

    private static void element(Call call) throws InterruptedException {
        try (Lease lease = call.run()) {
            var of = WrittenOut.Of.valueOf(call.text("of").toUpperCase(Locale.ROOT));
            WrittenOut written = look(
                    call,
                    lease,
                    (look, ops, key) -> WrittenOut.of(
                            look,
                            ops,
                            of,
                            key.orElseGet(() -> look.row().ranked().getFirst()),
                            call.integer("index")));
            call.json(w -> StepsJson.written(w, written));
        }
    }
}
