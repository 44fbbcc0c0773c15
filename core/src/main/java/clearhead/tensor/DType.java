package clearhead.tensor;

/// Element type of a [Tensor]. Quantized types store `blockSize` weights along the last axis in
/// `blockBytes` bytes (layouts of ggml).
public enum DType {
    F64(1, 8),
    F32(1, 4),
    F16(1, 2),
    BF16(1, 2),
    I64(1, 8),
    I32(1, 4),
    I16(1, 2),
    I8(1, 1),
    U8(1, 1),
    BOOL(1, 1),
    /// f16 scale, 32 × int8: weight = scale·q.
    Q8_0(32, 34),
    /// f16 scale, 16 bytes of nibbles: weight = scale·(q − 8). Low nibbles are weights 0–15.
    Q4_0(32, 18),
    /// f16 scale, f16 minimum, 16 bytes of nibbles: weight = scale·q + minimum.
    Q4_1(32, 20);

    private final int blockSize;
    private final int blockBytes;

    DType(int blockSize, int blockBytes) {
        this.blockSize = blockSize;
        this.blockBytes = blockBytes;
    }

    /// Elements in one block; 1 for plain types.
    public int blockSize() {
        return blockSize;
    }

    /// Bytes of one block.
    public int blockBytes() {
        return blockBytes;
    }

    /// Whether elements are stored in blocks with a shared scale.
    public boolean isQuantized() {
        return blockSize > 1;
    }

    /// Whether elements are real numbers (quantized ones included).
    public boolean isReal() {
        return switch (this) {
            case F64, F32, F16, BF16, Q8_0, Q4_0, Q4_1 -> true;
            case I64, I32, I16, I8, U8, BOOL -> false;
        };
    }

    /// Bytes of `elements` elements.
    ///
    /// @throws IllegalArgumentException if they do not fill whole blocks
    /// @throws ArithmeticException if the count overflows
    public long bytes(long elements) {
        if (elements % blockSize != 0) {
            throw new IllegalArgumentException(
                    this + " stores blocks of " + blockSize + " elements, " + elements + " do not fill whole blocks");
        }
        return Math.multiplyExact(elements / blockSize, (long) blockBytes);
    }
}
