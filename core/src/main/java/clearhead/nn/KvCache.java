package clearhead.nn;

import clearhead.ops.AttentionSpec;
import clearhead.ops.KvView;
import clearhead.ops.Mask;
import clearhead.ops.Ops;
import clearhead.ops.Sequences;
import clearhead.tensor.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;

/// Keys and values of many sequences in pages of [KvView#PAGE] positions, out of one pool. A page
/// belongs to all layers with attention at once; sequences that begin alike can share pages, and the first
/// to write into a shared page gets a copy of its own. Kwon et al. 2023, arXiv:2309.06180.
///
/// Layers that carry a state instead ([Mixer#states]) have no pages: every sequence has a slab of all its
/// states, which has one size however long it becomes, and of which a fork gets a copy.
///
/// Not thread-safe: one pass at a time.
///
/// ```java
/// var cache = new KvCache(transformer, 1024);
/// var sequence = cache.open();
/// var rows = Sequences.one(ids.length);
/// var pass = ForwardPass.at(ops, ids, rows, new int[] {0}, cache.extend(rows, sequence));
/// ```
public final class KvCache implements AutoCloseable {
    private final Arena arena = Arena.ofShared();
    private final KvStorage storage;
    private final Map<Integer, KvView.Paged> pools = new HashMap<>(); // of each layer with attention
    private final StateSlabs states;
    private final int[] users; // sequences that hold each page
    private final int[] free; // a stack of page numbers
    private int freePages;
    private final long pageBytes;

    /// In 32 bits.
    ///
    /// @param positions of all sequences together; rounded up to whole pages
    public KvCache(Transformer transformer, int positions) {
        this(transformer, positions, KvStorage.F32);
    }

    /// @param positions of all sequences together; rounded up to whole pages
    public KvCache(Transformer transformer, int positions, KvStorage storage) {
        this.storage = storage;
        int pages = pages(positions);
        for (int layer : transformer.attentionLayers()) {
            AttentionSpec spec = transformer.attention(layer).spec();
            requireWindow(layer, spec.mask(), storage.ring());
            pools.put(
                    layer,
                    KvView.Paged.zeros(arena, storage.type(), pages, spec.kvHeads(), spec.headDim(), spec.valueDim()));
        }
        states = new StateSlabs(transformer, arena);
        pageBytes = pageBytes(transformer, positions, storage);
        users = new int[pages];
        free = new int[pages];
        for (int i = 0; i < pages; i++) {
            free[i] = pages - 1 - i;
        }
        freePages = pages;
    }

    /// A ring is of use only where a query sees no more than it holds.
    private static void requireWindow(int layer, Mask mask, int ring) {
        long seen = seen(mask);
        if (ring > 0 && seen > ring) {
            boolean all = seen == Long.MAX_VALUE;
            throw new IllegalArgumentException("a ring of " + ring + " positions cannot serve layer " + layer
                    + ", where a query sees " + (all ? "all earlier keys" : seen + " keys")
                    + "; keep every position instead" + (all ? "" : ", or make the ring larger"));
        }
    }

    /// How many of the last keys a query sees at most.
    private static long seen(Mask mask) {
        return switch (mask) {
            case Mask.Window(int left, int _) when left >= 0 -> left + 1L;
            case Mask.Chunked(int size) -> size;
            case Mask.All(List<Mask> masks) ->
                masks.stream().mapToLong(KvCache::seen).min().orElse(Long.MAX_VALUE);
            default -> Long.MAX_VALUE;
        };
    }

    /// Bytes that a cache of so many positions takes in 32 bits.
    public static long bytes(Transformer transformer, int positions) {
        return bytes(transformer, positions, KvStorage.F32);
    }

    /// Bytes that a cache of so many positions takes, with the states of one sequence.
    public static long bytes(Transformer transformer, int positions, KvStorage storage) {
        return Math.addExact(pageBytes(transformer, positions, storage), StateSlabs.bytes(transformer));
    }

    private static long pageBytes(Transformer transformer, int positions, KvStorage storage) {
        long perPosition = 0;
        for (int layer : transformer.attentionLayers()) {
            AttentionSpec spec = transformer.attention(layer).spec();
            perPosition += spec.kvHeads() * storage.bytes(spec.headDim(), spec.valueDim());
        }
        return Math.multiplyExact(perPosition, (long) pages(positions) * KvView.PAGE);
    }

    private static int pages(int positions) {
        return Math.ceilDiv(positions, KvView.PAGE);
    }

    /// Bytes of the pool, and of the states of as many sequences as there were at once.
    public long bytes() {
        return pageBytes + states.bytes();
    }

    /// Positions that new pages can still take.
    public int freePositions() {
        return freePages * KvView.PAGE;
    }

    /// A new sequence without a token.
    public Sequence open() {
        return new Sequence(new int[0], 0, states.take());
    }

    /// One sequence's block table and states. They go back to the pool when it is closed.
    public final class Sequence implements AutoCloseable {
        private int[] table;
        private int length;
        private final StateSlabs.Slab slab;
        private boolean closed;

        private Sequence(int[] table, int length, StateSlabs.Slab slab) {
            this.table = table;
            this.length = length;
            this.slab = slab;
        }

        /// Tokens it remembers: the position of the next one.
        public int length() {
            return length;
        }

        /// Forgets all but the first `newLength` tokens.
        ///
        /// @throws IllegalStateException if the model carries states, which know nothing of the tokens before
        ///     the last, unless all or nothing is to be forgotten: [#fork] where you may want to return to
        public void truncate(int newLength) {
            if (newLength < 0 || newLength > length) {
                throw new IllegalArgumentException("a sequence of " + length + " tokens cannot be cut to " + newLength);
            }
            if (newLength > 0 && newLength < length && storage.pages(length) < pages(length)) {
                throw new IllegalStateException(
                        "a ring of " + storage.ring() + " positions has lost what a sequence of " + length
                                + " tokens would need when cut to " + newLength);
            }
            if (newLength > 0 && newLength < length && !states.isEmpty()) {
                throw new IllegalStateException("a sequence of " + length + " tokens cannot be cut to " + newLength
                        + ": the model has layers that carry a state, which cannot be taken back; fork the sequence"
                        + " where you may want to return to");
            }
            int kept = storage.pages(newLength);
            for (int i = kept; i < table.length; i++) {
                release(table[i]);
            }
            table = Arrays.copyOf(table, kept);
            length = newLength;
        }

        /// A sequence that begins with the same tokens, and shares their pages.
        public Sequence fork() {
            requireOpen();
            for (int page : table) {
                users[page]++;
            }
            return new Sequence(table.clone(), length, states.copy(slab));
        }

        /// New pages that `tokens` more tokens would take.
        private int wanted(int tokens) {
            if (storage.ring() > 0 && tokens > storage.ring()) {
                throw new IllegalArgumentException("a pass of " + tokens + " tokens does not fit into a ring of "
                        + storage.ring() + " positions; run fewer tokens at a time");
            }
            int fresh = storage.pages(length + tokens) - table.length;
            return fresh + shared(tokens).size();
        }

        /// Places in the table of the shared pages that `tokens` more tokens are written into.
        private Set<Integer> shared(int tokens) {
            var places = new TreeSet<Integer>();
            int blocks = storage.ring() == 0 ? Integer.MAX_VALUE : storage.ring() / KvView.PAGE;
            for (int block = length / KvView.PAGE; block * (long) KvView.PAGE < (long) length + tokens; block++) {
                int place = block % blocks;
                if (tokens > 0 && place < table.length && users[table[place]] > 1) {
                    places.add(place);
                }
            }
            return places;
        }

        private void extend(int tokens) {
            for (int place : shared(tokens)) {
                int shared = table[place];
                int own = take();
                copy(shared, own);
                release(shared);
                table[place] = own;
            }
            int had = table.length;
            table = Arrays.copyOf(table, storage.pages(length + tokens));
            for (int i = had; i < table.length; i++) {
                table[i] = take();
            }
            length += tokens;
        }

        private void requireOpen() {
            if (closed) {
                throw new IllegalStateException("the sequence is closed");
            }
        }

        @Override
        public void close() {
            if (!closed) {
                truncate(0);
                states.release(slab);
                closed = true;
            }
        }
    }

    /// Makes room for one pass: `rows.length(s)` more tokens of each sequence. Nothing changes where
    /// there is no room for all.
    ///
    /// @return the memory to give to the pass; good for this pass alone
    /// @throws IllegalStateException if the pool is full
    public KeyValues extend(Sequences rows, Sequence... sequences) {
        if (rows.count() != sequences.length) {
            throw new IllegalArgumentException("rows of " + rows.count() + " sequences, got " + sequences.length);
        }
        int wanted = 0;
        for (int s = 0; s < sequences.length; s++) {
            sequences[s].requireOpen();
            wanted += sequences[s].wanted(rows.length(s));
        }
        if (wanted > freePages) {
            throw new IllegalStateException("the cache of keys and values is full: " + wanted * KvView.PAGE
                    + " more positions wanted, " + freePositions() + " of "
                    + users.length * KvView.PAGE + " are free; close a sequence, or make"
                    + " the cache larger");
        }
        var table = new int[sequences.length][];
        var lengths = new int[sequences.length];
        var slabs = new StateSlabs.Slab[sequences.length];
        for (int s = 0; s < sequences.length; s++) {
            sequences[s].extend(rows.length(s));
            table[s] = sequences[s].table.clone();
            lengths[s] = sequences[s].length;
            slabs[s] = sequences[s].slab;
        }
        return new Extended(table, lengths, rows, slabs);
    }

    /// The memory of one pass.
    ///
    /// @param lengths [sequences], with the tokens of this pass
    private final class Extended implements KeyValues {
        private final int[][] table;
        private final int[] lengths;
        private final Sequences rows;
        private final StateSlabs.Slab[] slabs;

        Extended(int[][] table, int[] lengths, Sequences rows, StateSlabs.Slab[] slabs) {
            this.table = table;
            this.lengths = lengths;
            this.rows = rows;
            this.slabs = slabs;
        }

        @Override
        public KvView append(Ops ops, int layer, Tensor key, Tensor value, Sequences queries) {
            KvView.Paged pool = pools.get(layer);
            if (pool == null) {
                throw new IllegalArgumentException("layer " + layer + " has no attention, so no keys are kept of it");
            }
            KvView.Paged past = pool.of(storage.ring() > 0, table, lengths);
            ops.store(key, value, queries, past);
            return past;
        }

        @Override
        public Optional<Tensor> state(Ops ops, int layer, int index) {
            var before = new int[lengths.length];
            Arrays.setAll(before, s -> lengths[s] - rows.length(s));
            return states.gather(ops, layer, index, slabs, before);
        }

        @Override
        public void keep(int layer, int index, Tensor state) {
            states.scatter(layer, index, state, slabs, lengths);
        }
    }

    private int take() {
        int page = free[--freePages];
        users[page] = 1;
        return page;
    }

    private void release(int page) {
        if (--users[page] == 0) {
            free[freePages++] = page;
        }
    }

    private void copy(int from, int to) {
        for (KvView.Paged pool : pools.values()) {
            copy(pool.keys(), from, to);
            copy(pool.values(), from, to);
            pool.scales().ifPresent(scales -> {
                copy(scales.keys(), from, to);
                copy(scales.values(), from, to);
            });
        }
    }

    private static void copy(Tensor pages, int from, int to) {
        MemorySegment source = pages.rows(from, from + 1).data();
        pages.rows(to, to + 1).data().copyFrom(source);
    }

    @Override
    public void close() {
        arena.close();
    }
}
