package clearhead.server;

import clearhead.inspect.HeadMap;
import clearhead.inspect.HeadMetric;
import clearhead.inspect.HeadScan;
import clearhead.inspect.Run;
import clearhead.model.Model;
import clearhead.view.HeadsJson;
import clearhead.view.Repeated;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.WeakHashMap;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/// All heads of a run, measured.
final class MapRoutes {
    /// Measured once a run, and once a model for random tokens.
    private static final Map<Run, Once<HeadScan>> SCANS = new WeakHashMap<>();

    private static final Map<Model, Once<Optional<HeadMap.Random>>> RANDOM = new WeakHashMap<>();

    private MapRoutes() {}

    static List<Route> routes() {
        return List.of(Route.get(
                "runs/{run}/heads",
                "What every head does: metrics, and labels where the evidence is strong; on this text and on random"
                        + " tokens said twice",
                List.of(
                        Parameter.integer(
                                        "position",
                                        "Token after which is predicted, for the direct effect; -1: the last",
                                        -1,
                                        Integer.MAX_VALUE)
                                .or("-1"),
                        Parameter.choice(
                                        "metric",
                                        "What the sentence is about",
                                        Arrays.stream(HeadMetric.values())
                                                .map(HeadMetric::label)
                                                .toArray(String[]::new))
                                .or(HeadMetric.PREVIOUS_TOKEN.label())),
                "position to random of `heads` in docs/json.md",
                MapRoutes::heads));
    }

    private static void heads(Call call) throws InterruptedException {
        try (Lease lease = call.run()) {
            Run run = lease.run();
            int position = call.integer("position") < 0 ? run.tokens() - 1 : call.below("position", run.tokens());
            Optional<HeadMap.Random> random = once(RANDOM, lease.hosted().model())
                    .get(() -> lease.hosted()
                            .with(ops -> Repeated.of(lease.hosted().model(), ops)));
            HeadScan scan = once(SCANS, run).get(() -> lease.hosted().with(ops -> HeadScan.of(run, ops)));
            var map = new HeadMap(
                    position == scan.position() ? scan : lease.hosted().with(ops -> scan.after(run, ops, position)),
                    random);
            HeadMetric metric = HeadMetric.named(call.text("metric"));
            call.json(w -> {
                w.beginObject();
                new HeadsJson(w, map).write(lease.spec().prompt(), metric);
                w.endObject();
            });
        }
    }

    private static <K, V> Once<V> once(Map<K, Once<V>> all, K key) {
        synchronized (all) {
            return all.computeIfAbsent(key, k -> new Once<>());
        }
    }

    /// A value that is computed when first asked for, by one caller while the others wait.
    private static final class Once<V> {
        /// Computes it.
        private interface Source<V> {
            V get() throws InterruptedException;
        }

        private final ReentrantLock lock = new ReentrantLock();
        private @Nullable V value;

        V get(Source<V> source) throws InterruptedException {
            lock.lockInterruptibly();
            try {
                V now = value;
                if (now == null) {
                    now = source.get();
                    value = now;
                }
                return now;
            } finally {
                lock.unlock();
            }
        }
    }
}
