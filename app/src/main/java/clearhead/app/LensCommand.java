package clearhead.app;

import clearhead.inspect.Lens;
import clearhead.inspect.Run;
import clearhead.io.JsonWriter;
import clearhead.view.LensJson;
import clearhead.view.ModelJson;
import clearhead.view.PredictSvg;
import clearhead.view.PredictWords;
import clearhead.view.Printable;
import clearhead.view.Prompt;
import clearhead.view.TokenSearch;
import java.io.PrintWriter;
import java.io.Writer;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.concurrent.Callable;
import java.util.stream.IntStream;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

@Command(
        name = "lens",
        mixinStandardHelpOptions = true,
        description = {
            "Shows what the model would predict if it stopped after each layer: the logit lens"
                    + " (nostalgebraist 2020), the last norm and the head on the residual of every layer.",
            "",
            "Early layers need not speak the language of the last one: a strange token there says that the lens"
                    + " cannot read it. A TOKEN is a text that is one token, the name of a special token, or # and"
                    + " an id."
        })
final class LensCommand implements Callable<Integer> {
    /// Columns where none are asked for.
    private static final int WINDOW = 32;

    @Mixin
    private TextOption text = new TextOption();

    @Mixin
    private ModelOption model = new ModelOption();

    @Mixin
    private ChangeOptions changes = new ChangeOptions();

    @Option(
            names = "--query",
            paramLabel = "i",
            description = "Position of the token after which is predicted; −1 is the last. Default: the last.")
    private Optional<Integer> query = Optional.empty();

    @Option(
            names = "--positions",
            paramLabel = "i-j",
            description = "Columns of the grid, such as 0-31. Default: the query and up to " + (WINDOW - 1)
                    + " tokens before it.")
    private Optional<String> positions = Optional.empty();

    @Option(names = "--attention", description = "Rows after attention, too, and not only after whole layers.")
    private boolean attention;

    @Option(names = "--find", paramLabel = "TOKEN", description = "Follow the rank of this token.")
    private Optional<String> find = Optional.empty();

    @Option(
            names = "--json",
            paramLabel = "FILE",
            description = "Write the grid in full precision (docs/json.md); - for standard output.")
    private Optional<String> json = Optional.empty();

    @Option(
            names = "--csv",
            paramLabel = "FILE",
            description = "Write the grid, one line a cell, in full precision; - for standard output.")
    private Optional<String> csv = Optional.empty();

    @Option(names = "--svg", paramLabel = "FILE", description = "Draw the grid; - for standard output.")
    private Optional<String> svg = Optional.empty();

    @Spec
    @SuppressWarnings("NullAway.Init")
    private CommandSpec spec;

    @Override
    public Integer call() {
        text.check();
        var files = Destination.both(json, csv);
        Optional<Destination> picture = svg.map(Destination::new);
        PrintWriter out = spec.commandLine().getOut();
        try (OpenModel open = OpenModel.open(model)) {
            open.model().requireDecoder();
            Prompt prompt = text.prompt(open);
            int tokens = prompt.ids().length;
            int row = Ranges.position("--query", query, tokens).orElse(tokens - 1);
            int[] columns = columns(tokens, row);
            try (Run run = changes.run(open, text, prompt)) {
                double[] logits = run.logits(open.ops(), row);
                if (!Arrays.stream(logits).allMatch(Double::isFinite)) {
                    open.requireFinite(prompt.ids());
                }
                OptionalInt watched = find.isEmpty()
                        ? OptionalInt.empty()
                        : OptionalInt.of(new TokenSearch(prompt, logits.length).likeliest(find.get(), logits));
                var lens = new Lens(run);
                List<Lens.Place> places = lens.places(attention);
                List<List<Lens.Cell>> grid = lens.grid(open.ops(), columns, places, watched);
                if (!files.quiet()
                        && picture.filter(Destination::isStandardOutput).isEmpty()) {
                    out.println(open.describe());
                    out.println();
                    print(out, prompt, row, columns, places, grid);
                }
                files.json()
                        .ifPresent(to -> to.write(out, w -> {
                            try (var document = JsonWriter.to(w, true)) {
                                document.beginObject().field("command", "lens");
                                ModelJson.model(document, open.model(), open.arithmetic(), open.backend());
                                ModelJson.tokens(document, prompt);
                                new LensJson(document, prompt).write(row, columns, places, watched, grid);
                                document.endObject();
                            }
                        }));
                files.csv().ifPresent(to -> to.write(out, (Writer w) -> PredictCsv.lens(places, grid, prompt, w)));
                picture.ifPresent(to -> to.write(out, w -> w.write(PredictSvg.lens(prompt, columns, places, grid))));
            }
        }
        return 0;
    }

    private int[] columns(int tokens, int row) {
        if (positions.isEmpty()) {
            return IntStream.rangeClosed(Math.max(0, row - WINDOW + 1), row).toArray();
        }
        String typed = positions.get();
        if (!typed.matches("[0-9]{1,9}(-[0-9]{1,9})?")) {
            throw new UsageException("--positions wants a range such as 0-31, found \"" + typed + "\"");
        }
        String[] ends = typed.split("-");
        int from = Integer.parseInt(ends[0]);
        int to = Integer.parseInt(ends[ends.length - 1]);
        if (from > to || to >= tokens) {
            throw new UsageException("--positions " + typed + " is out of range: the text has " + tokens
                    + " tokens, numbered 0 to " + (tokens - 1));
        }
        return IntStream.rangeClosed(from, to).toArray();
    }

    private static void print(
            PrintWriter out,
            Prompt prompt,
            int row,
            int[] columns,
            List<Lens.Place> places,
            List<List<Lens.Cell>> grid) {
        Terminal terminal = Terminal.current();
        Heat heat = Heat.of(terminal.color(), System.getenv());
        grid(out, prompt, columns, places, grid, heat, terminal.columns());
        OptionalInt column = LensJson.column(columns, row);
        if (column.isEmpty()) {
            return;
        }
        List<Lens.Cell> cells = grid.stream().map(r -> r.get(column.getAsInt())).toList();
        boolean follows = cells.getFirst().watched().isPresent();
        out.println();
        out.println(heat.strong(PredictWords.sentence(prompt, places, cells)));
        out.println(heat.faint("  after          " + Printable.fit("most likely", 22) + "  probability  from the last"
                + (follows
                        ? "    rank of "
                                + prompt.label(cells.getFirst()
                                                .watched()
                                                .orElseThrow()
                                                .id())
                                        .quoted()
                        : "")));
        for (int i = 0; i < places.size(); i++) {
            Lens.Cell c = cells.get(i);
            out.println(String.format(Locale.ROOT, "  %-13s  ", places.get(i).label())
                    + Printable.fit(prompt.label(c.id()).quoted(), 22)
                    + "  " + PredictText.share(c.probability(), 11)
                    + String.format(Locale.ROOT, "  %8.4f nats", c.divergence())
                    + c.watched()
                            .map(w -> String.format(Locale.ROOT, "  %8d  ", w.rank())
                                    + PredictText.share(w.probability(), 11))
                            .orElse(""));
        }
    }

    /// As many of the last columns as fit.
    private static void grid(
            PrintWriter out,
            Prompt prompt,
            int[] columns,
            List<Lens.Place> places,
            List<List<Lens.Cell>> grid,
            Heat heat,
            int width) {
        int cell = 10;
        int room = Math.max(1, (width - 13) / (cell + 1));
        int from = Math.max(0, columns.length - room);
        if (from > 0) {
            out.println(heat.faint("  the last " + room + " of " + columns.length
                    + " positions (a wider terminal, --csv or --svg shows all)"));
        }
        for (int row = places.size() - 1; row >= 0; row--) {
            var line = new StringBuilder(
                    String.format(Locale.ROOT, "%11s  ", places.get(row).label()));
            for (int i = from; i < columns.length; i++) {
                Lens.Cell c = grid.get(row).get(i);
                String token = Printable.fit(prompt.label(c.id()).text(), heat == Heat.PLAIN ? cell - 2 : cell);
                line.append(
                                heat == Heat.PLAIN
                                        ? token + " " + heat.cell(c.probability(), " ")
                                        : heat.cell(c.probability(), token))
                        .append(' ');
            }
            out.println(line.toString().stripTrailing());
        }
        var line = new StringBuilder(" ".repeat(13));
        for (int i = from; i < columns.length; i++) {
            line.append(Printable.fit(prompt.labels().get(columns[i]).text(), cell))
                    .append(' ');
        }
        out.println(heat.faint(line.toString().stripTrailing()));
        out.println(heat.legend().replace("weight", "probability").replaceAll("(; blank|  no colour): masked", ""));
    }
}
