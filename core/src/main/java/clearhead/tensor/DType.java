package clearhead.tensor;

import org.jspecify.annotations.Nullable;

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
    U16(1, 2),
    U32(1, 4),
    U64(1, 8),
    BOOL(1, 1),
    /// Sign, 4 bits of exponent, 3 of fraction; up to 448, no infinities.
    F8_E4M3(1, 1),
    /// The high byte of an F16.
    F8_E5M2(1, 1),
    /// A power of two, 2^(byte − 127): a scale.
    F8_E8M0(1, 1),
    /// f16 scale, 32 × int8: weight = scale·q.
    Q8_0(32, 34, new SmallBlocks.Q80()),
    /// f16 scale, 16 bytes of nibbles: weight = scale·(q − 8). Low nibbles are weights 0–15.
    Q4_0(32, 18, new SmallBlocks.Symmetric(4)),
    /// f16 scale, f16 minimum, 16 bytes of nibbles: weight = scale·q + minimum.
    Q4_1(32, 20, new SmallBlocks.Affine(4)),
    /// f16 scale, 4 bytes of fifth bits, 16 bytes of nibbles: weight = scale·(q − 16).
    Q5_0(32, 22, new SmallBlocks.Symmetric(5)),
    /// f16 scale, f16 minimum, 4 bytes of fifth bits, 16 bytes of nibbles: weight = scale·q + minimum.
    Q5_1(32, 24, new SmallBlocks.Affine(5)),
    /// 2 bits; a 4-bit scale and minimum for each 16 weights ([SuperBlocks.Q2K], as the four below).
    Q2_K(256, 84, new SuperBlocks.Q2K()),
    /// 3 bits; a 6-bit scale for each 16 weights.
    Q3_K(256, 110, new SuperBlocks.Q3K()),
    /// 4 bits; a 6-bit scale and minimum for each 32 weights.
    Q4_K(256, 144, new SuperBlocks.AffineK(4)),
    /// 5 bits; a 6-bit scale and minimum for each 32 weights.
    Q5_K(256, 176, new SuperBlocks.AffineK(5)),
    /// 6 bits; an int8 scale for each 16 weights.
    Q6_K(256, 210, new SuperBlocks.Q6K()),
    /// f16 scale, 16 bytes of nibbles that choose among 16 unevenly spaced levels.
    IQ4_NL(32, 18, new CodebookBlocks.NonLinear()),
    /// The same levels; a 6-bit scale for each 32 weights.
    IQ4_XS(256, 136, new CodebookBlocks.NonLinearSuper()),
    /// An 8-bit exponent, 16 bytes of 4-bit floats.
    MXFP4(32, 17, new CodebookBlocks.Mxfp4());

    private final int blockSize;
    private final int blockBytes;
    private final @Nullable BlockFormat blocks;

    DType(int blockSize, int blockBytes) {
        this.blockSize = blockSize;
        this.blockBytes = blockBytes;
        this.blocks = null;
    }

    DType(int blockSize, int blockBytes, BlockFormat blocks) {
        this.blockSize = blockSize;
        this.blockBytes = blockBytes;
        this.blocks = blocks;
    }

    /// How a block of a quantized type is read and written.
    ///
    /// @throws IllegalArgumentException for a plain type
    public BlockFormat blocks() {
        if (blocks == null) {
            throw new IllegalArgumentException(this + " is not stored in blocks");
        }
        return blocks;
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
        return blocks != null;
    }

    /// Whether elements are real numbers (quantized ones included).
    public boolean isReal() {
        return switch (this) {
            case I64, I32, I16, I8, U8, U16, U32, U64, BOOL -> false;
            default -> true;
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
