package clearhead.generate;

import clearhead.model.Model;
import clearhead.nn.ForwardPass;
import clearhead.nn.KvCache;
import clearhead.nn.KvStorage;
import clearhead.ops.KvView;
import clearhead.ops.Ops;
import clearhead.ops.Sequences;
import clearhead.tensor.Memory;
import clearhead.tensor.Tensor;
import clearhead.tensor.Workspace;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;

/// Continues any number of sequences at once. Every [#step] is one pass through the model: prompts
/// are computed in chunks, and each sequence whose prompt is done gets one token more. What a sequence
/// gives does not depend on the others.
///
/// ```java
/// try (var backend = Backends.choose();
///         var model = Model.load("models/tales", backend);
///         var engine = new Engine(model)) {
///     System.out.println(engine.generate("Once upon a time", 40));
/// }
/// ```
///
/// For one thread at a time; [Generation#cancel] may come from any.
public final class Engine implements AutoCloseable {
    /// Most tokens of one pass.
    public static final int CHUNK = 256;

    private final Model model;
    private final int positions;
    private final int chunk;
    private final KvCache cache;
    private final Workspace workspace = new Workspace();
    private final Ops ops;
    private final Deque<Waiting> waiting = new ArrayDeque<>();
    private final List<Running> running = new ArrayList<>();
    private int reserved;

    /// @param positions that its sequences will take at most, of the cache
    private record Waiting(Generation generation, int positions) {}

    private record Running(Generation generation, int positions) {}

    /// With a cache for one sequence of the model's whole context, but at most 8192 tokens.
    public Engine(Model model) {
        this(model, Math.min(model.context(), 8192));
    }

    /// @param positions of keys and values to remember, of all sequences together
    public Engine(Model model, int positions) {
        this(model, positions, CHUNK);
    }

    /// @param positions of keys and values to remember, of all sequences together
    /// @param storage how they are stored
    public Engine(Model model, int positions, KvStorage storage) {
        this(model, positions, CHUNK, storage);
    }

    /// @param chunk most tokens of one pass; the results do not depend on it
    Engine(Model model, int positions, int chunk) {
        this(model, positions, chunk, KvStorage.F32);
    }

    private Engine(Model model, int positions, int chunk, KvStorage storage) {
        this.model = model;
        this.positions = Math.ceilDiv(positions, KvView.PAGE) * KvView.PAGE;
        this.chunk = chunk;
        Memory.require(
                "the cache of keys and values",
                KvCache.bytes(model.transformer(), positions, storage),
                "ask for fewer tokens or sequences");
        cache = new KvCache(model.transformer(), positions, storage);
        ops = model.backend().ops(workspace);
    }

    /// Bytes of the cache of keys and values.
    public long cacheBytes() {
        return cache.bytes();
    }

    /// Continues a text greedily, and returns the continuation.
    public String generate(String prompt, int maxTokens) {
        return generate(Request.of(model, prompt).maxTokens(maxTokens), Generation.Listener.NONE)
                .text();
    }

    /// Runs one request to its end.
    public Generation generate(Request request, Generation.Listener listener) {
        Generation generation = start(request, listener);
        boolean more = true;
        while (more && generation.end().isEmpty()) {
            more = step();
        }
        return generation;
    }

    /// Admits a request; [#step] works on it. It waits until the cache has room for all its tokens.
    ///
    /// @throws IllegalArgumentException if the prompt is empty, holds an id that is no token, or does
    ///     not fit into the model's context or this engine's cache
    public Generation start(Request request, Generation.Listener listener) {
        int[] prompt = request.prompt();
        if (prompt.length == 0) {
            throw new IllegalArgumentException("the prompt holds no token");
        }
        if (prompt.length > model.context()) {
            throw new IllegalArgumentException("the prompt has " + prompt.length + " tokens, the context of model "
                    + model.name() + " " + model.context() + ": token " + model.context()
                    + (model.hasTokenizer() ? " `" + model.tokenizer().decode(prompt[model.context()]) + "`" : "")
                    + " is the first that does not fit; shorten the prompt");
        }
        for (int i = 0; i < prompt.length; i++) {
            if (prompt[i] < 0 || prompt[i] >= model.transformer().vocab()) {
                throw new IllegalArgumentException(
                        "token " + i + " of the prompt has the id " + prompt[i] + "; ids of model " + model.name()
                                + " are 0 to " + (model.transformer().vocab() - 1));
            }
        }
        int needed = positionsOf(model, request);
        if (needed > positions) {
            throw new IllegalArgumentException("the prompt and " + request.maxTokens() + " tokens need " + needed
                    + " positions, this engine has " + positions
                    + "; ask for fewer tokens or make a larger engine");
        }
        var generation = new Generation(model, request, listener, cache.open());
        if (generation.end().isEmpty()) {
            waiting.add(new Waiting(generation, needed));
        }
        return generation;
    }

    /// Positions of the cache that a request can take at most.
    public static int positionsOf(Model model, Request request) {
        long wanted = (long) request.prompt().length + request.maxTokens();
        int most = (int) Math.min(wanted, model.context());
        return Math.ceilDiv(most, KvView.PAGE) * KvView.PAGE;
    }

    /// One pass.
    ///
    /// @return whether there is more to do
    public boolean step() {
        admit();
        List<Generation> batch = new ArrayList<>();
        var starts = new ArrayList<Integer>(List.of(0));
        int tokens = 0;
        for (Running r : running) {
            r.generation.dropStaleKeys(model.transformer());
            int take = Math.min(r.generation.pending(), chunk - tokens);
            if (take > 0) {
                batch.add(r.generation);
                tokens += take;
                starts.add(tokens);
            }
        }
        if (tokens > 0) {
            pass(
                    batch,
                    new Sequences(starts.stream().mapToInt(Integer::intValue).toArray()));
        }
        retire();
        return !running.isEmpty() || !waiting.isEmpty();
    }

    private void pass(List<Generation> batch, Sequences rows) {
        var ids = new int[rows.tokens()];
        var first = new int[rows.count()];
        var whole = new int[rows.count()];
        var sequences = new KvCache.Sequence[rows.count()];
        var wanted = new ArrayList<Integer>();
        var choosing = new ArrayList<Generation>();
        for (int s = 0; s < rows.count(); s++) {
            Generation g = batch.get(s);
            sequences[s] = g.sequence();
            first[s] = g.sequence().length();
            whole[s] = first[s] + g.pending();
            g.computed();
            for (int i = 0; i < rows.length(s); i++) {
                ids[rows.start(s) + i] = g.id(first[s] + i);
            }
            if (rows.length(s) == g.pending()) {
                wanted.add(rows.start(s + 1) - 1);
                choosing.add(g);
            }
        }
        workspace.reset();
        var pass = ForwardPass.at(ops, ids, rows, first, cache.extend(rows, sequences))
                .withLengths(whole)
                .logitsOf(wanted.stream().mapToInt(Integer::intValue).toArray());
        Tensor logits = model.forward(pass); // [choosing, vocab]
        for (int i = 0; i < choosing.size(); i++) {
            choosing.get(i).choose(logits.rows(i, i + 1));
        }
    }

    private void admit() {
        while (!waiting.isEmpty() && reserved + waiting.getFirst().positions <= positions) {
            Waiting next = waiting.removeFirst();
            reserved += next.positions;
            running.add(new Running(next.generation, next.positions));
        }
        retire();
    }

    private void retire() {
        running.removeIf(r -> {
            if (!r.generation.cancelIfAsked()) {
                return false;
            }
            r.generation.sequence().close();
            reserved -= r.positions;
            return true;
        });
        waiting.removeIf(w -> w.generation.cancelIfAsked());
    }

    @Override
    public void close() {
        workspace.close();
        cache.close();
    }
}
