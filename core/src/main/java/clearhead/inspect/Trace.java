package clearhead.inspect;

import clearhead.nn.Attention;
import clearhead.nn.Block;
import clearhead.nn.EncoderDecoder;
import clearhead.nn.ForwardPass;
import clearhead.nn.KeyValues;
import clearhead.nn.Probe;
import clearhead.nn.ReadText;
import clearhead.nn.Site;
import clearhead.nn.Transformer;
import clearhead.ops.AttentionSpec;
import clearhead.ops.Ops;
import clearhead.ops.Sequences;
import clearhead.tensor.DType;
import clearhead.tensor.Shape;
import clearhead.tensor.Tensor;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.IntPredicate;

/// What a run computed, tensor by tensor, everything in F32: `resid_post.3` is the residual after
/// block 3, `pattern.0` the weights [heads, query, key] of layer 0. `input_ids` is always there.
/// Patterns are rebuilt row by row (see [PatternRows]); the run is not changed by a bit.
public final class Trace {
    /// Name of the tensor with the tokens [tokens].
    public static final String INPUT_IDS = "input_ids";

    /// Name of the tensor with the tokens [tokens] that the decoder of an encoder-decoder has; then
    /// `input_ids` are those that the encoder reads.
    public static final String DECODER_IDS = "decoder_input_ids";

    /// Elements handed on at a time when a pattern is rebuilt.
    private static final int BLOCK = 1 << 20;

    private final Map<String, Tensor> tensors;

    private Trace(Map<String, Tensor> tensors) {
        this.tensors = tensors;
    }

    /// One tensor of a trace.
    public record Entry(String name, Shape shape) {
        public long bytes() {
            return DType.F32.bytes(shape.size());
        }
    }

    /// Takes what a trace consists of, in the order of [#plan], large tensors in several parts.
    @FunctionalInterface
    public interface Sink {
        /// @param entry the tensor
        /// @param part the next elements of it, row-major; F32, valid during the call only
        void append(Entry entry, Tensor part);
    }

    /// The tensors that a trace of these sites and layers will have.
    ///
    /// @param tokens length of the text
    public static List<Entry> plan(Transformer model, int tokens, Collection<Site> sites, IntPredicate layers) {
        return plan(model, tokens, 0, sites, layers);
    }

    /// The tensors that a trace of an encoder-decoder will have: the patterns of its encoder, and what its
    /// decoder computes.
    ///
    /// @param read length of the text that is read
    /// @param tokens length of the text that is written
    public static List<Entry> plan(
            EncoderDecoder model, int read, int tokens, Collection<Site> sites, IntPredicate layers) {
        var plan = new ArrayList<Entry>();
        plan.add(new Entry(INPUT_IDS, new Shape(read)));
        Transformer encoder = model.encoder();
        for (int layer = 0; layer < encoder.layers(); layer++) {
            if (layers.test(layer) && sites.contains(Site.ENCODER_PATTERN)) {
                int heads = encoder.attention(layer).spec().heads();
                plan.add(new Entry(name(Site.ENCODER_PATTERN, layer), new Shape(heads, read, read)));
            }
        }
        plan.add(new Entry(DECODER_IDS, new Shape(tokens)));
        List<Entry> written = plan(model.decoder(), tokens, read, sites, layers);
        plan.addAll(written.subList(1, written.size()));
        return List.copyOf(plan);
    }

    private static List<Entry> plan(
            Transformer model, int tokens, int read, Collection<Site> sites, IntPredicate layers) {
        var plan = new ArrayList<Entry>();
        plan.add(new Entry(INPUT_IDS, new Shape(tokens)));
        if (sites.contains(Site.EMBED)) {
            plan.add(new Entry(Site.EMBED.label(), new Shape(tokens, model.dim())));
        }
        for (int layer = 0; layer < model.layers(); layer++) {
            if (layers.test(layer)) {
                for (Site site : Site.values()) {
                    Block block = model.blocks().get(layer);
                    if (site.perLayer() && sites.contains(site) && has(block, site)) {
                        plan.add(new Entry(name(site, layer), shape(model, site, block, tokens, read)));
                    }
                }
            }
        }
        if (sites.contains(Site.FINAL_NORM)) {
            plan.add(new Entry(Site.FINAL_NORM.label(), new Shape(tokens, model.dim())));
        }
        if (sites.contains(Site.LOGITS)) {
            plan.add(new Entry(Site.LOGITS.label(), new Shape(tokens, model.vocab())));
        }
        return List.copyOf(plan);
    }

    private static String name(Site site, int layer) {
        return site.perLayer() ? site.label() + "." + layer : site.label();
    }

    /// Layers without attention have no queries, keys and patterns. A mixture of experts has no one place
    /// where all tokens are inside it.
    private static boolean has(Block block, Site site) {
        return switch (site) {
            case Q_PRE, Q, K_PRE, K, V, Z, SCORES, PATTERN -> block.mixer() instanceof Attention;
            case MLP_POST -> block.mlp().hidden() > 0;
            case CROSS_PATTERN -> block instanceof Block.Reading;
            case ENCODER_PATTERN -> false;
            default -> true;
        };
    }

    private static Shape shape(Transformer model, Site site, Block block, int tokens, int read) {
        return switch (site) {
            case EMBED, RESID_PRE, ATTN_NORM, ATTN_OUT, RESID_MID, MLP_NORM, MLP_OUT, RESID_POST, FINAL_NORM ->
                new Shape(tokens, model.dim());
            case Q_PRE, Q, K_PRE, K, V, Z, SCORES, PATTERN ->
                shape(site, block.attention().spec(), tokens);
            case CROSS_PATTERN -> new Shape(block.attention().spec().heads(), tokens, read);
            case ENCODER_PATTERN -> new Shape(block.attention().spec().heads(), read, read);
            case MLP_POST -> new Shape(tokens, hidden(block));
            case LOGITS -> new Shape(tokens, model.vocab());
        };
    }

    private static Shape shape(Site site, AttentionSpec spec, int tokens) {
        return switch (site) {
            case Q_PRE, Q -> new Shape(tokens, spec.heads(), spec.headDim());
            case K_PRE, K -> new Shape(tokens, spec.kvHeads(), spec.headDim());
            case V -> new Shape(tokens, spec.kvHeads(), spec.valueDim());
            case Z -> new Shape(tokens, spec.heads(), spec.valueDim());
            default -> new Shape(spec.heads(), tokens, tokens);
        };
    }

    private static int hidden(Block block) {
        return block.mlp().hidden();
    }

    /// Runs the model once over one text and hands on what it computes, as it computes it.
    public static void stream(
            Transformer model, Ops ops, int[] ids, Collection<Site> sites, IntPredicate layers, Sink sink) {
        Map<String, Entry> plan = new LinkedHashMap<>();
        for (Entry entry : plan(model, ids.length, sites, layers)) {
            plan.put(entry.name(), entry);
        }
        ids(plan, INPUT_IDS, ids, sink);
        long mark = ops.workspace().mark();
        model.forward(ForwardPass.of(ops, ids).with(new Streaming(plan, sink, false)));
        ops.workspace().release(mark);
    }

    /// Runs an encoder-decoder once and hands on what it computes, as it computes it.
    ///
    /// @param read the text that the encoder reads
    /// @param ids the text that the decoder writes, its start token first
    public static void stream(
            EncoderDecoder model,
            Ops ops,
            int[] read,
            int[] ids,
            Collection<Site> sites,
            IntPredicate layers,
            Sink sink) {
        Map<String, Entry> plan = new LinkedHashMap<>();
        for (Entry entry : plan(model, read.length, ids.length, sites, layers)) {
            plan.put(entry.name(), entry);
        }
        ids(plan, INPUT_IDS, read, sink);
        long mark = ops.workspace().mark();
        ReadText text = model.read(ForwardPass.of(ops, read).with(new Streaming(plan, sink, true)));
        ids(plan, DECODER_IDS, ids, sink);
        var pass = ForwardPass.at(ops, ids, Sequences.one(ids.length), new int[1], text.with(KeyValues.NONE));
        model.forward(pass.with(new Streaming(plan, sink, false)));
        ops.workspace().release(mark);
    }

    private static void ids(Map<String, Entry> plan, String name, int[] ids, Sink sink) {
        try (Arena arena = Arena.ofConfined()) {
            var floats = new float[ids.length];
            for (int i = 0; i < ids.length; i++) {
                floats[i] = ids[i];
            }
            sink.append(entry(plan, name), Tensor.of(arena, floats, ids.length));
        }
    }

    private static Entry entry(Map<String, Entry> plan, String name) {
        Entry entry = plan.get(name);
        if (entry == null) {
            throw new IllegalArgumentException("the trace has no tensor " + name);
        }
        return entry;
    }

    /// Runs the model once over one text and keeps what it computes in memory.
    public static Trace record(
            Transformer model, Ops ops, int[] ids, Collection<Site> sites, IntPredicate layers, Arena arena) {
        Map<String, Tensor> tensors = new LinkedHashMap<>();
        Map<String, Long> filled = new LinkedHashMap<>();
        stream(model, ops, ids, sites, layers, (entry, part) -> {
            Tensor whole = tensors.computeIfAbsent(
                    entry.name(),
                    _ -> Tensor.zeros(arena, DType.F32, entry.shape().dims()));
            long from = filled.getOrDefault(entry.name(), 0L);
            whole.data().asSlice(from, part.data().byteSize()).copyFrom(part.data());
            filled.put(entry.name(), from + part.data().byteSize());
        });
        return new Trace(tensors);
    }

    /// Names of the tensors, in the order in which they were computed.
    public List<String> names() {
        return List.copyOf(tensors.keySet());
    }

    /// A tensor by its name, such as `resid_post.3`.
    public Tensor tensor(String name) {
        Tensor t = tensors.get(name);
        if (t == null) {
            throw new IllegalArgumentException("the trace has no tensor " + name + "; it has " + names());
        }
        return t;
    }

    private static final class Streaming implements Probe {
        private final Map<String, Entry> plan;
        private final Sink sink;
        private final boolean encoder; // of an encoder-decoder, of which patterns alone are kept

        Streaming(Map<String, Entry> plan, Sink sink, boolean encoder) {
            this.plan = plan;
            this.sink = sink;
            this.encoder = encoder;
        }

        @Override
        public Interest wants(Site site, int layer) {
            boolean wanted = encoder
                    ? site == Site.PATTERN && plan.containsKey(name(Site.ENCODER_PATTERN, layer))
                    : plan.containsKey(name(site, layer));
            return wanted ? Interest.READ : Interest.NONE;
        }

        @Override
        public Tensor see(Site site, int layer, Tensor value) {
            Entry entry = entry(plan, name(site, layer));
            if (value.type() == DType.F32) {
                sink.append(entry, value);
            } else {
                try (Arena arena = Arena.ofConfined()) {
                    sink.append(entry, value.to(arena, DType.F32));
                }
            }
            return value;
        }

        @Override
        public void attended(int layer, Attention attention) {
            if (encoder) {
                squares(attention, layer, Site.ENCODER_PATTERN);
            } else {
                squares(attention, layer, Site.SCORES, Site.PATTERN);
            }
        }

        @Override
        public void crossAttended(int layer, Attention attention) {
            squares(attention, layer, Site.CROSS_PATTERN);
        }

        private void squares(Attention attention, int layer, Site... sites) {
            try (Arena arena = Arena.ofConfined()) {
                PatternRows rows = PatternRows.of(attention, 0, arena);
                for (Site site : sites) {
                    if (plan.containsKey(name(site, layer))) {
                        squares(site, entry(plan, name(site, layer)), rows, arena);
                    }
                }
            }
        }

        /// [heads, queries, context], some rows at a time.
        private void squares(Site site, Entry entry, PatternRows rows, Arena arena) {
            int context = rows.context();
            int most = Math.max(1, Math.min(rows.queries(), BLOCK / context));
            Tensor block = Tensor.zeros(arena, DType.F32, most, context);
            for (int head = 0; head < rows.spec().heads(); head++) {
                for (int from = 0; from < rows.queries(); from += most) {
                    int count = Math.min(most, rows.queries() - from);
                    for (int i = 0; i < count; i++) {
                        double[] values = site == Site.SCORES
                                ? rows.scores(head, from + i)
                                : rows.row(head, from + i).weights();
                        for (int k = 0; k < context; k++) {
                            block.set((long) i * context + k, values[k]);
                        }
                    }
                    sink.append(entry, block.rows(0, count));
                }
            }
        }
    }
}
