package clearhead.ops.cpu.vector;

import clearhead.ops.Cell;
import clearhead.ops.Recurrence;
import clearhead.ops.Squash;
import clearhead.tensor.Workspace;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.Optional;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/// The way back through one token of one sequence, element by element: from gradients by the state after
/// it to gradients by its sums. Slopes are computed first, a stretch for each gate, then all is combined
/// in one loop.
///
/// @param squashes slopes of [Cell#squashes]
/// @param peepholes [3·hidden]
record RecurrentSteps(Squashes.Slope[] squashes, Optional<MemorySegment> peepholes, int n) {
    private static final VectorSpecies<Float> S = Lanes.FLOATS;
    private static final ByteOrder ORDER = ByteOrder.LITTLE_ENDIAN;
    private static final ValueLayout.OfFloat F32 = ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ORDER);

    static RecurrentSteps of(Recurrence r, Workspace workspace) {
        MemorySegment scratch = workspace.takeBytes(64);
        var squashes = r.cell().squashes();
        var slopes = new Squashes.Slope[squashes.size()];
        for (int i = 0; i < slopes.length; i++) {
            // An LSTM's last squash is not bounded.
            double clip = i == 2 ? Double.POSITIVE_INFINITY : r.cell().clip();
            slopes[i] = Squashes.Slope.of(squashes.get(i), (float) clip, scratch, 0);
        }
        var peepholes = r.peepholes().map(p -> Expand.all(workspace, p));
        return new RecurrentSteps(slopes, peepholes, r.hidden());
    }

    /// Scratch of a step: c before it, slopes of four gates, the last squash and its slope.
    long bytes() {
        return 7 * n * 4L;
    }

    private long nBytes() {
        return n * 4L;
    }

    /// d = dh∘slope
    void rnn(MemorySegment kept, long keptAt, MemorySegment m, long dh, long d) {
        squashes[0].of(kept, keptAt, m, d, n);
        times(m, dh, m, d, n);
    }

    /// @param kept i, o, f, candidate
    /// @param c cells after the token
    /// @param at scratch, which begins with the cells before it
    /// @param dc replaced by the gradient by the cells before, but for the peepholes' part
    void lstm(
            Cell.Lstm cell,
            MemorySegment kept,
            long keptAt,
            MemorySegment c,
            long cAt,
            MemorySegment m,
            long at,
            long dh,
            long dc,
            long d) {
        long slopes = at + nBytes();
        squashes[0].of(kept, keptAt, m, slopes, 3 * n);
        squashes[1].of(kept, keptAt + 3 * nBytes(), m, slopes + 3 * nBytes(), n);
        long y = at + 5 * nBytes();
        MemorySegment.copy(c, cAt, m, y, nBytes());
        Squash output = cell.output();
        Squashes.values(output, Float.POSITIVE_INFINITY, m, y, n);
        squashes[2].of(m, y, m, y + nBytes(), n);
        outputGate(kept, keptAt + nBytes(), m, y, slopes + nBytes(), dh, dc, d + nBytes());
        if (peepholes.isPresent()) {
            addProduct(peepholes.get(), nBytes(), m, d + nBytes(), m, dc, n);
        }
        memory(kept, keptAt, m, at, slopes, dc, d, cell.coupled());
        if (peepholes.isPresent()) {
            addProduct(peepholes.get(), 0, m, d, m, dc, n);
            addProduct(peepholes.get(), 2 * nBytes(), m, d + 2 * nBytes(), m, dc, n);
        }
    }

    /// dO = dh∘y∘slope; dc += dh∘o∘slope of y
    private void outputGate(
            MemorySegment kept, long oAt, MemorySegment m, long y, long slope, long dh, long dc, long dO) {
        int j = 0;
        for (; j <= n - Lanes.COUNT; j += Lanes.COUNT) {
            long i = j * 4L;
            FloatVector g = load(m, dh + i);
            g.mul(load(m, y + i)).mul(load(m, slope + i)).intoMemorySegment(m, dO + i, ORDER);
            g.mul(load(kept, oAt + i))
                    .fma(load(m, y + nBytes() + i), load(m, dc + i))
                    .intoMemorySegment(m, dc + i, ORDER);
        }
        for (; j < n; j++) {
            long i = j * 4L;
            float g = get(m, dh + i);
            m.set(F32, dO + i, g * get(m, y + i) * get(m, slope + i));
            m.set(F32, dc + i, Math.fma(g * get(kept, oAt + i), get(m, y + nBytes() + i), get(m, dc + i)));
        }
    }

    /// Gradients of i, f and the candidate, and dc of the cells before, from dc of those after.
    private void memory(
            MemorySegment kept, long keptAt, MemorySegment m, long c, long slopes, long dc, long d, boolean coupled) {
        long f = 2 * nBytes();
        long candidate = 3 * nBytes();
        int j = 0;
        for (; j <= n - Lanes.COUNT; j += Lanes.COUNT) {
            long i = j * 4L;
            FloatVector g = load(m, dc + i);
            FloatVector dF = g.mul(load(m, c + i));
            FloatVector dI = g.mul(load(kept, keptAt + candidate + i));
            if (coupled) {
                dI = dI.sub(dF);
                dF = FloatVector.zero(S);
            }
            dI.mul(load(m, slopes + i)).intoMemorySegment(m, d + i, ORDER);
            dF.mul(load(m, slopes + f + i)).intoMemorySegment(m, d + f + i, ORDER);
            g.mul(load(kept, keptAt + i))
                    .mul(load(m, slopes + candidate + i))
                    .intoMemorySegment(m, d + candidate + i, ORDER);
            g.mul(load(kept, keptAt + f + i)).intoMemorySegment(m, dc + i, ORDER);
        }
        for (; j < n; j++) {
            long i = j * 4L;
            float g = get(m, dc + i);
            float dF = g * get(m, c + i);
            float dI = g * get(kept, keptAt + candidate + i);
            m.set(F32, d + i, (coupled ? dI - dF : dI) * get(m, slopes + i));
            m.set(F32, d + f + i, coupled ? 0 : dF * get(m, slopes + f + i));
            m.set(F32, d + candidate + i, g * get(kept, keptAt + i) * get(m, slopes + candidate + i));
            m.set(F32, dc + i, g * get(kept, keptAt + f + i));
        }
    }

    /// Gradients of z, of r where the product comes before the reset, and of the candidate's sum; dh∘z.
    ///
    /// @param kept z, r, candidate, and the product where it comes first
    /// @param h state before the token
    void gru(
            Cell.Gru cell,
            MemorySegment kept,
            long keptAt,
            MemorySegment h,
            long hAt,
            MemorySegment m,
            long slopes,
            long dh,
            long d) {
        squashes[0].of(kept, keptAt, m, slopes, 2 * n);
        squashes[1].of(kept, keptAt + 2 * nBytes(), m, slopes + 2 * nBytes(), n);
        long r = nBytes();
        long candidate = 2 * nBytes();
        int j = 0;
        for (; j <= n - Lanes.COUNT; j += Lanes.COUNT) {
            long i = j * 4L;
            FloatVector g = load(m, dh + i);
            FloatVector z = load(kept, keptAt + i);
            load(h, hAt + i)
                    .sub(load(kept, keptAt + candidate + i))
                    .mul(g)
                    .mul(load(m, slopes + i))
                    .intoMemorySegment(m, d + i, ORDER);
            FloatVector.broadcast(S, 1)
                    .sub(z)
                    .mul(g)
                    .mul(load(m, slopes + candidate + i))
                    .intoMemorySegment(m, d + candidate + i, ORDER);
            g.mul(z).intoMemorySegment(m, dh + i, ORDER);
        }
        for (; j < n; j++) {
            long i = j * 4L;
            float g = get(m, dh + i);
            float z = get(kept, keptAt + i);
            m.set(F32, d + i, (get(h, hAt + i) - get(kept, keptAt + candidate + i)) * g * get(m, slopes + i));
            m.set(F32, d + candidate + i, (1 - z) * g * get(m, slopes + candidate + i));
            m.set(F32, dh + i, g * z);
        }
        if (cell.linearBeforeReset()) {
            MemorySegment.copy(m, d + candidate, m, d + r, nBytes());
            times(kept, keptAt + 3 * nBytes(), m, d + r, n);
            times(m, slopes + r, m, d + r, n);
        }
    }

    /// From the gradient of the candidate's sum to that of its product.
    void resetLast(MemorySegment kept, long r, MemorySegment m, long d) {
        times(kept, r, m, d, n);
    }

    /// From the gradient of r∘h to that of r, and what it adds to dh; and r∘h itself.
    void reset(
            MemorySegment kept,
            long keptAt,
            MemorySegment h,
            MemorySegment reset,
            long hAt,
            MemorySegment m,
            long dReset,
            long slopes,
            long dh,
            long d) {
        squashes[0].of(kept, keptAt + nBytes(), m, slopes, n);
        MemorySegment.copy(h, hAt, reset, hAt, nBytes());
        times(kept, keptAt + nBytes(), reset, hAt, n);
        addProduct(kept, keptAt + nBytes(), m, dReset, m, dh, n);
        long r = d + nBytes();
        MemorySegment.copy(m, dReset, m, r, nBytes());
        times(h, hAt, m, r, n);
        times(m, slopes, m, r, n);
    }

    private static float get(MemorySegment m, long at) {
        return m.get(F32, at);
    }

    private static FloatVector load(MemorySegment m, long at) {
        return FloatVector.fromMemorySegment(S, m, at, ORDER);
    }

    /// y += x
    static void add(MemorySegment x, long xAt, MemorySegment y, long yAt, int count) {
        int i = 0;
        for (; i <= count - Lanes.COUNT; i += Lanes.COUNT) {
            load(y, yAt + i * 4L).add(load(x, xAt + i * 4L)).intoMemorySegment(y, yAt + i * 4L, ORDER);
        }
        for (; i < count; i++) {
            y.set(F32, yAt + i * 4L, get(y, yAt + i * 4L) + get(x, xAt + i * 4L));
        }
    }

    /// y *= x
    static void times(MemorySegment x, long xAt, MemorySegment y, long yAt, int count) {
        int i = 0;
        for (; i <= count - Lanes.COUNT; i += Lanes.COUNT) {
            load(y, yAt + i * 4L).mul(load(x, xAt + i * 4L)).intoMemorySegment(y, yAt + i * 4L, ORDER);
        }
        for (; i < count; i++) {
            y.set(F32, yAt + i * 4L, get(y, yAt + i * 4L) * get(x, xAt + i * 4L));
        }
    }

    /// y += a∘b
    static void addProduct(MemorySegment a, long aAt, MemorySegment b, long bAt, MemorySegment y, long yAt, int count) {
        int i = 0;
        for (; i <= count - Lanes.COUNT; i += Lanes.COUNT) {
            load(a, aAt + i * 4L)
                    .fma(load(b, bAt + i * 4L), load(y, yAt + i * 4L))
                    .intoMemorySegment(y, yAt + i * 4L, ORDER);
        }
        for (; i < count; i++) {
            y.set(F32, yAt + i * 4L, Math.fma(get(a, aAt + i * 4L), get(b, bAt + i * 4L), get(y, yAt + i * 4L)));
        }
    }
}
