package clearhead.app;

import clearhead.inspect.Alignment;
import clearhead.inspect.HeadSweep;
import clearhead.inspect.Interventions;
import clearhead.inspect.PatchGrid;
import clearhead.io.JsonWriter;
import clearhead.nn.Site;
import clearhead.view.ChangesJson;
import clearhead.view.GridSvg;
import clearhead.view.ModelJson;
import clearhead.view.Printable;
import clearhead.view.Prompt;
import java.io.PrintWriter;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

@Command(
        name = "patch",
        mixinStandardHelpOptions = true,
        description = {
            "Puts values of another text's run into this run, one layer and position at a time, and shows how much"
                    + " of the difference between the two comes with each.",
            "",
            "The difference is logit(a) − logit(b) after the query: a is what this text says next, b what the other"
                    + " says (--a and --b choose others). A cell of 1 has gone all the way to the other run, 0"
                    + " nowhere. Without --layer and --position, all layers and all positions that the two texts"
                    + " share are tried (causal tracing)."
        })
final class PatchCommand implements Callable<Integer> {
    @Mixin
    private TextOption text = new TextOption();

    @Mixin
    private ModelOption model = new ModelOption();

    @Mixin
    private ChangeOptions changes = new ChangeOptions();

    @Option(
            names = "--site",
            paramLabel = "SITE",
            defaultValue = "resid_post",
            description = "What is taken: resid_pre, z, attn_out, resid_mid, mlp_out or resid_post. Default:"
                    + " ${DEFAULT-VALUE}.")
    private String site = "resid_post";

    @Option(names = "--layer", paramLabel = "L", description = "One layer, from 0.")
    private Optional<Integer> layer = Optional.empty();

    @Option(names = "--head", paramLabel = "H", description = "With --site z: one query head, from 0.")
    private Optional<Integer> head = Optional.empty();

    @Option(names = "--position", paramLabel = "i", description = "One position, from 0; −1 is the last.")
    private Optional<Integer> position = Optional.empty();

    @Option(
            names = "--query",
            paramLabel = "i",
            description = "Position of the token after which the next one is predicted; −1 is the last."
                    + " Default: the last.")
    private Optional<Integer> query = Optional.empty();

    @Option(names = "--a", paramLabel = "ID", description = "Token a. Default: the likeliest after this text.")
    private Optional<Integer> a = Optional.empty();

    @Option(names = "--b", paramLabel = "ID", description = "Token b. Default: the likeliest after the other text.")
    private Optional<Integer> b = Optional.empty();

    @Option(
            names = "--json",
            paramLabel = "FILE",
            description = "Write everything in full precision (docs/json.md); - for standard output.")
    private Optional<String> json = Optional.empty();

    @Option(
            names = "--csv",
            paramLabel = "FILE",
            description = "Write one line a cell, in full precision; - for standard output.")
    private Optional<String> csv = Optional.empty();

    @Option(names = "--svg", paramLabel = "FILE", description = "Write the grid as a picture.")
    private Optional<String> svg = Optional.empty();

    @Spec
    @SuppressWarnings("NullAway.Init")
    private CommandSpec spec;

    @Override
    public Integer call() {
        text.check();
        Site at = PatchGrid.sites().stream()
                .filter(s -> s.label().equals(site))
                .findFirst()
                .orElseThrow(() -> new UsageException("--site wants one of "
                        + PatchGrid.sites().stream().map(Site::label).collect(Collectors.joining(", "))
                        + "; found " + site));
        if (head.isPresent() && at != Site.Z) {
            throw new UsageException("--head belongs to --site z");
        }
        var files = Destination.both(json, csv);
        try (OpenModel open = OpenModel.open(model)) {
            open.model().requireDecoder();
            Prompt prompt = text.prompt(open);
            ChangeOptions.Given given = changes.read(open, text, prompt, List.of());
            Prompt other = given.other()
                    .orElseThrow(() -> new UsageException(
                            "give the other text: --from \"…\" names the run that values" + " are taken from"));
            int row = Ranges.position("--query", query, prompt.ids().length).orElse(prompt.ids().length - 1);
            var patches =
                    new PatchGrid(open.transformer(), open.ops(), prompt.ids(), other.ids(), given.changes(), row);
            PatchGrid.Plan plan = plan(open, patches, prompt, other, at);
            int[] contrast = patches.contrast();
            PatchGrid.Grid grid =
                    patches.run(plan, id("--a", a, contrast[0], open), id("--b", b, contrast[1], open), progress());
            if (!Double.isFinite(grid.unpatched())) {
                open.requireFinite(prompt.ids());
            }
            PrintWriter out = spec.commandLine().getOut();
            if (!files.quiet()) {
                print(out, open, prompt, other, given.changes(), row, grid);
            }
            files.json()
                    .ifPresent(to -> to.write(out, w -> {
                        try (var document = JsonWriter.to(w, true)) {
                            document.beginObject().field("command", "patch");
                            ModelJson.model(document, open.model(), open.arithmetic(), open.backend());
                            ModelJson.tokens(document, prompt);
                            document.name("other").beginObject();
                            ModelJson.tokens(document, other);
                            document.endObject();
                            ChangesJson.changes(
                                    document, prompt, given.changes().changes());
                            document.field("query", row);
                            ChangesJson.grid(document, prompt, grid);
                            document.endObject();
                        }
                    }));
            files.csv()
                    .ifPresent(to -> to.write(out, w -> {
                        w.write("layer,position,from,difference,share\n");
                        for (int l = 0; l < plan.layers().length; l++) {
                            for (int p = 0; p < plan.positions().length; p++) {
                                w.write(plan.layers()[l] + "," + plan.positions()[p] + "," + plan.from()[p] + ","
                                        + grid.patched()[l][p] + "," + grid.share(l, p) + "\n");
                            }
                        }
                    }));
            svg.ifPresent(name -> new Destination(name).write(out, w -> w.write(picture(prompt, grid))));
        }
        return 0;
    }

    private PatchGrid.Plan plan(OpenModel open, PatchGrid patches, Prompt prompt, Prompt other, Site at) {
        OptionalInt onLayer = Ranges.layer(layer, open.transformer());
        PatchGrid.Plan whole = patches.plan(
                at, Ranges.head(head, layer, open.transformer()), Alignment.ofIds(prompt.ids(), other.ids()));
        int[] layers = onLayer.isPresent() ? new int[] {onLayer.getAsInt()} : whole.layers();
        OptionalInt one = Ranges.position("--position", position, prompt.ids().length);
        int[] columns = IntStream.range(0, whole.positions().length)
                .filter(p -> one.isEmpty() || whole.positions()[p] == one.getAsInt())
                .toArray();
        if (columns.length == 0) {
            throw new UsageException(
                    one.isPresent()
                            ? "position " + one.getAsInt() + " has no counterpart in the other text, or comes after"
                                    + " --query; leave --position out to see those that have one"
                            : "the two texts have no position in common; choose texts that share tokens");
        }
        return new PatchGrid.Plan(
                at,
                whole.head(),
                layers,
                Arrays.stream(columns).map(p -> whole.positions()[p]).toArray(),
                Arrays.stream(columns).map(p -> whole.from()[p]).toArray());
    }

    private static int id(String option, Optional<Integer> given, int otherwise, OpenModel open) {
        int id = given.orElse(otherwise);
        if (id < 0 || id >= open.transformer().vocab()) {
            throw new UsageException(option + " " + id + " is out of range: ids of this model are 0 to "
                    + (open.transformer().vocab() - 1));
        }
        return id;
    }

    private HeadSweep.Progress progress() {
        PrintWriter err = spec.commandLine().getErr();
        boolean terminal = Terminal.current().color();
        return (done, of) -> {
            if (terminal) {
                err.print("\rpatch " + done + " of " + of + (done == of ? "\n" : ""));
                err.flush();
            }
            return true;
        };
    }

    private static String sentence(Prompt prompt, PatchGrid.Grid grid) {
        return String.format(
                Locale.ROOT,
                "logit of %s minus logit of %s: %+.4f here, %+.4f after the other text",
                prompt.label(grid.a()).quoted(),
                prompt.label(grid.b()).quoted(),
                grid.unpatched(),
                grid.source());
    }

    private static void print(
            PrintWriter out,
            OpenModel open,
            Prompt prompt,
            Prompt other,
            Interventions changes,
            int row,
            PatchGrid.Grid grid) {
        Heat heat = Heat.of(Terminal.current().color(), System.getenv());
        PatchGrid.Plan plan = grid.plan();
        out.println(open.describe());
        out.println();
        out.println(heat.strong(sentence(prompt, grid)));
        if (!changes.isEmpty()) {
            out.println("in all runs: " + String.join(" ", changes.texts()));
        }
        out.println("share of that difference which " + plan.site().label()
                + (plan.head().isPresent() ? " of head " + plan.head().getAsInt() : "")
                + " brings along, by position (rows) and layer (columns); query " + row);
        out.println(heat.faint("  position  token           from the other     "
                + Arrays.stream(plan.layers())
                        .mapToObj(l -> String.format(Locale.ROOT, "%7d", l))
                        .collect(Collectors.joining())));
        for (int p = 0; p < plan.positions().length; p++) {
            int column = p;
            out.println(String.format(Locale.ROOT, "  %8d  ", plan.positions()[p])
                    + Printable.fit(prompt.labels().get(plan.positions()[p]).quoted(), 14) + "  "
                    + Printable.fit(other.labels().get(plan.from()[p]).quoted(), 14) + "     "
                    + IntStream.range(0, plan.layers().length)
                            .mapToObj(l -> String.format(Locale.ROOT, "%7.3f", grid.share(l, column)))
                            .collect(Collectors.joining()));
        }
    }

    private static String picture(Prompt prompt, PatchGrid.Grid grid) {
        PatchGrid.Plan plan = grid.plan();
        var values = new double[plan.layers().length][plan.positions().length];
        for (int l = 0; l < values.length; l++) {
            for (int p = 0; p < values[l].length; p++) {
                values[l][p] = grid.share(l, p);
            }
        }
        return new GridSvg(
                        "Share of the way to the other run. " + sentence(prompt, grid),
                        "layer",
                        Arrays.stream(plan.layers())
                                .mapToObj(l -> plan.site().label() + "." + l)
                                .toList(),
                        "position",
                        Arrays.stream(plan.positions())
                                .mapToObj(p -> p + " " + prompt.labels().get(p).text())
                                .toList(),
                        values)
                .document();
    }
}
