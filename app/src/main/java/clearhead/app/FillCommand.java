package clearhead.app;

import clearhead.generate.Cloze;
import clearhead.io.JsonWriter;
import clearhead.view.ModelJson;
import clearhead.view.Printable;
import clearhead.view.Prompt;
import java.io.PrintWriter;
import java.io.Writer;
import java.util.Locale;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

@Command(
        name = "fill",
        mixinStandardHelpOptions = true,
        description = {
            "Says what a masked language model (BERT and its kin) puts into the blanks of a text.",
            "",
            "A blank is the model's mask token, such as [MASK] or <mask>. Each is filled by itself, with all of"
                    + " them blank; probabilities are over the whole vocabulary."
        })
final class FillCommand implements Callable<Integer> {
    @Parameters(
            arity = "1",
            paramLabel = "TEXT",
            description = "Such as \"Paris is the [MASK] of France.\"; - for standard input.")
    private String text = "";

    @Mixin
    private ModelOption model = new ModelOption();

    @Option(
            names = "--top",
            paramLabel = "N",
            defaultValue = "5",
            description = "How many tokens to list for each blank. Default: ${DEFAULT-VALUE}.")
    private int top = 5;

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
        if (top < 1) {
            throw new UsageException("--top wants at least 1, found " + top);
        }
        var read = new TextOption();
        read.text = Optional.of(text);
        read.check();
        var files = Destination.both(json, Optional.empty());
        PrintWriter out = spec.commandLine().getOut();
        try (OpenModel open = OpenModel.open(model)) {
            var cloze = Cloze.of(open.model(), read.read(), top);
            Prompt prompt = Prompt.ofIds(cloze.ids(), open.tokenizer());
            if (!files.quiet()) {
                print(out, open, prompt, cloze);
            }
            files.json().ifPresent(to -> to.write(out, w -> json(w, open, prompt, cloze)));
        }
        return 0;
    }

    private static void print(PrintWriter out, OpenModel open, Prompt prompt, Cloze cloze) {
        out.println(open.describe());
        for (Cloze.Blank blank : cloze.blanks()) {
            out.println();
            out.println("token " + blank.position() + ", "
                    + prompt.labels().get(blank.position()).quoted());
            out.println("   rank      id  " + Printable.fit("token", 20) + "  probability       logit");
            int rank = 1;
            for (Cloze.Guess guess : blank.guesses()) {
                out.println(String.format(Locale.ROOT, "  %5d  %6d  ", rank++, guess.id())
                        + Printable.fit(prompt.label(guess.id()).quoted(), 20)
                        + String.format(Locale.ROOT, "  %11.6f  %10.5f", guess.probability(), guess.logit()));
            }
        }
    }

    private static void json(Writer to, OpenModel open, Prompt prompt, Cloze cloze) {
        try (var document = JsonWriter.to(to, true)) {
            document.beginObject().field("command", "fill");
            ModelJson.model(document, open.model(), open.arithmetic(), open.backend());
            ModelJson.tokens(document, prompt);
            document.name("blanks").beginArray();
            for (Cloze.Blank blank : cloze.blanks()) {
                document.beginObject().field("position", blank.position());
                document.name("top").beginArray();
                for (Cloze.Guess guess : blank.guesses()) {
                    document.beginObject().field("id", guess.id());
                    document.field("text", prompt.label(guess.id()).text());
                    document.field("logit", guess.logit()).field("probability", guess.probability());
                    document.endObject();
                }
                document.endArray().endObject();
            }
            document.endArray().endObject();
        }
    }
}
