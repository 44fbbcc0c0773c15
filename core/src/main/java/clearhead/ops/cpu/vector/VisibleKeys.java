package clearhead.ops.cpu.vector;

import clearhead.ops.AttentionSpec;
import clearhead.ops.Broadcast;
import clearhead.ops.KvView;
import clearhead.ops.Mask;
import clearhead.ops.score.BlockMask;
import clearhead.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/// Which keys the queries of one sequence see, for the kernels: for each query an interval outside of
/// which it sees nothing, and where that does not say all, 64 bits for each query and block of keys.
///
/// Masks by position (causal, window, chunked, prefix), documents that lie in one piece, and what is
/// common to several of them are intervals; tensors, block masks and scattered documents need bits.
final class VisibleKeys {
    private static final int PAGE = KvView.PAGE;
    private static final ValueLayout.OfLong I64 =
            ValueLayout.JAVA_LONG_UNALIGNED.withOrder(java.nio.ByteOrder.LITTLE_ENDIAN);

    private final int sequence;
    private final int firstPosition;
    private final int[] from; // of each query
    private final int[] to;
    private final List<Mask> byBits;

    private VisibleKeys(int sequence, int firstPosition, int[] from, int[] to, List<Mask> byBits) {
        this.sequence = sequence;
        this.firstPosition = firstPosition;
        this.from = from;
        this.to = to;
        this.byBits = byBits;
    }

    /// Of `queries` queries before `context` keys.
    static VisibleKeys of(AttentionSpec spec, int sequence, int queries, int context) {
        var seen = new VisibleKeys(
                sequence,
                spec.alignment().first(sequence, queries, context),
                new int[queries],
                new int[queries],
                new ArrayList<>());
        java.util.Arrays.fill(seen.to, context);
        seen.restrict(spec.mask(), context);
        for (int i = 0; i < queries; i++) {
            if (seen.from[i] >= seen.to[i]) {
                seen.from[i] = 0;
                seen.to[i] = 0;
            }
        }
        return seen;
    }

    private void restrict(Mask mask, int context) {
        switch (mask) {
            case Mask.Interval interval -> {
                for (int i = 0; i < from.length; i++) {
                    from[i] = Math.max(from[i], interval.from(sequence, firstPosition + i));
                    to[i] = Math.min(to[i], interval.to(sequence, firstPosition + i));
                }
            }
            case Mask.Documents(int[][] documents) ->
                restrict(mask, documents[documents.length == 1 ? 0 : sequence], context);
            case Mask.Allowed(Tensor allowed) -> {
                if (allowed.dim(-1) != 1) {
                    end(allowed.dim(-1));
                }
                byBits.add(mask);
            }
            case Mask.Blocks(var blocks) -> {
                end(blocks.positions());
                byBits.add(mask);
            }
            case Mask.All(List<Mask> masks) -> masks.forEach(each -> restrict(each, context));
        }
    }

    private void end(int keys) {
        for (int i = 0; i < to.length; i++) {
            to[i] = Math.min(to[i], keys);
        }
    }

    private void restrict(Mask mask, int[] documents, int context) {
        int keys = Math.min(context, documents.length);
        Map<Integer, int[]> spans = new HashMap<>(); // first key, one past the last, number
        for (int key = 0; key < keys; key++) {
            int start = key;
            int[] span = spans.computeIfAbsent(documents[key], _ -> new int[] {start, 0, 0});
            span[1] = key + 1;
            span[2]++;
        }
        boolean whole = spans.values().stream().allMatch(span -> span[1] - span[0] == span[2]);
        for (int i = 0; i < from.length; i++) {
            int position = firstPosition + i;
            boolean known = position >= 0 && position < documents.length;
            int[] span = known ? spans.getOrDefault(documents[position], new int[3]) : new int[3];
            from[i] = Math.max(from[i], span[0]);
            to[i] = Math.min(to[i], span[1]);
        }
        if (!whole) {
            byBits.add(mask);
        }
    }

    /// Position of a query.
    int position(int query) {
        return firstPosition + query;
    }

    /// First key that the query may see.
    int from(int query) {
        return from[query];
    }

    /// One past the last key that it may see; equal to [#from] if there is none.
    int to(int query) {
        return to[query];
    }

    /// Whether the intervals say all.
    boolean isByIntervals() {
        return byBits.isEmpty();
    }

    /// Which keys of a block a query sees: bit j stands for key 64·block + j.
    long word(int head, int query, int block) {
        long word = between(from[query], to[query], block * PAGE);
        for (int i = 0; i < byBits.size() && word != 0; i++) {
            word &= bits(byBits.get(i), head, query, block);
        }
        return word;
    }

    /// What queries `fromQuery` to `toQuery` of some heads see of a block, as far as it is known without
    /// looking at each of them.
    ///
    /// @return NONE or ALL; SOME where it is not known
    BlockMask.State state(int fromHead, int toHead, int fromQuery, int toQuery, int block) {
        boolean all = true;
        for (int i = 0; i < byBits.size(); i++) {
            if (!(byBits.get(i) instanceof Mask.Blocks(BlockMask mask))) {
                all = false;
                continue;
            }
            boolean none = true;
            int first = (firstPosition + fromQuery) / BlockMask.SIDE;
            int last = (firstPosition + toQuery - 1) / BlockMask.SIDE;
            for (int head = fromHead; head < (mask.heads() == 1 ? fromHead + 1 : toHead); head++) {
                for (int queries = first; queries <= last; queries++) {
                    var state = mask.state(sequence, head, queries, block);
                    none &= state == BlockMask.State.NONE;
                    all &= state == BlockMask.State.ALL;
                }
            }
            if (none) {
                return BlockMask.State.NONE;
            }
        }
        return all ? BlockMask.State.ALL : BlockMask.State.SOME;
    }

    /// Bits of the keys `from` to `to` among the 64 keys from `key` on.
    static long between(int from, int to, int key) {
        int lo = Math.clamp((long) from - key, 0, PAGE);
        int hi = Math.clamp((long) to - key, 0, PAGE);
        return lo >= hi ? 0 : -1L >>> PAGE - (hi - lo) << lo;
    }

    private long bits(Mask mask, int head, int query, int block) {
        return switch (mask) {
            case Mask.Allowed(Tensor allowed) -> allowed(allowed, head, query, block * PAGE);
            case Mask.Blocks(var blocks) -> blocks.word(sequence, head, firstPosition + query, block);
            case Mask.Documents(int[][] documents) -> {
                int[] own = documents[documents.length == 1 ? 0 : sequence];
                int document = own[firstPosition + query];
                int keys = Math.min(PAGE, own.length - block * PAGE);
                long word = 0;
                for (int j = 0; j < keys; j++) {
                    word |= own[block * PAGE + j] == document ? 1L << j : 0;
                }
                yield word;
            }
            case Mask.Interval _, Mask.All _ -> throw new IllegalStateException(mask.toString());
        };
    }

    /// Keys beyond the last axis are not in the query's interval.
    private long allowed(Tensor allowed, int head, int query, int key) {
        MemorySegment data = allowed.data();
        long at = Broadcast.offset(allowed, sequence, head, query, key);
        if (allowed.dim(-1) == 1) {
            return data.get(ValueLayout.JAVA_BYTE, at) == 0 ? 0 : -1;
        }
        int keys = Math.min(PAGE, allowed.dim(-1) - key);
        long word = 0;
        int j = 0;
        for (; j + 8 <= keys; j += 8) {
            long x = data.get(I64, at + j);
            // bit 7 of each byte that is not 0, then the eight of them side by side
            long set = ((x & 0x7f7f7f7f7f7f7f7fL) + 0x7f7f7f7f7f7f7f7fL | x) >>> 7 & 0x0101010101010101L;
            word |= (set * 0x0102040810204080L >>> 56) << j;
        }
        for (; j < keys; j++) {
            word |= data.get(ValueLayout.JAVA_BYTE, at + j) == 0 ? 0 : 1L << j;
        }
        return word;
    }
}
