package clearhead.app;

import clearhead.generate.Translator;
import clearhead.io.Json;
import clearhead.io.JsonWriter;
import clearhead.model.Model;
import clearhead.view.ModelJson;
import clearhead.view.Prompt;
import java.io.PrintWriter;
import java.io.Writer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

@Command(
        name = "translate",
        mixinStandardHelpOptions = true,
        description = {
            "Reads a text with an encoder-decoder (T5, BART, Marian) and writes another: a translation,"
                    + " a summary, whatever the model was trained for.",
            "",
            "T5 wants to be told what to do at the beginning of the text (\"translate English to"
                    + " German: …\"), or by --task."
        })
final class TranslateCommand implements Callable<Integer> {
    @Mixin
    private TextOption text = new TextOption();

    @Mixin
    private ModelOption model = new ModelOption();

    @Mixin
    private SamplingRules rules = new SamplingRules();

    @Option(
            names = {"-n", "--max", "--max-tokens"},
            paramLabel = "N",
            defaultValue = "256",
            description = "Most tokens to write. Default: ${DEFAULT-VALUE}.")
    private int most = 256;

    @Option(
            names = "--task",
            paramLabel = "NAME",
            description = "Put the words of this task before the text: one of the names under"
                    + " task_specific_params in the model's config.json, such as translation_en_to_de.")
    private Optional<String> task = Optional.empty();

    @Option(
            names = "--print",
            paramLabel = "text|ids",
            defaultValue = "text",
            description = "What to print. Default: ${DEFAULT-VALUE}.")
    private GenerateCommand.Form print = GenerateCommand.Form.text;

    @Option(
            names = "--json",
            paramLabel = "FILE",
            description =
                    "Write both texts, ids and times (docs/json.md); - for standard output, instead of" + " the text.")
    private Optional<String> json = Optional.empty();

    @Spec
    @SuppressWarnings("NullAway.Init")
    private CommandSpec spec;

    @Override
    public Integer call() {
        text.check();
        if (most < 1) {
            throw new UsageException("--max wants 1 or more, found " + most);
        }
        if (task.isPresent() && text.ids.isPresent()) {
            throw new UsageException("--task puts words before a TEXT; it does not go with --ids");
        }
        Optional<Destination> file = json.map(Destination::new);
        PrintWriter out = spec.commandLine().getOut();
        try (OpenModel open = OpenModel.open(model);
                var translator = new Translator(open.model())) {
            if (!open.model().hasTokenizer() && text.ids.isPresent() && print == GenerateCommand.Form.text) {
                throw new UsageException(
                        "model " + open.model().name() + " has no vocabulary to write text with; add --print ids");
            }
            String read = text.ids.isPresent() ? "" : prefix(open.model()) + text.read();
            Prompt prompt = text.ids.isPresent()
                    ? text.prompt(open)
                    : Prompt.ofIds(translator.encode(read, text.special.tokens), open.tokenizer())
                            .checked(open.model());
            long begin = System.nanoTime();
            var written = translator.write(prompt.ids(), rules.sampling(0), most);
            double seconds = (System.nanoTime() - begin) / 1e9;
            if (file.filter(Destination::isStandardOutput).isEmpty()) {
                out.println(
                        print == GenerateCommand.Form.text
                                ? translator.decode(written.ids())
                                : Arrays.stream(written.ids())
                                        .mapToObj(Integer::toString)
                                        .collect(Collectors.joining(" ")));
                out.flush();
            }
            if (!written.ended()) {
                spec.commandLine()
                        .getErr()
                        .println("clearhead: stopped after " + written.ids().length
                                + " tokens, before the model ended; --max says how many");
            }
            file.ifPresent(f -> f.write(out, to -> write(to, open, read, prompt, translator, written, seconds)));
        }
        return 0;
    }

    /// The words of a task, as the model's configuration gives them.
    private String prefix(Model of) {
        if (task.isEmpty()) {
            return "";
        }
        Json.Obj config = of.config().json();
        if (!config.has("task_specific_params")) {
            throw new UsageException("model " + of.name() + " names no tasks (task_specific_params in its config.json);"
                    + " put the words before the text yourself");
        }
        Json.Obj tasks = config.object("task_specific_params");
        List<String> names = new ArrayList<>(tasks.fields().keySet());
        String name = task.get();
        if (!tasks.has(name)) {
            throw new UsageException("no task \"" + name + "\"" + Nearest.hint(name, names));
        }
        return tasks.object(name).text("prefix", "");
    }

    private void write(
            Writer to,
            OpenModel open,
            String read,
            Prompt prompt,
            Translator translator,
            Translator.Written written,
            double seconds) {
        try (var document = JsonWriter.to(to, true)) {
            document.beginObject().field("command", "translate");
            ModelJson.model(document, open.model(), open.arithmetic(), open.backend());
            if (!read.isEmpty()) {
                document.field("read", read);
            }
            document.name("read_ids").value(prompt.ids());
            document.field("start_id", translator.start());
            document.name("ids").value(written.ids());
            if (open.model().hasTokenizer()) {
                document.field("text", translator.decode(written.ids()));
            }
            document.field("end", written.ended() ? "end_of_sequence" : "max_tokens");
            document.field("seconds", seconds).endObject();
        }
    }
}
