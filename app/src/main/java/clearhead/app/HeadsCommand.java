package clearhead.app;

import clearhead.inspect.HeadLabel;
import clearhead.inspect.HeadMap;
import clearhead.inspect.HeadMetric;
import clearhead.inspect.HeadMetrics;
import clearhead.inspect.HeadScan;
import clearhead.inspect.Run;
import clearhead.io.JsonWriter;
import clearhead.view.GridSvg;
import clearhead.view.HeadWords;
import clearhead.view.HeadsJson;
import clearhead.view.ModelJson;
import clearhead.view.Prompt;
import clearhead.view.Repeated;
import java.io.PrintWriter;
import java.io.Writer;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.stream.IntStream;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

@Command(
        name = "heads",
        mixinStandardHelpOptions = true,
        description = {
            "Measures every head on a text: where it looks, how far, how sharply, what it writes; and calls heads by"
                    + " name where the evidence is strong.",
            "",
            "Labels are given only over a stated threshold above what a head of equal weights would score; most heads"
                    + " have none. Duplicate token and induction are decided on random tokens said twice."
        })
final class HeadsCommand implements Callable<Integer> {
    @Mixin
    private TextOption text = new TextOption();

    @Mixin
    private ModelOption model = new ModelOption();

    @Mixin
    private ChangeOptions changes = new ChangeOptions();

    @Option(
            names = "--metric",
            paramLabel = "NAME",
            defaultValue = "previous_token",
            description = "Sort by: previous_token, self, first_token, duplicate_token, induction, random_induction,"
                    + " entropy, entropy_share, distance, max_weight, output_norm or direct_effect. Default:"
                    + " ${DEFAULT-VALUE}.")
    private String metric = "previous_token";

    @Option(names = "--top", paramLabel = "N", description = "Only the first N heads. Default: all.")
    private Optional<Integer> top = Optional.empty();

    @Option(names = "--random", description = "What heads do on random tokens said twice, and not on the text.")
    private boolean random;

    @Option(
            names = "--query",
            paramLabel = "i",
            description = "Position of the token after which is predicted, for the direct effect; −1 is the last."
                    + " Default: the last.")
    private Optional<Integer> query = Optional.empty();

    @Option(
            names = "--json",
            paramLabel = "FILE",
            description = "Write everything in full precision (docs/json.md); - for standard output.")
    private Optional<String> json = Optional.empty();

    @Option(
            names = "--csv",
            paramLabel = "FILE",
            description = "Write the table, one line a head, in full precision; - for standard output.")
    private Optional<String> csv = Optional.empty();

    @Option(names = "--svg", paramLabel = "FILE", description = "Draw the grid, layers by heads; - for output.")
    private Optional<String> svg = Optional.empty();

    @Spec
    @SuppressWarnings("NullAway.Init")
    private CommandSpec spec;

    @Override
    public Integer call() {
        text.check();
        HeadMetric by;
        try {
            by = HeadMetric.named(metric);
        } catch (IllegalArgumentException e) {
            throw new UsageException("--metric: " + e.getMessage());
        }
        if (top.filter(n -> n < 1).isPresent()) {
            throw new UsageException("--top wants at least 1, found " + top.get());
        }
        var files = Destination.both(json, csv);
        Optional<Destination> picture = svg.map(Destination::new);
        PrintWriter out = spec.commandLine().getOut();
        try (OpenModel open = OpenModel.open(model)) {
            Prompt prompt = text.prompt(open);
            int tokens = prompt.ids().length;
            int position = Ranges.position("--query", query, tokens).orElse(tokens - 1);
            Optional<HeadMap.Random> repeated = Repeated.of(open.model(), open.ops());
            if (random && repeated.isEmpty()) {
                throw new UsageException(
                        "--random: the context of model " + open.model().name() + " holds "
                                + open.transformer().context() + " tokens, too few for " + HeadLabel.ROWS
                                + " random tokens said twice");
            }
            try (Run run = changes.run(open, text, prompt)) {
                var map = new HeadMap(HeadScan.of(run, open.ops(), position, Run.Progress.NONE), repeated);
                if (Double.isNaN(map.text()
                        .heads()
                        .getLast()
                        .value(HeadMetric.OUTPUT_NORM)
                        .orElse(0))) {
                    open.requireFinite(prompt.ids());
                }
                HeadScan shown = random ? map.random().orElseThrow().scan() : map.text();
                List<HeadMetrics> heads = HeadWords.sorted(shown, by);
                List<HeadMetrics> first = heads.subList(0, Math.min(heads.size(), top.orElse(heads.size())));
                if (!files.quiet()
                        && picture.filter(Destination::isStandardOutput).isEmpty()) {
                    out.println(open.describe());
                    out.println();
                    new HeadsText(map, shown, by, Terminal.current()).print(out, first, prompt);
                }
                files.json()
                        .ifPresent(to -> to.write(out, w -> {
                            try (var document = JsonWriter.to(w, true)) {
                                document.beginObject().field("command", "heads");
                                ModelJson.model(document, open.model(), open.arithmetic(), open.backend());
                                ModelJson.tokens(document, prompt);
                                new HeadsJson(document, map).write(prompt, by);
                                document.endObject();
                            }
                        }));
                files.csv().ifPresent(to -> to.write(out, (Writer w) -> HeadsText.csv(map, shown, first, w)));
                picture.ifPresent(to -> to.write(out, w -> w.write(picture(map, shown, by))));
            }
        }
        return 0;
    }

    private static String picture(HeadMap map, HeadScan shown, HeadMetric by) {
        int layers = shown.heads().getLast().layer() + 1;
        int most = shown.heads().stream().mapToInt(HeadMetrics::head).max().orElse(0) + 1;
        var values = new double[layers][most];
        for (double[] row : values) {
            java.util.Arrays.fill(row, Double.NaN);
        }
        shown.heads().forEach(h -> values[h.layer()][h.head()] = h.value(by).orElse(Double.NaN));
        return new GridSvg(
                        HeadWords.sentence(map, shown, by),
                        by.title() + ": " + by.formula(),
                        IntStream.range(0, layers).mapToObj(l -> "layer " + l).toList(),
                        "",
                        IntStream.range(0, most).mapToObj(h -> "head " + h).toList(),
                        values)
                .document();
    }
}
