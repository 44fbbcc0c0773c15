package clearhead.app;

import clearhead.io.JsonWriter;
import clearhead.ops.Backend;
import clearhead.ops.Backends;
import clearhead.train.HeldOut;
import clearhead.train.Recipe;
import clearhead.train.Training;
import java.io.PrintWriter;
import java.io.Writer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

@Command(
        name = "train",
        mixinStandardHelpOptions = true,
        description = "Trains a tokenizer and a model from text files, as a recipe says.",
        footer = {
            "",
            "Ctrl-C writes a checkpoint and stops; --resume goes on from it, to the very bits of a",
            "training that was never stopped. The model appears in OUT/model."
        })
final class TrainCommand implements Callable<Integer> {
    private static final long STOP_SECONDS = 120;

    @Spec
    @SuppressWarnings("NullAway.Init")
    CommandSpec spec;

    @Parameters(paramLabel = "RECIPE", description = "A recipe.json, or a folder that holds one.")
    @SuppressWarnings("NullAway.Init")
    Path recipeFile;

    @Option(
            names = "--out",
            paramLabel = "DIR",
            description = "Where everything goes; default: the recipe's name and `-training`, here.")
    Optional<Path> out = Optional.empty();

    @Option(
            names = "--data",
            paramLabel = "DIR",
            description = "Folder of the recipe's texts; default: `corpora` of the shared folder.")
    Optional<Path> data = Optional.empty();

    @Option(
            names = "--shared",
            paramLabel = "DIR",
            description = "The shared folder; default: ../shared beside this program.")
    Optional<Path> shared = Optional.empty();

    @Option(
            names = "--json",
            paramLabel = "FILE",
            description = "When it ends, write the result (docs/json.md); - for standard output.")
    Optional<String> json = Optional.empty();

    @Option(names = "--resume", description = "Go on from the newest checkpoint in OUT.")
    boolean resume;

    @Option(names = "--steps", paramLabel = "N", description = "Train this many steps instead of the recipe's.")
    Optional<Long> steps = Optional.empty();

    @Option(names = "--max-minutes", paramLabel = "N", description = "Stop with a checkpoint after this long.")
    Optional<Double> maxMinutes = Optional.empty();

    @Option(
            names = "--keep",
            paramLabel = "N",
            defaultValue = "2",
            description = "How many checkpoints stay; default: ${DEFAULT-VALUE}.")
    int keep;

    @Override
    public Integer call() {
        if (keep < 1 || steps.orElse(1L) < 1 || maxMinutes.orElse(1.0) <= 0) {
            throw new UsageException("--keep, --steps and --max-minutes must be at least 1");
        }
        Path file = Files.isDirectory(recipeFile) ? recipeFile.resolve("recipe.json") : recipeFile;
        var recipe = Recipe.read(file);
        PrintWriter printer = spec.commandLine().getOut();
        var options = new Training.Options(
                data.orElseGet(() -> sharedFolder().resolve("corpora")),
                out.orElseGet(() -> Path.of(recipe.name() + "-training")),
                resume,
                steps,
                maxMinutes,
                keep);
        var done = new CountDownLatch(1);
        try (Backend backend = Backends.choose();
                var training = new Training(recipe, options, backend, new Lines(printer))) {
            var hook = new Thread(() -> stopAndWait(training, done), "clearhead-stop");
            Runtime.getRuntime().addShutdownHook(hook);
            try {
                Training.Result result = training.run();
                report(result, printer);
                json.map(Destination::new).ifPresent(to -> to.write(printer, writer -> write(result, writer)));
                return 0;
            } finally {
                done.countDown();
                forget(hook);
            }
        }
    }

    private Path sharedFolder() {
        return shared.orElseGet(() -> {
            String property = System.getProperty("shared", "");
            return property.isEmpty() ? Home.folder().resolve("../shared").normalize() : Path.of(property);
        });
    }

    /// Runs when the process is asked to end: the present step is finished and saved first. The JVM
    /// then exits with 128 and the signal's number.
    private static void stopAndWait(Training training, CountDownLatch done) {
        training.stop();
        try {
            if (!done.await(STOP_SECONDS, TimeUnit.SECONDS)) {
                System.err.println("clearhead: gave up waiting for the checkpoint");
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private static void forget(Thread hook) {
        try {
            Runtime.getRuntime().removeShutdownHook(hook);
        } catch (IllegalStateException _) {
            // The process is ending already.
        }
    }

    private static void report(Training.Result result, PrintWriter printer) {
        if (!result.complete()) {
            printer.printf("stopped after step %d; add --resume to go on%n", result.steps());
            printer.flush();
            return;
        }
        double nats = 0;
        long bytes = 0;
        for (HeldOut.Score score : result.scores()) {
            printer.printf(
                    "held out: %s: %.4f nats a token, %.4f bits a byte%n",
                    score.title(), score.loss(), score.bitsPerByte());
            nats += score.nats();
            bytes += score.bytes();
        }
        if (bytes > 0) {
            printer.printf("held out, together: %.4f bits a byte%n", nats / Math.log(2) / bytes);
        }
        printer.printf("the model is in %s%n", result.model());
        printer.flush();
    }

    private static void write(Training.Result result, Writer to) {
        try (var w = JsonWriter.to(to, true)) {
            w.beginObject()
                    .field("command", "train")
                    .field("steps", result.steps())
                    .field("complete", result.complete());
            w.field("model", result.model().toString()).name("held_out").beginArray();
            for (HeldOut.Score score : result.scores()) {
                w.beginObject().field("title", score.title()).field("tokens", score.tokens());
                w.field("bytes", score.bytes()).field("nats", score.nats());
                w.field("nats_per_token", score.loss())
                        .field("bits_per_byte", score.bitsPerByte())
                        .endObject();
            }
            w.endArray().endObject();
        }
    }

    /// One line an event.
    private record Lines(PrintWriter printer) implements Training.Listener {
        @Override
        public void note(String line) {
            printer.println(line);
            printer.flush();
        }

        @Override
        public void progress(Training.Progress p) {
            String validation = p.validation()
                    .map(v -> ", validation %.4f (%.4f bits a byte)".formatted(v.loss(), v.bitsPerByte()))
                    .orElse("");
            var left = Duration.ofSeconds(Math.round(p.secondsLeft()));
            note("step %,d of %,d: loss %.4f%s, norm %.2f, rate %.2e, %,.0f tokens/s, %d:%02d:%02d left"
                    .formatted(
                            p.step(),
                            p.steps(),
                            p.loss(),
                            validation,
                            p.norm(),
                            p.learningRate(),
                            p.tokensPerSecond(),
                            left.toHours(),
                            left.toMinutesPart(),
                            left.toSecondsPart()));
        }

        @Override
        public void sample(long step, String prompt, String continuation) {
            note("sample after step %,d: %s|%s".formatted(step, prompt, continuation));
        }
    }
}
