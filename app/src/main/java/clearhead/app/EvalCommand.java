package clearhead.app;

import clearhead.generate.Perplexity;
import clearhead.io.JsonWriter;
import clearhead.view.ModelJson;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.Writer;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

@Command(
        name = "eval",
        mixinStandardHelpOptions = true,
        description = {
            "Says how well a model foretells a text: nats a token and bits a byte.",
            "",
            "The text is read in windows that begin half a window after one another; each scores its"
                    + " second half (the first one all), so that tokens are foretold from at least"
                    + " half a window. Bits a byte do not depend on the vocabulary."
        })
final class EvalCommand implements Callable<Integer> {
    private static final int WINDOW = 512;

    @Mixin
    private ModelOption model = new ModelOption();

    @Option(
            names = {"-f", "--file"},
            required = true,
            paramLabel = "F",
            description = "The text, in UTF-8.")
    private Path file = Path.of("");

    @Option(
            names = "--window",
            paramLabel = "N",
            description = "Tokens a window. Default: the model's context, but at most " + WINDOW + ".")
    private Optional<Integer> window = Optional.empty();

    @Option(
            names = "--json",
            paramLabel = "FILE",
            description = "Write the result in full precision (docs/json.md); - for standard output.")
    private Optional<String> json = Optional.empty();

    @Spec
    @SuppressWarnings("NullAway.Init")
    private CommandSpec spec;

    @Override
    public Integer call() throws IOException {
        Optional<Destination> destination =
                Destination.both(json, Optional.empty()).json();
        PrintWriter out = spec.commandLine().getOut();
        String text = read();
        try (OpenModel open = OpenModel.open(model)) {
            open.model().requireDecoder();
            int tokens = window.orElse(Math.min(open.model().context(), WINDOW));
            if (tokens < 2 || tokens > open.model().context()) {
                throw new UsageException("--window wants 2 to " + open.model().context() + " (the model's context),"
                        + " found " + tokens);
            }
            var result = Perplexity.of(open.model(), text, tokens, progress());
            clearProgress();
            if (destination.filter(Destination::isStandardOutput).isEmpty()) {
                out.println("model   " + open.describe());
                out.println("file    " + file + ", " + result.bytes() + " bytes scored");
                out.println("tokens  " + result.tokens() + ", windows of " + tokens);
                out.println(format("loss    %.5f nats a token", result.natsPerToken()));
                out.println(format("bits    %.5f bits a byte", result.bitsPerByte()));
            }
            destination.ifPresent(d -> d.write(out, to -> write(to, open, tokens, result)));
        }
        return 0;
    }

    private String read() throws IOException {
        try {
            return TextOption.decode(Files.readAllBytes(file), file.toString());
        } catch (NoSuchFileException e) {
            throw new UsageException("there is no file " + file);
        }
    }

    /// One line on standard error that is written over.
    private Perplexity.Progress progress() {
        if (!Terminal.current().color()) {
            return Perplexity.Progress.NONE;
        }
        PrintWriter err = spec.commandLine().getErr();
        return (done, all, nats) -> {
            err.print(format("\r%d of %d tokens, %.4f nats a token ", done, all, nats));
            err.flush();
        };
    }

    private void clearProgress() {
        if (Terminal.current().color()) {
            PrintWriter err = spec.commandLine().getErr();
            err.print("\r\u001b[K");
            err.flush();
        }
    }

    private void write(Writer to, OpenModel open, int tokens, Perplexity result) {
        try (var writer = JsonWriter.to(to, true)) {
            writer.beginObject().field("command", "eval");
            ModelJson.model(writer, open.model(), open.arithmetic(), open.backend());
            writer.field("file", file.toString()).field("window", tokens);
            writer.field("tokens", result.tokens()).field("bytes", result.bytes());
            writer.field("nats", result.nats()).field("nats_per_token", result.natsPerToken());
            writer.field("bits_per_byte", result.bitsPerByte());
            writer.field("perplexity", result.perplexity()).endObject();
        }
    }

    private static String format(String pattern, Object... values) {
        return String.format(Locale.ROOT, pattern, values);
    }
}
