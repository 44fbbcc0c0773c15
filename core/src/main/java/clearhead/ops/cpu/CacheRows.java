package clearhead.ops.cpu;

import clearhead.ops.KvView;
import clearhead.tensor.Tensor;

/// Writes keys and values into the pages of a cache one element at a time, rounded to the type that
/// the pages have ([KvView.Scales] for 8 bits): the definition, and the way for types that have no
/// faster one.
public final class CacheRows {
    private CacheRows() {}

    /// Position `position` of one kv head.
    ///
    /// @param key its elements from keyAt on
    /// @param value its elements from valueAt on
    public static void write(
            KvView.Paged past,
            int sequence,
            int kvHead,
            int position,
            Tensor key,
            long keyAt,
            Tensor value,
            long valueAt) {
        int slot = position % KvView.PAGE;
        long head = (long) past.page(sequence, position) * past.keys().dim(1) + kvHead;
        long scaleAt = head * KvView.PAGE + slot;
        int headDim = past.keys().dim(2);
        int valueDim = past.values().dim(3);
        long keyTo = head * headDim * KvView.PAGE + slot;
        long valueTo = scaleAt * valueDim;
        if (past.scales().isPresent()) {
            KvView.Scales scales = past.scales().get();
            quantize(key, keyAt, headDim, past.keys(), keyTo, KvView.PAGE, scales.keys(), scaleAt);
            quantize(value, valueAt, valueDim, past.values(), valueTo, 1, scales.values(), scaleAt);
        } else {
            copy(key, keyAt, headDim, past.keys(), keyTo, KvView.PAGE);
            copy(value, valueAt, valueDim, past.values(), valueTo, 1);
        }
    }

    private static void copy(Tensor from, long at, int count, Tensor into, long to, int stride) {
        for (int i = 0; i < count; i++) {
            into.set(to + (long) i * stride, from.at(at + i));
        }
    }

    private static void quantize(
            Tensor from, long at, int count, Tensor into, long to, int stride, Tensor scales, long scaleAt) {
        float largest = 0;
        for (int i = 0; i < count; i++) {
            largest = Math.max(largest, Math.abs((float) from.at(at + i)));
        }
        float scale = KvView.Scales.scale(largest);
        scales.set(scaleAt, scale);
        for (int i = 0; i < count; i++) {
            into.set(to + (long) i * stride, KvView.Scales.quantize((float) from.at(at + i), scale));
        }
    }
}
