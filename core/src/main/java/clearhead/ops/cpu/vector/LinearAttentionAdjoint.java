package clearhead.ops.cpu.vector;

import clearhead.ops.Adjoints;
import clearhead.ops.Sequences;
import clearhead.ops.StateUpdate;
import clearhead.ops.cpu.Workers;
import clearhead.tensor.DType;
import clearhead.tensor.Tensor;
import clearhead.tensor.Workspace;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.Optional;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/// Back through linear attention. A task is one kv head of one sequence: forward once, keeping every
/// 32nd state, then chunk by chunk from the end, with the states of one chunk. The equations are
/// those of the reference's adjoint: with S the state after a token, A what was left of the one before
/// and r = Aᵀ·key,
///
///     dS += scale·query ⊗ dOut,  dQuery = scale·S·dOut
///     dU = dSᵀ·key,  dKey = dS·u,  dA = dS,  dValue = rate·dU
///     delta rules: dRate = dU·(value − r),  dA −= key ⊗ dValue,  dKey −= A·dValue
///     dDecay = Σ dA·A,  dS of the token before = exp(decay)·dA
final class LinearAttentionAdjoint {
    private static final VectorSpecies<Float> S = Lanes.FLOATS;
    private static final ByteOrder ORDER = ByteOrder.LITTLE_ENDIAN;
    private static final ValueLayout.OfFloat F32 = ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ORDER);

    /// Tokens from one kept state to the next.
    private static final int CHUNK = 32;

    private final Tensor query;
    private final Tensor key;
    private final Tensor value;
    private final StateUpdate update;
    private final float scale;
    private final Sequences rows;
    private final Optional<Tensor> state;
    private final Tensor dOut;
    private final Adjoints.LinearAttention d;
    private final int kvHeads;
    private final int keyDim;
    private final int valueDim;

    /// Bytes of a row of the state, padded to whole vectors with zeros, and of a state.
    private final long wide;

    private final long whole;

    private LinearAttentionAdjoint(
            Workspace workspace,
            Tensor query,
            Tensor key,
            Tensor value,
            StateUpdate update,
            double scale,
            Sequences rows,
            Optional<Tensor> state,
            Tensor dOut) {
        this.query = query;
        this.key = key;
        this.value = value;
        this.update = update;
        this.scale = (float) scale;
        this.rows = rows;
        this.state = state;
        this.dOut = dOut;
        this.kvHeads = key.dim(1);
        this.keyDim = key.dim(2);
        this.valueDim = value.dim(2);
        this.wide = Math.ceilDiv(valueDim, Lanes.COUNT) * (long) Lanes.BYTES;
        this.whole = keyDim * wide;
        this.d = new Adjoints.LinearAttention(
                workspace.take(DType.F32, query.shape()),
                workspace.take(DType.F32, key.shape()),
                workspace.take(DType.F32, value.shape()),
                update.optionalDecay().map(t -> workspace.take(DType.F32, t.shape())),
                update.optionalRate().map(t -> workspace.take(DType.F32, t.shape())));
    }

    static Adjoints.LinearAttention run(
            Workspace workspace,
            Workers workers,
            Tensor query,
            Tensor key,
            Tensor value,
            StateUpdate update,
            double scale,
            Sequences rows,
            Optional<Tensor> state,
            Tensor dOut) {
        var call = new LinearAttentionAdjoint(workspace, query, key, value, update, scale, rows, state, dOut);
        int longest = 0;
        for (int s = 0; s < rows.count(); s++) {
            longest = Math.max(longest, rows.length(s));
        }
        long bytes = Math.multiplyExact(call.whole, Math.ceilDiv(longest, CHUNK) + CHUNK + 2L) + call.rowsBytes();
        long mark = workspace.mark();
        MemorySegment memory = workspace.takeBytes(Math.multiplyExact(bytes, (long) workers.threads()));
        workers.runSlots(rows.count() * call.kvHeads, (task, slot) -> {
            MemorySegment own = memory.asSlice(slot * bytes, bytes);
            own.fill((byte) 0);
            new Pass(call, own, task / call.kvHeads, task % call.kvHeads).run();
        });
        workspace.release(mark);
        return call.d;
    }

    /// Rows beside the states: u and value − r of every token of a chunk, three more, and factors.
    private long rowsBytes() {
        return (2 * CHUNK + 3) * wide + keyDim * 4L;
    }

    /// One kv head of one sequence.
    private static final class Pass {
        private final LinearAttentionAdjoint c;
        private final MemorySegment memory;
        private final int s;
        private final int kv;

        /// Where things lie in memory: kept states, then CHUNK + 1 states (that before the chunk first),
        /// the gradient of the state, and rows.
        private final long chunk;

        private final long dState;
        private final long u;
        private final long difference;
        private final long in;
        private final long dU;
        private final long dValue;
        private final long kept;

        Pass(LinearAttentionAdjoint c, MemorySegment memory, int s, int kv) {
            this.c = c;
            this.memory = memory;
            this.s = s;
            this.kv = kv;
            long rowsFrom = memory.byteSize() - c.rowsBytes();
            this.dState = rowsFrom - c.whole;
            this.chunk = dState - (CHUNK + 1) * c.whole;
            this.u = rowsFrom;
            this.difference = u + CHUNK * c.wide;
            this.in = difference + CHUNK * c.wide;
            this.dU = in + c.wide;
            this.dValue = dU + c.wide;
            this.kept = dValue + c.wide;
        }

        void run() {
            int tokens = c.rows.length(s);
            if (tokens == 0) {
                return;
            }
            int chunks = Math.ceilDiv(tokens, CHUNK);
            if (c.state.isPresent()) {
                MemorySegment from = c.state.get().data();
                long first = ((long) s * c.kvHeads + kv) * c.keyDim * c.valueDim * 4;
                for (int i = 0; i < c.keyDim; i++) {
                    MemorySegment.copy(
                            from, first + i * (c.valueDim * 4L), memory, chunk + i * c.wide, c.valueDim * 4L);
                }
            }
            for (int n = 0; n < chunks; n++) {
                MemorySegment.copy(memory, chunk, memory, n * c.whole, c.whole);
                if (n < chunks - 1) {
                    forward(n, CHUNK);
                    MemorySegment.copy(memory, chunk + CHUNK * c.whole, memory, chunk, c.whole);
                }
            }
            for (int n = chunks - 1; n >= 0; n--) {
                MemorySegment.copy(memory, n * c.whole, memory, chunk, c.whole);
                int count = Math.min(CHUNK, tokens - n * CHUNK);
                forward(n, count);
                for (int i = count - 1; i >= 0; i--) {
                    back(c.rows.start(s) + n * CHUNK + i, i);
                }
            }
        }

        private void forward(int n, int count) {
            for (int i = 0; i < count; i++) {
                step(c.rows.start(s) + n * CHUNK + i, i);
            }
        }

        /// exp(decay) of each row of the state.
        private void factors(long row) {
            Optional<Tensor> decay = c.update.optionalDecay();
            for (int i = 0; i < c.keyDim; i++) {
                float factor = 1;
                if (decay.isPresent()) {
                    Tensor g = decay.get();
                    long at = g.rank() == 3 ? row * c.keyDim + i : row;
                    factor = (float) Math.exp(g.data().get(F32, at * 4));
                }
                memory.set(F32, kept + i * 4L, factor);
            }
        }

        private float rate(long row) {
            return c.update.optionalRate().isPresent()
                    ? c.update.optionalRate().get().data().get(F32, row * 4)
                    : 1;
        }

        /// State i of the chunk to state i + 1, with u and value − r of the token.
        private void step(int token, int i) {
            long row = (long) token * c.kvHeads + kv;
            long before = chunk + i * c.whole;
            long after = before + c.whole;
            long keyAt = row * c.keyDim * 4;
            factors(row);
            long diff = difference + i * c.wide;
            MemorySegment.copy(c.value.data(), row * c.valueDim * 4, memory, diff, c.valueDim * 4L);
            boolean corrects = c.update.optionalRate().isPresent();
            for (int k = 0; k < c.keyDim; k++) {
                long to = after + k * c.wide;
                times(before + k * c.wide, memory.get(F32, kept + k * 4L), to);
                if (corrects) {
                    add(-c.key.data().get(F32, keyAt + k * 4L), to, diff);
                }
            }
            times(diff, rate(row), u + i * c.wide);
            for (int k = 0; k < c.keyDim; k++) {
                add(c.key.data().get(F32, keyAt + k * 4L), u + i * c.wide, after + k * c.wide);
            }
        }

        private void back(int token, int i) {
            long row = (long) token * c.kvHeads + kv;
            long before = chunk + i * c.whole;
            long after = before + c.whole;
            int heads = c.query.dim(1);
            int group = heads / c.kvHeads;
            for (int h = kv * group; h < (kv + 1) * group; h++) {
                long at = (long) token * heads + h;
                MemorySegment.copy(c.dOut.data(), at * c.valueDim * 4, memory, in, c.valueDim * 4L);
                for (int k = 0; k < c.keyDim; k++) {
                    long to = (at * c.keyDim + k) * 4;
                    float q = c.scale * c.query.data().get(F32, to);
                    float recalled = read(after + k * c.wide, q, dState + k * c.wide);
                    c.d.dQuery().data().set(F32, to, c.scale * recalled);
                }
            }
            factors(row);
            long keyAt = row * c.keyDim * 4;
            memory.asSlice(dU, c.wide).fill((byte) 0);
            for (int k = 0; k < c.keyDim; k++) {
                add(c.key.data().get(F32, keyAt + k * 4L), dState + k * c.wide, dU);
            }
            times(dU, rate(row), dValue);
            MemorySegment.copy(memory, dValue, c.d.dValue().data(), row * c.valueDim * 4, c.valueDim * 4L);
            boolean corrects = c.d.dRate().isPresent();
            boolean forgets = c.d.dDecay().isPresent();
            if (corrects) {
                c.d.dRate().get().data().set(F32, row * 4, dot(dU, difference + i * c.wide));
            }
            float dDecay = 0;
            for (int k = 0; k < c.keyDim; k++) {
                float factor = memory.get(F32, kept + k * 4L);
                long dRow = dState + k * c.wide;
                if (!corrects && !forgets) {
                    c.d.dKey().data().set(F32, keyAt + k * 4L, dot(dRow, u + i * c.wide));
                    continue;
                }
                float key = corrects ? c.key.data().get(F32, keyAt + k * 4L) : 0;
                row(dRow, u + i * c.wide, before + k * c.wide, key, factor);
                c.d.dKey().data().set(F32, keyAt + k * 4L, corrects ? rowKey - factor * rowCorrection : rowKey);
                if (c.d.dDecay().isPresent()) {
                    float each = factor * rowDecay;
                    if (c.d.dDecay().get().rank() == 3) {
                        c.d.dDecay().get().data().set(F32, keyAt + k * 4L, each);
                    } else {
                        dDecay += each;
                    }
                }
            }
            if (c.d.dDecay().isPresent() && c.d.dDecay().get().rank() == 2) {
                c.d.dDecay().get().data().set(F32, row * 4, dDecay);
            }
        }

        /// into = factor·row
        private void times(long row, float factor, long into) {
            for (long at = 0; at < c.wide; at += Lanes.BYTES) {
                FloatVector.fromMemorySegment(S, memory, row + at, ORDER)
                        .mul(factor)
                        .intoMemorySegment(memory, into + at, ORDER);
            }
        }

        /// into += factor·row
        private void add(float factor, long row, long into) {
            FloatVector f = FloatVector.broadcast(S, factor);
            for (long at = 0; at < c.wide; at += Lanes.BYTES) {
                f.fma(
                                FloatVector.fromMemorySegment(S, memory, row + at, ORDER),
                                FloatVector.fromMemorySegment(S, memory, into + at, ORDER))
                        .intoMemorySegment(memory, into + at, ORDER);
            }
        }

        /// Results of [#row].
        private float rowKey;

        private float rowCorrection;
        private float rowDecay;

        /// One row of the state's gradient: dS·u, A·dValue without the factor, then dS −= key·dValue, dS·A
        /// without the factor, and dS ← factor·dS.
        private void row(long dRow, long write, long before, float key, float factor) {
            FloatVector k = FloatVector.broadcast(S, -key);
            FloatVector dKey = FloatVector.zero(S);
            FloatVector correction = dKey;
            FloatVector decay = dKey;
            for (long at = 0; at < c.wide; at += Lanes.BYTES) {
                FloatVector d = FloatVector.fromMemorySegment(S, memory, dRow + at, ORDER);
                FloatVector v = FloatVector.fromMemorySegment(S, memory, dValue + at, ORDER);
                FloatVector state = FloatVector.fromMemorySegment(S, memory, before + at, ORDER);
                dKey = d.fma(FloatVector.fromMemorySegment(S, memory, write + at, ORDER), dKey);
                correction = state.fma(v, correction);
                d = k.fma(v, d);
                decay = d.fma(state, decay);
                d.mul(factor).intoMemorySegment(memory, dRow + at, ORDER);
            }
            rowKey = Lanes.sum(dKey);
            rowCorrection = Lanes.sum(correction);
            rowDecay = Lanes.sum(decay);
        }

        /// Adds q·dOut to a row of the state's gradient.
        ///
        /// @return the state's row·dOut
        private float read(long state, float q, long dRow) {
            FloatVector factor = FloatVector.broadcast(S, q);
            FloatVector sum = FloatVector.zero(S);
            for (long at = 0; at < c.wide; at += Lanes.BYTES) {
                FloatVector d = FloatVector.fromMemorySegment(S, memory, in + at, ORDER);
                sum = d.fma(FloatVector.fromMemorySegment(S, memory, state + at, ORDER), sum);
                factor.fma(d, FloatVector.fromMemorySegment(S, memory, dRow + at, ORDER))
                        .intoMemorySegment(memory, dRow + at, ORDER);
            }
            return Lanes.sum(sum);
        }

        private float dot(long a, long b) {
            FloatVector sum = FloatVector.zero(S);
            for (long at = 0; at < c.wide; at += Lanes.BYTES) {
                sum = FloatVector.fromMemorySegment(S, memory, a + at, ORDER)
                        .fma(FloatVector.fromMemorySegment(S, memory, b + at, ORDER), sum);
            }
            return Lanes.sum(sum);
        }
    }
}
