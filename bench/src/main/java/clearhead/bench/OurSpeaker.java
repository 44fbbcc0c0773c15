package clearhead.bench;

import clearhead.generate.Engine;
import clearhead.generate.Generation;
import clearhead.generate.Request;
import clearhead.model.Model;
import clearhead.ops.Arithmetic;
import clearhead.ops.Backend;
import clearhead.ops.Backends;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Locale;
import java.util.function.LongSupplier;

/// Clearhead, in this process.
final class OurSpeaker implements Speaker {
    private final Backend backend;
    private final Model model;
    private final Engine engine;
    private final LongSupplier clock;
    private final String description;

    /// @param positions most tokens of a prompt and its continuation
    /// @param clock nanoseconds
    OurSpeaker(Path file, int threads, Arithmetic arithmetic, int positions, LongSupplier clock) {
        this.clock = clock;
        long start = System.nanoTime();
        backend = Backends.named("vector", threads, arithmetic);
        model = Model.load(file, backend);
        engine = new Engine(model, positions);
        description = String.format(
                Locale.ROOT,
                "%s, %s arithmetic, loaded in %.1f s",
                backend.description(),
                arithmetic.word(),
                (System.nanoTime() - start) * 1e-9);
    }

    @Override
    public String name() {
        return "Clearhead";
    }

    @Override
    public String description() {
        return description;
    }

    @Override
    public Speed round(int prompt, int tokens) {
        var ids = new int[prompt];
        Arrays.setAll(ids, i -> 1000 + i * 7);
        ids[0] = RandomLlama.CONTROL;
        Generation generation =
                engine.start(Request.of(ids).maxTokens(tokens + 1).ignoringEnd(), Generation.Listener.NONE);
        long start = clock.getAsLong();
        while (generation.made().length == 0) {
            engine.step();
        }
        long first = clock.getAsLong();
        boolean more = true;
        while (more) {
            more = engine.step();
        }
        long end = clock.getAsLong();
        int made = generation.made().length - 1;
        return new Speed(prompt * 1e9 / (first - start), made * 1e9 / (end - first));
    }

    @Override
    public void close() {
        engine.close();
        model.close();
        backend.close();
    }
}
