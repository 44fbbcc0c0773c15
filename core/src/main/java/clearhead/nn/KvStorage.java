package clearhead.nn;

import clearhead.ops.KvView;
import clearhead.tensor.DType;

/// How a cache stores keys and values. What is stored is what attention computes with, in every run
/// and in every picture of one.
///
/// @param type F32, F16, BF16, or I8 with a scale for each position and head ([KvView.Scales]: an
///     element is wrong by at most 1/254 of the largest of its key or value)
/// @param ring how many of its last positions a sequence keeps, in whole pages of [KvView#PAGE]; 0 for
///     all. For models of which every layer has a window: a pass needs the window and its own tokens
public record KvStorage(DType type, int ring) {
    /// Every position, in 32 bits.
    public static final KvStorage F32 = new KvStorage(DType.F32, 0);

    public KvStorage {
        boolean known = switch (type) {
            case F32, F16, BF16, I8 -> true;
            default -> false;
        };
        if (!known) {
            throw new IllegalArgumentException("a cache of keys and values is F32, F16, BF16 or I8, not " + type);
        }
        if (ring < 0 || ring % KvView.PAGE != 0) {
            throw new IllegalArgumentException(
                    "a ring has whole pages of " + KvView.PAGE + " positions, got " + ring + " positions");
        }
    }

    /// Every position, in this type.
    public static KvStorage of(DType type) {
        return new KvStorage(type, 0);
    }

    /// Bytes of one position of one head's key and value.
    long bytes(int headDim, int valueDim) {
        int scales = type == DType.I8 ? 2 * Float.BYTES : 0;
        return type.bytes((long) headDim + valueDim) + scales;
    }

    /// Pages of a sequence of so many tokens.
    int pages(int length) {
        int pages = Math.ceilDiv(length, KvView.PAGE);
        return ring == 0 ? pages : Math.min(pages, ring / KvView.PAGE);
    }
}
