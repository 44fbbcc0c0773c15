package clearhead.ops;

import clearhead.tensor.DType;
import clearhead.tensor.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.ValueLayout;
import java.util.Random;

/// Reproducible random tensors.
public final class Data {
    private static final ValueLayout.OfShort HALF = ValueLayout.JAVA_SHORT_UNALIGNED;

    private final Random random;
    private final Arena arena = Arena.ofAuto();

    public Data(long seed) {
        random = new Random(seed);
    }

    /// Normal values with standard deviation 1, F32.
    public Tensor normal(int... dims) {
        return around(0, 1, dims);
    }

    /// Normal values about `mean`, F32.
    public Tensor around(double mean, double deviation, int... dims) {
        Tensor t = Tensor.zeros(arena, DType.F32, dims);
        for (long i = 0; i < t.size(); i++) {
            t.set(i, mean + deviation * random.nextGaussian());
        }
        return t;
    }

    /// A weight of any real type, values about normal with this deviation.
    public Tensor weight(DType type, double deviation, int... dims) {
        Tensor t = Tensor.zeros(arena, type, dims);
        if (!type.isQuantized()) {
            for (long i = 0; i < t.size(); i++) {
                t.set(i, deviation * random.nextGaussian());
            }
            return t;
        }
        if (type != DType.Q8_0 && type != DType.Q4_0 && type != DType.Q4_1) {
            var values = new float[type.blockSize()];
            for (long block = 0; block < t.data().byteSize(); block += type.blockBytes()) {
                for (int i = 0; i < values.length; i++) {
                    values[i] = (float) (deviation * random.nextGaussian());
                }
                type.blocks().encode(values, 0, t.data(), block);
            }
            return t;
        }
        var bytes = new byte[type.blockBytes()];
        for (long block = 0; block < t.data().byteSize(); block += bytes.length) {
            random.nextBytes(bytes);
            for (int i = 0; i < bytes.length; i++) {
                t.data().set(ValueLayout.JAVA_BYTE, block + i, bytes[i]);
            }
            double scale = deviation * (0.5 + random.nextDouble()) / (type == DType.Q8_0 ? 64 : 4);
            t.data().set(HALF, block, Float.floatToFloat16((float) scale));
            if (type == DType.Q4_1) {
                t.data().set(HALF, block + 2, Float.floatToFloat16((float) (-8 * scale)));
            }
        }
        return t;
    }

    /// I32 values from 0 to `limit` − 1.
    public Tensor ids(int limit, int count) {
        var ids = new int[count];
        for (int i = 0; i < count; i++) {
            ids[i] = random.nextInt(limit);
        }
        return Tensor.of(arena, ids, count);
    }

    /// An I32 tensor with these values.
    public Tensor ints(int... values) {
        return Tensor.of(arena, values, values.length);
    }

    /// An F32 tensor with one axis.
    public Tensor floats(float... values) {
        return Tensor.of(arena, values, values.length);
    }

    /// Zeros, F32.
    public Tensor zeros(int... dims) {
        return Tensor.zeros(arena, DType.F32, dims);
    }

    /// cos and sin of position/10000^(p/pairs).
    public Tensor[] rotary(int positions, int pairs) {
        Tensor cos = zeros(positions, pairs);
        Tensor sin = zeros(positions, pairs);
        for (int n = 0; n < positions; n++) {
            for (int p = 0; p < pairs; p++) {
                double angle = n / Math.pow(10000, (double) p / pairs);
                cos.set((long) n * pairs + p, Math.cos(angle));
                sin.set((long) n * pairs + p, Math.sin(angle));
            }
        }
        return new Tensor[] {cos, sin};
    }

    /// Packed keys and values in pages of a cache whose pages are dealt out of order, with NaN in
    /// every place that no key occupies.
    ///
    /// @param spare pages that belong to nobody
    public KvView.Paged paged(Ops ops, KvView.Packed packed, int spare) {
        int sequences = packed.sequences();
        var lengths = new int[sequences];
        var table = new int[sequences][];
        int pages = spare;
        for (int s = 0; s < sequences; s++) {
            lengths[s] = packed.length(s);
            table[s] = new int[Math.ceilDiv(lengths[s], KvView.PAGE)];
            pages += table[s].length;
        }
        int next = pages - 1;
        for (int s = 0; s < sequences; s++) {
            for (int p = 0; p < table[s].length; p++) {
                table[s][p] = next--;
            }
        }
        int kvHeads = packed.key().dim(1);
        int headDim = packed.key().dim(2);
        Tensor keys = Tensor.zeros(arena, DType.F32, pages, kvHeads, headDim, KvView.PAGE);
        Tensor values = Tensor.zeros(arena, DType.F32, pages, kvHeads, KvView.PAGE, headDim);
        keys.data().fill((byte) 0xff);
        values.data().fill((byte) 0xff);
        var past = new KvView.Paged(keys, values, table, lengths);
        ops.store(packed.key(), packed.value(), packed.rows(), past);
        return past;
    }
}
