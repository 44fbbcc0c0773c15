package clearhead.app;

import clearhead.generate.Engine;
import clearhead.generate.Generation;
import clearhead.generate.Request;
import clearhead.io.JsonWriter;
import clearhead.model.Model;
import clearhead.view.ModelJson;
import java.io.PrintWriter;
import java.io.Writer;
import java.util.Arrays;
import java.util.Locale;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

@Command(
        name = "generate",
        mixinStandardHelpOptions = true,
        description = {
            "Continues a text, and prints the continuation as it comes.",
            "",
            "An empty TEXT (\"\") starts from the beginning-of-sequence token. Ctrl-C stops cleanly."
        })
final class GenerateCommand implements Callable<Integer> {
    enum Form {
        text,
        ids
    }

    @Mixin
    private TextOption text = new TextOption();

    @Mixin
    private ModelOption model = new ModelOption();

    @Mixin
    private SamplingOptions sampling = new SamplingOptions();

    @Mixin
    private CacheOption cache = new CacheOption();

    @Option(names = "--echo", description = "Print the prompt too.")
    private boolean echo;

    @Option(
            names = "--print",
            paramLabel = "text|ids",
            defaultValue = "text",
            description = "What to print. Default: ${DEFAULT-VALUE}.")
    private Form print = Form.text;

    @Option(names = "--ignore-end", description = "Go on after an end-of-sequence token.")
    private boolean ignoreEnd;

    @Option(names = "--stats", description = "Say on standard error how long it took.")
    private boolean stats;

    @Option(
            names = "--json",
            paramLabel = "FILE",
            description = "Write prompt, ids, text, reason of the end and times (docs/json.md); - for"
                    + " standard output, instead of the text.")
    private Optional<String> json = Optional.empty();

    @Spec
    @SuppressWarnings("NullAway.Init")
    private CommandSpec spec;

    @Override
    public Integer call() {
        Optional<Destination> file = Destination.both(json, Optional.empty()).json();
        PrintWriter out = spec.commandLine().getOut();
        try (OpenModel open = OpenModel.open(model)) {
            open.model().requireDecoder();
            Request request = sampling.apply(prompt(open.model()));
            request = ignoreEnd ? request.ignoringEnd() : request;
            boolean quiet = file.filter(Destination::isStandardOutput).isPresent();
            var printer = new Printer(out, quiet);
            try (var engine = new Engine(open.model(), Engine.positionsOf(open.model(), request), cache.storage())) {
                if (echo) {
                    printer.prompt(open.model(), request.prompt());
                }
                long start = System.nanoTime();
                Generation generation = engine.start(request, printer);
                try (var interrupt = Interrupt.callOnce(generation::cancel)) {
                    boolean more = generation.end().isEmpty();
                    while (more) {
                        more = engine.step();
                    }
                    printer.end();
                }
                double seconds = (System.nanoTime() - start) / 1e9;
                double first = printer.firstSeconds(start);
                tell(open.model(), request, generation, first, seconds);
                Request asked = request;
                file.ifPresent(f -> f.write(out, to -> write(to, open, asked, generation, first, seconds)));
            }
        }
        return 0;
    }

    private Request prompt(Model model) {
        if (text.ids.isPresent()) {
            if (text.text.isPresent()) {
                throw new UsageException("give TEXT or --ids, not both");
            }
            if (!model.hasTokenizer() && print == Form.text) {
                throw new UsageException(
                        "model " + model.name() + " has no vocabulary to write text with; add --print" + " ids");
            }
            return Request.of(text.ids());
        }
        String prompt = text.read();
        return prompt.isEmpty()
                ? Request.of(model, prompt)
                : Request.of(model.tokenizer().encode(prompt, text.special.tokens));
    }

    /// Standard output while it runs.
    private final class Printer implements Generation.Listener {
        private final PrintWriter out;
        private final boolean quiet;
        private boolean begun;
        private long firstToken;

        Printer(PrintWriter out, boolean quiet) {
            this.out = out;
            this.quiet = quiet;
        }

        void prompt(Model model, int[] ids) {
            if (print == Form.ids) {
                Arrays.stream(ids).forEach(this::number);
            } else {
                put(text.ids.isPresent() ? model.tokenizer().decode(ids) : text.read());
            }
        }

        @Override
        public void token(int id) {
            if (firstToken == 0) {
                firstToken = System.nanoTime();
            }
            if (print == Form.ids) {
                number(id);
            }
        }

        private void number(int id) {
            put((begun ? " " : "") + id);
            begun = true;
        }

        @Override
        public void text(String piece) {
            if (print == Form.text) {
                put(piece);
            }
        }

        private void put(String piece) {
            if (!quiet) {
                out.print(piece);
                out.flush();
            }
        }

        void end() {
            if (!quiet) {
                out.println();
                out.flush();
            }
        }

        double firstSeconds(long start) {
            return firstToken == 0 ? 0 : (firstToken - start) / 1e9;
        }
    }

    private void tell(Model model, Request request, Generation generation, double first, double seconds) {
        PrintWriter err = spec.commandLine().getErr();
        if (generation.end().orElse(Generation.End.CANCELLED) == Generation.End.CONTEXT) {
            err.println("clearhead: stopped: the context of model " + model.name() + " is full ("
                    + model.context() + " tokens, " + request.prompt().length
                    + " of them the prompt)");
        }
        if (stats) {
            int made = generation.made().length;
            double rest = made == 0 ? 0 : seconds - first;
            err.println(String.format(
                    Locale.ROOT,
                    "%d tokens of the prompt and the first new one in %.2f s, %d more in %.2f" + " s (%.1f a second)",
                    request.prompt().length,
                    seconds - rest,
                    Math.max(0, made - 1),
                    rest,
                    made > 1 && rest > 0 ? (made - 1) / rest : 0.0));
        }
        err.flush();
    }

    private void write(
            Writer to, OpenModel open, Request request, Generation generation, double first, double seconds) {
        try (var json = JsonWriter.to(to, true)) {
            json.beginObject().field("command", "generate");
            ModelJson.model(json, open.model(), open.arithmetic(), open.backend());
            if (text.ids.isEmpty()) {
                json.field("prompt", text.read());
            }
            json.name("prompt_ids").value(request.prompt());
            sampling.write(json);
            json.name("ids").value(generation.made());
            if (open.model().hasTokenizer()) {
                json.field("text", generation.text());
            }
            json.field("end", reason(generation));
            json.field("seconds_to_first_token", first).field("seconds", seconds);
            json.endObject();
        }
    }

    /// `max_tokens`, `end_of_sequence`, …
    static String reason(Generation generation) {
        return generation.end().map(e -> e.name().toLowerCase(Locale.ROOT)).orElse("running");
    }
}
