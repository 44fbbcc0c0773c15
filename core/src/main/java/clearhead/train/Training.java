package clearhead.train;

import clearhead.io.ModelFileException;
import clearhead.ops.Backend;
import clearhead.ops.Dropout;
import clearhead.ops.Sequences;
import clearhead.tensor.DType;
import clearhead.tokenizer.Tokenizer;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/// Trains a tokenizer and a model by a [Recipe], with checkpoints that any stop survives.
///
/// What a step does depends on the recipe and the step's number alone, so a training that was
/// stopped, killed or run in pieces ends with the very bits of an uninterrupted one.
public final class Training implements AutoCloseable {
    private static final double LOG_SECONDS = 10;

    /// @param data folder of the text files
    /// @param out folder for tokenizer, tokens, checkpoints and the model
    /// @param resume go on from the newest checkpoint, if there is one
    /// @param steps overrides the recipe's number of steps
    /// @param maxMinutes stop after this long, with a checkpoint
    /// @param keep checkpoints that stay
    public record Options(
            Path data, Path out, boolean resume, Optional<Long> steps, Optional<Double> maxMinutes, int keep) {}

    /// What there is to tell while training runs.
    public interface Listener {
        /// A line for people.
        void note(String line);

        /// After some of the steps.
        void progress(Progress progress);

        /// A continuation of a prompt by the model as it is now.
        void sample(long step, String prompt, String continuation);
    }

    /// @param step optimizer steps done
    /// @param loss nats a token, mean since the last report
    /// @param norm of the last step's gradients, before clipping
    /// @param validation newest measurement, if there is one
    /// @param tokensPerSecond since the last report
    /// @param secondsLeft at this speed
    public record Progress(
            long step,
            long steps,
            double loss,
            double norm,
            double learningRate,
            Optional<HeldOut.Score> validation,
            double tokensPerSecond,
            double secondsLeft) {}

    /// @param steps done in all
    /// @param complete whether these are all steps of the recipe
    /// @param scores of each held-out text, whole; empty unless complete
    public record Result(long steps, boolean complete, List<HeldOut.Score> scores, Path model) {}

    /// Stream of random numbers that is the dropout's.
    private static final long DROPOUT = -2;

    private final Recipe recipe;
    private final Options options;
    private final Backend backend;
    private final Listener listener;
    private final Arena arena = Arena.ofShared();
    private final Corpus corpus;
    private final Parameters parameters;
    private final Learner learner;
    private final Checkpoints checkpoints;
    private final long steps;
    private volatile boolean stopping;

    /// Checks the data, makes the tokenizer and the tokens where they are not there yet.
    public Training(Recipe recipe, Options options, Backend backend, Listener listener) {
        this.recipe = recipe;
        this.options = options;
        this.backend = backend;
        this.listener = listener;
        this.steps = options.steps().orElse(recipe.training().steps());
        this.corpus = Corpus.prepare(recipe, options.data(), options.out(), listener::note);
        this.parameters = Parameters.of(arena, DType.F32, recipe.architecture());
        this.learner = new Learner(backend, parameters.model(recipe.architecture(), arena), parameters);
        this.checkpoints = new Checkpoints(options.out().resolve("checkpoints"), options.keep());
    }

    /// Asks the running [#run] to write a checkpoint and return after the present step. For other
    /// threads, such as one that handles Ctrl-C.
    public void stop() {
        stopping = true;
    }

    /// The vocabulary that the recipe's texts gave.
    public Tokenizer tokenizer() {
        return corpus.tokenizer();
    }

    /// Trains until the last step, the time limit, or [#stop].
    public Result run() {
        long step = start();
        var schedule = recipe.training().schedule(steps);
        var windows = new Windows(corpus.training(), recipe.training().context(), recipe.seed());
        listener.note("%s: %,d parameters, %,d tokens to learn from, %,d steps of %,d tokens (%.1f rounds), %s"
                .formatted(
                        recipe.name(),
                        parameters.count(),
                        corpus.training().size(),
                        steps,
                        recipe.training().tokensPerStep(),
                        (double) steps * recipe.training().batch() / windows.perRound(),
                        backend.description()));
        var clock = new Clock(options.maxMinutes(), recipe.training().checkpointMinutes());
        Optional<HeldOut.Score> validation = Optional.empty();
        double lossSum = 0;
        long reported = step;
        while (step < steps && !stopping && !clock.timeIsUp()) {
            clock.beginStep();
            double rate = schedule.at(step);
            lossSum += learn(windows, step);
            double norm = recipe.training().optimizer().step(backend.updates(), parameters, step + 1, rate);
            step++;
            clock.endStep();
            if (!Double.isFinite(lossSum) || !Double.isFinite(norm)) {
                throw new IllegalStateException("the loss is no longer a number after step " + step
                        + "; resume from the last checkpoint with a smaller learning_rate");
            }
            if (step % recipe.training().validateEvery() == 0 || step == steps) {
                validation = Optional.of(corpus.partly(learner));
            }
            if (clock.reportDue() || step == steps) {
                double speed =
                        clock.report((step - reported) * recipe.training().tokensPerStep());
                listener.progress(new Progress(
                        step,
                        steps,
                        lossSum / (step - reported),
                        norm,
                        rate,
                        validation,
                        speed,
                        (steps - step) * recipe.training().tokensPerStep() / speed));
                lossSum = 0;
                reported = step;
            }
            if (step % recipe.training().sampleEvery() == 0) {
                sample(step);
            }
            if (clock.checkpointDue() && step < steps) {
                save(step);
            }
        }
        return finish(step);
    }

    private long start() {
        Optional<Path> newest = checkpoints.newest();
        if (newest.isEmpty()) {
            parameters.start(recipe.seed());
            return 0;
        }
        Path path = newest.get();
        if (!options.resume()) {
            throw new ModelFileException(
                    options.out(),
                    "holds a training that was begun (" + path.getFileName()
                            + "); add --resume to go on with it, or choose another --out");
        }
        var state = Checkpoints.state(path);
        if (!state.recipe().equals(recipe.hash())) {
            throw new ModelFileException(
                    path,
                    "was made by another recipe (SHA-256 " + state.recipe() + ", this one has " + recipe.hash()
                            + "); restore that one, or choose another --out");
        }
        if (state.steps() != steps) {
            throw new ModelFileException(
                    path,
                    "belongs to a training of " + state.steps() + " steps, found " + steps
                            + "; the learning rate would not fit");
        }
        Checkpoints.read(path, parameters);
        listener.note("resumed after step " + state.step());
        return state.step();
    }

    /// Gathers the gradients of one step.
    ///
    /// @return mean loss in nats a token
    private double learn(Windows windows, long step) {
        var training = recipe.training();
        int context = training.context();
        int rows = training.microBatch();
        var inputs = new int[rows * context];
        var targets = new int[rows * context];
        var sequences = Sequences.equal(rows, context);
        double weight = 1.0 / training.tokensPerStep();
        double sum = 0;
        for (int done = 0; done < training.batch(); done += rows) {
            for (int row = 0; row < rows; row++) {
                windows.copy(step * training.batch() + done + row, inputs, targets, row * context);
            }
            var dropout = new Dropout(training.attentionDropout(), new Draws(recipe.seed(), DROPOUT).bits(step), done);
            sum += learner.learn(inputs, targets, sequences, weight, dropout);
        }
        return sum * weight;
    }

    private void sample(long step) {
        for (String prompt : recipe.training().prompts()) {
            listener.sample(step, prompt, Sample.text(learner, corpus.tokenizer(), prompt, recipe));
        }
    }

    private void save(long step) {
        checkpoints.write(new Checkpoints.State(step, steps, recipe.hash()), parameters);
        corpus.export(parameters, options.out().resolve("model"));
    }

    private Result finish(long step) {
        save(step);
        boolean complete = step == steps;
        var scores = new ArrayList<HeldOut.Score>();
        if (complete) {
            scores.addAll(corpus.wholly(learner));
        }
        return new Result(step, complete, scores, options.out().resolve("model"));
    }

    @Override
    public void close() {
        learner.close();
        corpus.close();
        arena.close();
    }

    /// Wall-clock time. It decides when something is written or told, never what is computed.
    private static final class Clock {
        private final long begun = System.nanoTime();
        private final double maxSeconds;
        private final double checkpointSeconds;
        private long lastReport = begun;
        private long lastCheckpoint = begun;
        private long stepBegun = begun;
        private long learning;

        Clock(Optional<Double> maxMinutes, double checkpointMinutes) {
            this.maxSeconds = maxMinutes.map(m -> 60 * m).orElse(Double.POSITIVE_INFINITY);
            this.checkpointSeconds = 60 * checkpointMinutes;
        }

        private static double since(long then) {
            return (System.nanoTime() - then) * 1e-9;
        }

        boolean timeIsUp() {
            return since(begun) >= maxSeconds;
        }

        boolean reportDue() {
            return since(lastReport) >= LOG_SECONDS;
        }

        boolean checkpointDue() {
            if (since(lastCheckpoint) < checkpointSeconds) {
                return false;
            }
            lastCheckpoint = System.nanoTime();
            return true;
        }

        void beginStep() {
            stepBegun = System.nanoTime();
        }

        void endStep() {
            learning += System.nanoTime() - stepBegun;
        }

        /// @return tokens a second, counting only the time of steps
        double report(long tokens) {
            double speed = tokens / Math.max(learning * 1e-9, 1e-9);
            learning = 0;
            lastReport = System.nanoTime();
            return speed;
        }
    }
}
