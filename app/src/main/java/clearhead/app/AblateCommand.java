package clearhead.app;

import clearhead.inspect.Ablation;
import clearhead.inspect.LogitEffect;
import clearhead.io.JsonWriter;
import java.io.PrintWriter;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
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
            "Switches a head off and shows what becomes of the next token.",
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
            defaultValue = "0",
            description = "Factor on what the head says: 0 switches it off, 1 changes nothing. Default:"
                    + " ${DEFAULT-VALUE}.")
    private double scale;

    @Option(names = "--sweep", description = "Every head, one at a time.")
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
        if (sweep == (layer.isPresent() || head.isPresent()) || layer.isPresent() != head.isPresent()) {
            throw new UsageException("give --layer L --head H, or --sweep for every head");
        }
        if (top < 1 || !Double.isFinite(scale)) {
            throw new UsageException("--top wants at least 1 and --scale a number");
        }
        try (OpenModel open = OpenModel.open(model)) {
            Prompt prompt = Prompt.of(text, open);
            int tokens = prompt.ids().length;
            int row = Ranges.position("--query", query, tokens).orElse(tokens - 1);
            OptionalInt atLayer = Ranges.layer(layer, open.transformer());
            OptionalInt atHead = Ranges.head(head, layer, open.transformer());
            List<Ablation.HeadEffect> effects = sweep
                    ? sweep(open, prompt, row)
                    : List.of(new Ablation.HeadEffect(
                            atLayer.orElseThrow(),
                            atHead.orElseThrow(),
                            Ablation.effect(
                                    open.transformer(),
                                    open.ops(),
                                    prompt.ids(),
                                    row,
                                    atLayer.orElseThrow(),
                                    atHead.orElseThrow(),
                                    scale)));
            if (!Arrays.stream(effects.getFirst().effect().before()).allMatch(Double::isFinite)) {
                open.requireFinite(prompt.ids());
            }
            Optional<Destination> to = json.map(Destination::new);
            if (to.filter(Destination::isStandardOutput).isEmpty()) {
                print(open, prompt, row, effects);
            }
            to.ifPresent(d -> d.write(spec.commandLine().getOut(), w -> {
                try (var document = JsonWriter.to(w, true)) {
                    write(document, open, prompt, row, effects);
                }
            }));
        }
        return 0;
    }

    private List<Ablation.HeadEffect> sweep(OpenModel open, Prompt prompt, int row) {
        PrintWriter err = spec.commandLine().getErr();
        boolean terminal = Terminal.current().color();
        List<Ablation.HeadEffect> effects =
                Ablation.sweep(open.transformer(), open.ops(), prompt.ids(), row, scale, (done, of) -> {
                    if (terminal) {
                        err.print("\rhead " + done + " of " + of + (done == of ? "\n" : ""));
                        err.flush();
                    }
                });
        return effects.stream()
                .sorted(Comparator.comparingDouble(
                        (Ablation.HeadEffect e) -> -e.effect().divergence()))
                .toList();
    }

    private void print(OpenModel open, Prompt prompt, int row, List<Ablation.HeadEffect> effects) {
        PrintWriter out = spec.commandLine().getOut();
        Heat heat = Heat.of(Terminal.current().color(), System.getenv());
        out.println(open.describe());
        out.println();
        if (sweep) {
            printSweep(out, heat, prompt, row, effects);
            return;
        }
        LogitEffect effect = effects.getFirst().effect();
        out.println(heat.strong(sentence(prompt, row, effects.getFirst())));
        out.println(heat.faint("     id  token                   logit before      after      change"
                + "   probability before   after"));
        for (LogitEffect.Change c : effect.top(top)) {
            out.println(String.format(Locale.ROOT, "  %5d  ", c.id())
                    + Printable.fit(prompt.label(c.id()).quoted(), 22)
                    + String.format(
                            Locale.ROOT,
                            "  %12.5f %10.5f  %+10.5f             %.6f %.6f",
                            c.logitBefore(),
                            c.logitAfter(),
                            c.logit(),
                            c.probabilityBefore(),
                            c.probabilityAfter()));
        }
        out.println(String.format(
                Locale.ROOT,
                "change of the whole prediction (Kullback–Leibler, before against after): %.6f" + " nats",
                effect.divergence()));
    }

    private String sentence(Prompt prompt, int row, Ablation.HeadEffect e) {
        LogitEffect.Change best = e.effect().of(e.effect().best());
        String what = scale == 0 ? "off" : "times " + scale;
        return String.format(
                Locale.ROOT,
                "layer %d, head %d %s: after %s, the probability of %s goes from %.4f to %.4f",
                e.layer(),
                e.head(),
                what,
                prompt.labels().get(row).quoted(),
                prompt.label(best.id()).quoted(),
                best.probabilityBefore(),
                best.probabilityAfter());
    }

    private void printSweep(PrintWriter out, Heat heat, Prompt prompt, int row, List<Ablation.HeadEffect> effects) {
        LogitEffect.Change best =
                effects.getFirst().effect().of(effects.getFirst().effect().best());
        String token = prompt.label(best.id()).quoted();
        out.println(heat.strong(String.format(
                Locale.ROOT,
                "every head %s, one at a time: after %s, %s has probability %.4f",
                scale == 0 ? "off" : "times " + scale,
                prompt.labels().get(row).quoted(),
                token,
                best.probabilityBefore())));
        out.println(heat.faint(
                "  layer  head  change (nats)  probability of " + token + "  change of its logit  likeliest then"));
        for (Ablation.HeadEffect e : effects.subList(0, Math.min(top, effects.size()))) {
            LogitEffect.Change c = e.effect().of(best.id());
            LogitEffect turned = new LogitEffect(e.effect().after(), e.effect().before());
            out.println(String.format(
                    Locale.ROOT,
                    "  %5d  %4d  %13.6f  %14.6f %s  %+19.5f  %s",
                    e.layer(),
                    e.head(),
                    e.effect().divergence(),
                    c.probabilityAfter(),
                    " ".repeat(Printable.width(token)),
                    c.logit(),
                    prompt.label(turned.best()).quoted()));
        }
        if (effects.size() > top) {
            out.println("  … " + (effects.size() - top) + " heads that change less (--top shows more)");
        }
    }

    private void write(JsonWriter document, OpenModel open, Prompt prompt, int row, List<Ablation.HeadEffect> effects) {
        document.beginObject().field("command", "ablate");
        AttendJson.model(document, open);
        AttendJson.tokens(document, prompt);
        document.field("query", row).field("scale", scale);
        document.name("heads").beginArray();
        for (Ablation.HeadEffect e : effects) {
            document.beginObject().field("layer", e.layer()).field("head", e.head());
            document.field("divergence", e.effect().divergence());
            document.name("tokens").beginArray();
            e.effect().top(top).forEach(c -> StepsJson.change(document, prompt, c, "before", "after"));
            document.endArray().endObject();
        }
        document.endArray().endObject();
    }
}
