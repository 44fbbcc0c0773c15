package clearhead.app;

import clearhead.inspect.Contributions;
import clearhead.inspect.Prediction;
import clearhead.inspect.Run;
import clearhead.io.JsonWriter;
import clearhead.sampling.Sampling;
import clearhead.view.ContributionsJson;
import clearhead.view.ModelJson;
import clearhead.view.PredictJson;
import clearhead.view.PredictSvg;
import clearhead.view.Prompt;
import clearhead.view.TokenSearch;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.Writer;
import java.util.ArrayList;
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
        name = "predict",
        mixinStandardHelpOptions = true,
        description = {
            "Shows what a model says comes next: every token's logit, probability and rank, what temperature,"
                    + " top-k, top-p and min-p leave of it, and which parts of the model say so.",
            "",
            "The rules, their order and the draws are those of generate. A TOKEN is a text that is one token,"
                    + " the name of a special token, or # and an id."
        })
final class PredictCommand implements Callable<Integer> {
    /// Draws at most.
    private static final int MOST_DRAWS = 1_000_000;

    @Mixin
    private TextOption text = new TextOption();

    @Mixin
    private ModelOption model = new ModelOption();

    @Mixin
    private SamplingRules rules = new SamplingRules();

    @Mixin
    private ChangeOptions changes = new ChangeOptions();

    @Option(
            names = "--query",
            paramLabel = "i",
            description = "Position of the token after which is predicted; −1 is the last. Default: the last.")
    private Optional<Integer> query = Optional.empty();

    @Option(
            names = "--top",
            paramLabel = "N",
            defaultValue = "20",
            description = "How many tokens, or parts, to list. Default: ${DEFAULT-VALUE}.")
    private int top = 20;

    @Option(
            names = "--find",
            paramLabel = "TOKEN",
            description = "Show this token too, with its rank; may be given several times.")
    private List<String> find = new ArrayList<>();

    @Option(
            names = "--draws",
            paramLabel = "N",
            defaultValue = "0",
            description = "Draw the next token N times by the rules and --seed, and count.")
    private int draws;

    @Option(
            names = "--contributions",
            paramLabel = "A[,B]",
            description = "Take logit(A), or logit(A) − logit(B), apart into what every part of the model says.")
    private Optional<String> contributions = Optional.empty();

    @Option(
            names = "--json",
            paramLabel = "FILE",
            description = "Write everything in full precision (docs/json.md); - for standard output.")
    private Optional<String> json = Optional.empty();

    @Option(
            names = "--csv",
            paramLabel = "FILE",
            description = "Write the whole vocabulary, or with --contributions the parts, in full precision;"
                    + " - for standard output.")
    private Optional<String> csv = Optional.empty();

    @Option(
            names = "--svg",
            paramLabel = "FILE",
            description = "Draw the bars, or with --contributions the sum; - for standard output.")
    private Optional<String> svg = Optional.empty();

    @Spec
    @SuppressWarnings("NullAway.Init")
    private CommandSpec spec;

    @Override
    public Integer call() {
        text.check();
        if (top < 1) {
            throw new UsageException("--top wants at least 1, found " + top);
        }
        if (draws < 0 || draws > MOST_DRAWS) {
            throw new UsageException("--draws wants 0 to " + MOST_DRAWS + ", found " + draws);
        }
        Sampling sampling = rules.sampling(1);
        var files = Destination.both(json, csv);
        Optional<Destination> picture = svg.map(Destination::new);
        PrintWriter out = spec.commandLine().getOut();
        try (OpenModel open = OpenModel.open(model)) {
            open.model().requireDecoder();
            Prompt prompt = text.prompt(open);
            int tokens = prompt.ids().length;
            int row = Ranges.position("--query", query, tokens).orElse(tokens - 1);
            var search = new TokenSearch(prompt, open.transformer().vocab());
            List<Integer> found = find.stream()
                    .flatMap(t -> search.all(t).stream())
                    .distinct()
                    .toList();
            try (Run run = changes.run(open, text, prompt)) {
                double[] logits = run.logits(open.ops(), row);
                if (!Arrays.stream(logits).allMatch(Double::isFinite)) {
                    open.requireFinite(prompt.ids());
                }
                int[] read = Arrays.copyOf(run.ids(), row + 1);
                var p = Prediction.of(logits, read, sampling);
                Optional<Contributions> sum = contributions.map(t -> parts(t, search, logits, run, open, row));
                if (!files.quiet()
                        && picture.filter(Destination::isStandardOutput).isEmpty()) {
                    out.println(open.describe());
                    out.println();
                    var view = new PredictText(out, prompt);
                    view.prediction(row, p, Math.min(top, p.vocab()), found);
                    if (draws > 0) {
                        view.draws(p, draws, top);
                    }
                    sum.ifPresent(c -> view.contributions(c, open.transformer().layers(), top));
                }
                files.json().ifPresent(to -> to.write(out, w -> json(w, open, prompt, row, p, found, sum)));
                files.csv()
                        .ifPresent(to -> to.write(out, w -> {
                            if (sum.isPresent()) {
                                PredictCsv.parts(sum.get(), w);
                            } else {
                                PredictCsv.vocabulary(p, prompt, w);
                            }
                        }));
                picture.ifPresent(to -> to.write(
                        out,
                        w -> w.write(sum.map(c -> PredictSvg.contributions(
                                        prompt, c, open.transformer().layers()))
                                .orElseGet(() -> PredictSvg.bars(prompt, row, p, Math.min(top, p.vocab()))))));
            }
        }
        return 0;
    }

    /// `A`, or `A,B`; a comma alone is a token, too.
    private static Contributions parts(
            String typed, TokenSearch search, double[] logits, Run run, OpenModel open, int row) {
        int comma = typed.indexOf(',', 1);
        int a = search.likeliest(comma < 0 ? typed : typed.substring(0, comma), logits);
        OptionalInt b =
                comma < 0 ? OptionalInt.empty() : OptionalInt.of(search.likeliest(typed.substring(comma + 1), logits));
        return Contributions.of(run, open.ops(), row, a, b);
    }

    private void json(
            Writer to,
            OpenModel open,
            Prompt prompt,
            int row,
            Prediction p,
            List<Integer> found,
            Optional<Contributions> sum)
            throws IOException {
        try (var document = JsonWriter.to(to, true)) {
            document.beginObject().field("command", "predict");
            ModelJson.model(document, open.model(), open.arithmetic(), open.backend());
            ModelJson.tokens(document, prompt);
            new PredictJson(document, prompt).write(row, p, top, found, draws);
            sum.ifPresent(c -> {
                document.name("contributions").beginObject();
                ContributionsJson.write(document, prompt, c, open.transformer().layers());
                document.endObject();
            });
            document.endObject();
        }
    }
}
