package clearhead.app;

import clearhead.inspect.AttentionMap;
import clearhead.inspect.Heads;
import clearhead.inspect.Interventions;
import clearhead.inspect.Look;
import clearhead.inspect.Parity;
import clearhead.inspect.Run;
import clearhead.inspect.Steps;
import clearhead.inspect.Units;
import clearhead.view.Prompt;
import java.io.PrintWriter;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

@Command(
        name = "attend",
        mixinStandardHelpOptions = true,
        description = {
            "Shows what one head of a model looks at while it reads a text, and what comes next.",
            "",
            "Where --layer or --head is not given, the head with the strongest look is shown: the one"
                    + " that gives the query's largest weight to one earlier token, the first token"
                    + " (where many heads put what they have no use for) not counted. Without --query,"
                    + " the last token looks."
        })
final class AttendCommand implements Callable<Integer> {
    /// Rows compared for the parity figure at most.
    private static final int PARITY_ROWS = 512;

    @Mixin
    private TextOption text = new TextOption();

    @Mixin
    private ModelOption model = new ModelOption();

    @Mixin
    private ChangeOptions changes = new ChangeOptions();

    @Mixin
    private MapOptions map = new MapOptions();

    @Option(names = "--layer", paramLabel = "L", description = "Layer, from 0.")
    private Optional<Integer> layer = Optional.empty();

    @Option(names = "--head", paramLabel = "H", description = "Query head, from 0.")
    private Optional<Integer> head = Optional.empty();

    @Option(
            names = "--query",
            paramLabel = "i",
            description = "Position of the token that looks, from 0; −1 is the last. Default: the last.")
    private Optional<Integer> query = Optional.empty();

    @Option(
            names = "--step",
            description =
                    "Print the whole computation of the query's row, and of one cell of it, with" + " every number.")
    private boolean step;

    @Option(
            names = "--key",
            paramLabel = "j",
            description = "With --step: position of the key of that cell; −1 is the last. Default: the"
                    + " one with the largest weight.")
    private Optional<Integer> key = Optional.empty();

    @Option(
            names = "--top",
            paramLabel = "N",
            defaultValue = "10",
            description = "How many keys and next tokens to list. Default: ${DEFAULT-VALUE}.")
    private int top = 10;

    @Option(
            names = "--json",
            paramLabel = "FILE",
            description = "Write everything in full precision (docs/json.md); - for standard output.")
    private Optional<String> json = Optional.empty();

    @Option(
            names = "--csv",
            paramLabel = "FILE",
            description = "Write the head's whole pattern, or with --step every number of the"
                    + " computation, in full precision; - for standard output.")
    private Optional<String> csv = Optional.empty();

    @Spec
    @SuppressWarnings("NullAway.Init")
    private CommandSpec spec;

    @Override
    public Integer call() {
        if (top < 1) {
            throw new UsageException("--top wants at least 1, found " + top);
        }
        text.check();
        if (key.isPresent() && !step) {
            throw new UsageException("--key belongs to --step");
        }
        var files = Destination.both(json, csv);
        boolean quiet = files.quiet();
        PrintWriter out = spec.commandLine().getOut();
        boolean plain = map.isEmpty() && changes.isEmpty();
        if (!plain && step) {
            throw new UsageException("--step goes with none of --of, --kind, --unit, --column, --change");
        }
        try (OpenModel open = OpenModel.open(model)) {
            Prompt prompt = text.prompt(open);
            if (!plain) {
                line(out, open, prompt, files);
                return 0;
            }
            int tokens = prompt.ids().length;
            int row = Ranges.position("--query", query, tokens).orElse(tokens - 1);
            OptionalInt cell = Ranges.position("--key", key, tokens);
            try (Look look = Look.at(
                    open.transformer(),
                    open.ops(),
                    prompt.ids(),
                    Ranges.layer(layer, open.transformer()),
                    Ranges.head(head, layer, open.transformer()),
                    row)) {
                if (!Arrays.stream(look.logits()).allMatch(Double::isFinite)) {
                    open.requireFinite(prompt.ids());
                }
                Parity parity = look.pattern().parity(look.head(), PARITY_ROWS);
                parity.require("layer " + look.layer() + ", head " + look.head());
                Optional<Steps> steps = step ? Optional.of(Steps.of(look, open.ops(), cell)) : Optional.empty();
                if (!quiet) {
                    print(out, open, prompt, look, parity, steps);
                }
                files.json()
                        .ifPresent(to -> to.write(
                                out, writer -> new AttendJson(open, prompt, look, parity, top).write(writer, steps)));
                files.csv()
                        .ifPresent(to -> to.write(out, writer -> {
                            if (steps.isPresent()) {
                                new StepsCsv(steps.get()).write(writer);
                            } else {
                                AttendCsv.write(look, prompt, writer);
                            }
                        }));
            }
        }
        return 0;
    }

    /// One row or column of the matrix that was asked for, of the run with its changes.
    private void line(PrintWriter out, OpenModel open, Prompt prompt, Destination.Both files) {
        Heads of = map.heads(layer, head, open.transformer());
        Interventions made = changes.read(open, text, prompt, List.of()).changes();
        Units units = map.units(prompt);
        if (map.column().isPresent() && query.isPresent()) {
            throw new UsageException("--query is a row, --column a column: give one of them");
        }
        boolean column = map.column().isPresent();
        int at = Ranges.position(column ? "--column" : "--query", column ? map.column() : query, units.count())
                .orElse(units.count() - 1);
        try (Run run = changes.run(open, text, prompt)) {
            if (!Arrays.stream(run.logits(open.ops(), run.tokens() - 1)).allMatch(Double::isFinite)) {
                open.requireFinite(prompt.ids());
            }
            if (of instanceof Heads.Mean(String _, List<Heads.Head> heads)) {
                for (Heads.Head h : heads) {
                    run.parity(h.layer(), h.head(), Math.max(16, PARITY_ROWS / heads.size()))
                            .require("layer " + h.layer() + ", head " + h.head());
                }
            }
            AttentionMap matrix = map.matrix(run, of, units);
            double[] values = column ? matrix.column(open.ops(), at) : matrix.row(open.ops(), at);
            var line = new AttendLine(
                    open, prompt.with(run.ids()), made.texts(), of, map.kind(), map.unit(), units, column, at, values);
            if (!files.quiet()) {
                line.print(out, top);
            }
            files.json().ifPresent(to -> to.write(out, line::json));
            files.csv().ifPresent(to -> to.write(out, line::csv));
        }
    }

    private void print(
            PrintWriter out, OpenModel open, Prompt prompt, Look look, Parity parity, Optional<Steps> steps) {
        Terminal terminal = Terminal.current();
        Heat heat = Heat.of(terminal.color(), System.getenv());
        var view = new AttendText(prompt, look, parity, heat, terminal.columns());
        out.println(open.describe());
        out.println();
        view.tokens(out);
        out.println();
        view.triangle(out, how());
        out.println();
        view.row(out, top);
        out.println();
        if (open.model().isDecoder()) {
            view.next(out, Math.min(top, open.transformer().vocab()));
            out.println();
        }
        view.parity(out, open.arithmetic());
        steps.ifPresent(s -> {
            out.println();
            new StepsText(s, prompt, heat, terminal.columns()).print(out);
        });
    }

    private String how() {
        if (layer.isPresent() && head.isPresent()) {
            return "";
        }
        return " (" + (layer.isPresent() ? "of this layer " : "") + "the strongest look at one earlier"
                + " token; --layer and --head choose others)";
    }
}
