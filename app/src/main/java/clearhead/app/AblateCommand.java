package clearhead.app;

import clearhead.inspect.HeadSweep;
import clearhead.inspect.Interventions;
import clearhead.inspect.LogitEffect;
import clearhead.io.JsonWriter;
import clearhead.view.ChangesJson;
import clearhead.view.ModelJson;
import clearhead.view.Prompt;
import java.io.PrintWriter;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

@Command(
        name = "ablate",
        mixinStandardHelpOptions = true,
        description = {
            "Switches a head off, or makes any other change, and shows what becomes of the next token.",
            "",
            "The head's own slice of z, before Wo, is multiplied by --scale at every token, and all"
                    + " that comes after it is computed anew. --sweep does so with every head, one at a"
                    + " time, and sorts them by how much they change."
        })
final class AblateCommand implements Callable<Integer> {
    @Mixin
    private TextOption text = new TextOption();

    @Mixin
    private ModelOption model = new ModelOption();

    @Option(names = "--layer", paramLabel = "L", description = "Layer, from 0.")
    private Optional<Integer> layer = Optional.empty();

    @Option(names = "--head", paramLabel = "H", description = "Query head, from 0.")
    private Optional<Integer> head = Optional.empty();

    @Option(
            names = "--scale",
            paramLabel = "F",
            description = "Factor on what the head says: 0 switches it off, 1 changes nothing. Default: 0.")
    private Optional<Double> scale = Optional.empty();

    @Option(
            names = "--mean",
            description = "In place of --scale: the head says at every token what it says on average over the text.")
    private boolean mean;

    @Mixin
    private ChangeOptions changes = new ChangeOptions();

    @Option(names = "--sweep", description = "Every head, one at a time; --change is made in all of the runs.")
    private boolean sweep;

    @Option(
            names = "--query",
            paramLabel = "i",
            description = "Position of the token after which the next one is predicted; −1 is the last."
                    + " Default: the last.")
    private Optional<Integer> query = Optional.empty();

    @Option(
            names = "--top",
            paramLabel = "N",
            defaultValue = "10",
            description = "How many tokens, or heads, to list. Default: ${DEFAULT-VALUE}.")
    private int top = 10;

    @Option(
            names = "--json",
            paramLabel = "FILE",
            description = "Write everything in full precision (docs/json.md); - for standard output.")
    private Optional<String> json = Optional.empty();

    @Spec
    @SuppressWarnings("NullAway.Init")
    private CommandSpec spec;

    @Override
    public Integer call() {
        text.check();
        boolean oneHead = layer.isPresent() || head.isPresent();
        if (layer.isPresent() != head.isPresent() || (sweep && oneHead) || !(sweep || oneHead || !changes.isEmpty())) {
            throw new UsageException("give --layer L --head H, or --change CHANGE, or --sweep for every head");
        }
        if (top < 1 || scale.filter(f -> !Double.isFinite(f)).isPresent()) {
            throw new UsageException("--top wants at least 1 and --scale a number");
        }
        if (mean && scale.isPresent() || (mean || scale.isPresent()) && !(sweep || oneHead)) {
            throw new UsageException(
                    "--scale or --mean belongs to --layer and --head, or to --sweep; give one of them");
        }
        try (OpenModel open = OpenModel.open(model)) {
            open.model().requireDecoder();
            Prompt prompt = text.prompt(open);
            int tokens = prompt.ids().length;
            int row = Ranges.position("--query", query, tokens).orElse(tokens - 1);
            OptionalInt atLayer = Ranges.layer(layer, open.transformer());
            OptionalInt atHead = Ranges.head(head, layer, open.transformer());
            List<String> more = oneHead
                    ? List.of("head:" + atLayer.orElseThrow() + "." + atHead.orElseThrow() + "=" + how())
                    : List.of();
            ChangeOptions.Given given = changes.read(open, text, prompt, more);
            var result = sweep ? swept(open, prompt, given, row) : made(open, prompt, given, row);
            Optional<Destination> to = json.map(Destination::new);
            if (to.filter(Destination::isStandardOutput).isEmpty()) {
                new AblateText(spec.commandLine().getOut(), open, prompt, row, top).print(result);
            }
            to.ifPresent(d -> d.write(spec.commandLine().getOut(), w -> {
                try (var document = JsonWriter.to(w, true)) {
                    write(document, open, prompt, row, result);
                }
            }));
        }
        return 0;
    }

    private String how() {
        return mean ? "mean" : Double.toString(scale.orElse(0.0));
    }

    /// What was done and what came of it.
    ///
    /// @param what what a sweep does to a head, such as `off`
    /// @param effect of all changes together; of a sweep, nothing
    /// @param heads of a sweep, those that change most first; else the head named by --layer and --head
    record Result(Interventions changes, String what, Optional<LogitEffect> effect, List<HeadSweep.Effect> heads) {}

    private Result made(OpenModel open, Prompt prompt, ChangeOptions.Given given, int row) {
        LogitEffect effect =
                given.changes().effect(open.transformer(), open.ops(), prompt.ids(), given.otherIds(), row);
        if (!Arrays.stream(effect.before()).allMatch(Double::isFinite)) {
            open.requireFinite(prompt.ids());
        }
        List<HeadSweep.Effect> one = layer.isEmpty()
                ? List.of()
                : List.of(new HeadSweep.Effect(
                        layer.get(),
                        head.orElseThrow(),
                        effect.divergence(),
                        effect.of(effect.best()),
                        effect.top(top)));
        return new Result(given.changes(), what(), Optional.of(effect), one);
    }

    private String what() {
        double factor = scale.orElse(0.0);
        return mean ? "at its mean" : factor == 0 ? "off" : "times " + factor;
    }

    private Result swept(OpenModel open, Prompt prompt, ChangeOptions.Given given, int row) {
        PrintWriter err = spec.commandLine().getErr();
        boolean terminal = Terminal.current().color();
        var sweep = new HeadSweep(open.transformer(), open.ops(), prompt.ids(), given.otherIds(), given.changes(), row);
        List<HeadSweep.Effect> effects =
                sweep.run(mean ? OptionalDouble.empty() : OptionalDouble.of(scale.orElse(0.0)), top, (done, of) -> {
                    if (terminal) {
                        err.print("\rhead " + done + " of " + of + (done == of ? "\n" : ""));
                        err.flush();
                    }
                    return true;
                });
        if (!effects.stream().allMatch(e -> Double.isFinite(e.best().logitBefore()))) {
            open.requireFinite(prompt.ids());
        }
        return new Result(
                given.changes(),
                what(),
                Optional.empty(),
                effects.stream()
                        .sorted(Comparator.comparingDouble((HeadSweep.Effect e) -> -e.divergence()))
                        .toList());
    }

    private void write(JsonWriter document, OpenModel open, Prompt prompt, int row, Result result) {
        document.beginObject().field("command", "ablate");
        ModelJson.model(document, open.model(), open.arithmetic(), open.backend());
        ModelJson.tokens(document, prompt);
        document.field("query", row);
        if (mean) {
            document.field("scale", "mean");
        } else {
            document.field("scale", scale.orElse(0.0));
        }
        ChangesJson.changes(document, prompt, result.changes().changes());
        result.effect().ifPresent(effect -> {
            document.name("effect").beginObject();
            ChangesJson.effect(document, prompt, effect, top);
            document.endObject();
        });
        document.name("heads").beginArray();
        for (HeadSweep.Effect e : result.heads()) {
            ChangesJson.head(document, prompt, e);
        }
        document.endArray().endObject();
    }
}
