package clearhead.app;

import clearhead.inspect.Alignment;
import clearhead.inspect.Comparison;
import clearhead.inspect.Interventions;
import clearhead.inspect.Run;
import clearhead.io.JsonWriter;
import clearhead.view.ChangesJson;
import clearhead.view.GridSvg;
import clearhead.view.ModelJson;
import clearhead.view.Prompt;
import clearhead.view.Sides;
import java.io.PrintWriter;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.stream.IntStream;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

@Command(
        name = "compare",
        mixinStandardHelpOptions = true,
        description = {
            "Compares two runs: two texts, two models (--model-b), or a text with and without changes (--change, which"
                    + " are made in B only).",
            "",
            "Tokens are aligned first. Heads are compared by the mean total variation distance of their rows: 0"
                    + " where they look at the same keys by the same weights, 1 where they have nothing in common."
        })
final class CompareCommand implements Callable<Integer> {
    @Mixin
    private TextOption text = new TextOption();

    @Parameters(index = "1", arity = "0..1", paramLabel = "TEXT-B", description = "B's text. Default: A's.")
    private Optional<String> textB = Optional.empty();

    @Mixin
    private ModelOption model = new ModelOption();

    @Option(names = "--model-b", paramLabel = "M", description = "B's model. Default: A's.")
    private Optional<String> modelB = Optional.empty();

    @Mixin
    private ChangeOptions changes = new ChangeOptions();

    @Option(
            names = "--query",
            paramLabel = "i",
            description = "Position in A of the token after which the next one is predicted; −1 is the last."
                    + " Default: the last of each text.")
    private Optional<Integer> query = Optional.empty();

    @Option(
            names = "--rows",
            paramLabel = "N",
            defaultValue = "512",
            description = "Rows that are compared at most, evenly spread. Default: ${DEFAULT-VALUE}.")
    private int rows = 512;

    @Option(
            names = "--top",
            paramLabel = "N",
            defaultValue = "10",
            description = "How many heads, arrows and tokens to list. Default: ${DEFAULT-VALUE}.")
    private int top = 10;

    @Option(
            names = "--json",
            paramLabel = "FILE",
            description = "Write everything in full precision (docs/json.md); - for standard output.")
    private Optional<String> json = Optional.empty();

    @Option(
            names = "--csv",
            paramLabel = "FILE",
            description = "Write one line a head, in full precision; - for standard output.")
    private Optional<String> csv = Optional.empty();

    @Option(names = "--svg", paramLabel = "FILE", description = "Write the grid of heads as a picture.")
    private Optional<String> svg = Optional.empty();

    @Spec
    @SuppressWarnings("NullAway.Init")
    private CommandSpec spec;

    @Override
    public Integer call() {
        text.check();
        if (top < 1 || rows < 1) {
            throw new UsageException("--top and --rows want at least 1");
        }
        if (textB.isEmpty() && modelB.isEmpty() && changes.isEmpty()) {
            throw new UsageException("nothing to compare with: give a second text, --model-b M, or --change CHANGE");
        }
        Destination.both(json, csv);
        try (OpenModel open = OpenModel.open(model)) {
            if (modelB.isEmpty()) {
                compare(open, open);
            } else {
                var option = new ModelOption();
                option.model = modelB.get();
                option.arithmetic = model.arithmetic;
                try (OpenModel other = OpenModel.open(option)) {
                    compare(open, other);
                }
            }
        }
        return 0;
    }

    /// What was compared.
    record Compared(OpenModel openA, OpenModel openB, Prompt a, Prompt b, Interventions changes, Sides.Rows at) {}

    private void compare(OpenModel openA, OpenModel openB) {
        Prompt a = text.prompt(openA);
        Prompt b = textB.isPresent() || openA != openB ? promptB(openB) : a;
        ChangeOptions.Given given = changes.read(openB, text, b, List.of());
        try (var runA = Run.of(openA.transformer(), openA.ops(), a.ids());
                var runB = Run.of(
                        openB.transformer(),
                        openB.ops(),
                        given.changes().ids(b.ids()),
                        given.changes().probe(openB.transformer(), openB.ops(), b.ids(), given.otherIds()),
                        Run.Progress.NONE)) {
            Alignment alignment = Sides.align(openA.model(), a, openB.model(), b);
            Sides.Rows at = Sides.rows(
                    alignment, Ranges.position("--query", query, a.ids().length), a.ids().length, b.ids().length);
            var sideA = Comparison.Side.of(runA, openA.ops(), at.a());
            var sideB = Comparison.Side.of(runB, openB.ops(), at.b());
            requireFinite(openA, a, sideA);
            requireFinite(openB, b, sideB);
            var comparison = Comparison.of(sideA, sideB, alignment, rows, top);
            var compared = new Compared(openA, openB, a, b, given.changes(), at);
            write(compared, comparison, sideA.logits(), sideB.logits());
        }
    }

    private static void requireFinite(OpenModel open, Prompt prompt, Comparison.Side side) {
        for (double logit : side.logits()) {
            if (!Double.isFinite(logit)) {
                open.requireFinite(prompt.ids());
            }
        }
    }

    private Prompt promptB(OpenModel open) {
        if (textB.isEmpty()) {
            return text.prompt(open);
        }
        if (textB.get().isEmpty()) {
            throw TextOption.empty();
        }
        return Prompt.ofText(textB.get(), open.model().tokenizer(), text.special.tokens)
                .checked(open.model());
    }

    private void write(Compared compared, Comparison c, double[] logitsA, double[] logitsB) {
        PrintWriter out = spec.commandLine().getOut();
        var files = Destination.both(json, csv);
        if (!files.quiet()) {
            new CompareText(out, compared, c, top).print(logitsA, logitsB);
        }
        files.json()
                .ifPresent(to -> to.write(out, w -> {
                    try (var document = JsonWriter.to(w, true)) {
                        document.beginObject().field("command", "compare");
                        side(
                                document.name("a"),
                                compared.openA(),
                                compared.a(),
                                compared.at().a());
                        side(
                                document.name("b"),
                                compared.openB(),
                                compared.b(),
                                compared.at().b());
                        ChangesJson.changes(
                                document, compared.b(), compared.changes().changes());
                        ChangesJson.comparison(document, compared.a(), compared.b(), c, logitsA, logitsB, top);
                        document.endObject();
                    }
                }));
        files.csv()
                .ifPresent(to -> to.write(out, w -> {
                    w.write("layer,head,distance,largest,entropy_a,entropy_b\n");
                    for (Comparison.Head h : c.heads()) {
                        w.write(h.layer() + "," + h.head() + "," + h.distance() + "," + h.largest() + "," + h.entropyA()
                                + "," + h.entropyB() + "\n");
                    }
                }));
        svg.ifPresent(name -> new Destination(name).write(out, w -> w.write(picture(c))));
    }

    private static void side(JsonWriter json, OpenModel open, Prompt prompt, int row) {
        json.beginObject();
        ModelJson.model(json, open.model(), open.arithmetic(), open.backend());
        ModelJson.tokens(json, prompt);
        json.field("query", row).endObject();
    }

    private static String picture(Comparison c) {
        int layers =
                1 + c.heads().stream().mapToInt(Comparison.Head::layer).max().orElse(-1);
        int heads = 1 + c.heads().stream().mapToInt(Comparison.Head::head).max().orElse(-1);
        var values = new double[layers][heads];
        for (double[] row : values) {
            Arrays.fill(row, Double.NaN);
        }
        c.heads().forEach(h -> values[h.layer()][h.head()] = h.distance());
        return new GridSvg(
                        "Mean total variation distance between the rows of A and B, by head",
                        "layer",
                        IntStream.range(0, layers).mapToObj(l -> "layer " + l).toList(),
                        "head",
                        IntStream.range(0, heads).mapToObj(h -> "head " + h).toList(),
                        values)
                .document();
    }
}
