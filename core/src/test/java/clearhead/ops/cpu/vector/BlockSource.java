package clearhead.ops.cpu.vector;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Map;

/// Writes the register blocks of the matrix product, `Blocks`, `TileBlocks`, `HalfBlocks`: the compiler
/// keeps accumulators in registers only if each is a variable of its own, so there is a method for
/// each shape.
///
/// `java … clearhead.ops.cpu.vector.BlockSource core/src/main/java`, then `tools/format`.
public final class BlockSource {
    /// Where the generated files lie below a source folder.
    static final String FOLDER = "clearhead/ops/cpu/vector";

    private final StringBuilder text = new StringBuilder();

    private BlockSource() {}

    public static void main(String[] args) throws IOException {
        for (var file : files().entrySet()) {
            Files.writeString(Path.of(args[0]).resolve(FOLDER).resolve(file.getKey()), file.getValue());
        }
    }

    /// Names and contents of the files, not yet formatted.
    static Map<String, String> files() {
        return Map.of(
                "Blocks.java",
                blocks(),
                "TileBlocks.java",
                tileBlocks(),
                "HalfBlocks.java",
                halfBlocks(),
                "ScaledBlocks.java",
                scaledBlocks());
    }

    private static String blocks() {
        var source = new BlockSource();
        source.head("Blocks", """
            ///
            /// `rows8x2` is 8 rows by 2 vectors; element (i, k) of a is at aOff + i·aRow + k·aStep. Offsets
            /// are in bytes.
            """, """
            private static final int IN_PANEL = Product.PANEL / Lanes.COUNT;

            private Blocks() {}

            /// From the first panel to vector `v`.
            private static long vector(int v, long bPanel) {
                return v / IN_PANEL * bPanel + v % IN_PANEL * BYTES;
            }
            """);
        for (int vectors : new int[] {4, 2, 1}) {
            for (int rows : new int[] {8, 4, 2, 1}) {
                if (rows * vectors <= 16 && (vectors > 1 || rows == 4 || rows == 1)) {
                    source.block(rows, vectors, false);
                }
            }
        }
        source.block(1, 8, false);
        return source.text.append("}\n").toString();
    }

    private static String tileBlocks() {
        var source = new BlockSource();
        source.head("TileBlocks", """
            ///
            /// `tile6x2` is 6 rows by 2 vectors of one panel; a is a tile [inner, 6]: with one address for
            /// all its elements the compiler makes do with 16 registers. Offsets are in bytes.
            """, "private TileBlocks() {}\n");
        for (int rows = 6; rows >= 1; rows--) {
            source.block(rows, 2, true);
        }
        return source.text.append("}\n").toString();
    }

    private static String scaledBlocks() {
        var source = new BlockSource();
        source.text.append("""
            package clearhead.ops.cpu.vector;

            import static clearhead.ops.cpu.vector.Lanes.FLOATS;

            import jdk.incubator.vector.FloatVector;

            /// Register blocks for 32 inputs of quantized weights and activations, both integers in float32:
            /// c [rows, 2 vectors] += sum·(scale of the weights · scale of the activations), where a sum is
            /// exact. Written by `BlockSource`, which lies among the tests: change that, not this.
            ///
            /// `scaled8` is 8 rows; x is a tile [inner, GROUP] of which the first 8 columns count. `numbers`
            /// has the scale of row i at n + 4·i. w has the steps [inner, 16] of the two vectors at w0 and w1,
            /// d their scales at d0 and d1. Rows of c are WIDE apart.
            final class ScaledBlocks {
                /// Rows of a tile: of the largest register block that this vector length has registers for.
                static final int GROUP = Lanes.COUNT == 16 ? 8 : 6;

                private static final int PANEL = Product.PANEL;
                private static final int WIDE = QuantizedProduct.WIDE;
                private static final int NUMBERS = QuantizedActivations.NUMBERS;

                private ScaledBlocks() {}
            """);
        for (int rows : new int[] {8, 6, 4, 2}) {
            source.scaled(rows);
        }
        return source.text.append("}\n").toString();
    }

    private void scaled(int rows) {
        line("");
        line("static void scaled%d(float[] x, int xAt, float[] numbers, int n, float[] w, int w0, int w1,", rows);
        line("float[] d, int d0, int d1, float[] c, int at, int inner) {");
        for (int i = 0; i < rows; i++) {
            for (int v = 0; v < 2; v++) {
                line("FloatVector s%d%d = FloatVector.zero(FLOATS);", i, v);
            }
        }
        line("for (int k = 0; k < inner; k++) {");
        for (int i = 0; i < rows; i++) {
            line("FloatVector x%d = FloatVector.broadcast(FLOATS, x[xAt + k * GROUP + %d]);", i, i);
            for (int v = 0; v < 2; v++) {
                if (i == 0) {
                    line("FloatVector v%d = FloatVector.fromArray(FLOATS, w, w%d + k * PANEL);", v, v);
                }
                line("s%d%d = v%d.fma(x%d, s%d%d);", i, v, v, i, i, v);
            }
        }
        line("}");
        line("FloatVector e0 = FloatVector.fromArray(FLOATS, d, d0);");
        line("FloatVector e1 = FloatVector.fromArray(FLOATS, d, d1);");
        for (int i = 0; i < rows; i++) {
            line("FloatVector n%d = FloatVector.broadcast(FLOATS, numbers[n + %d * NUMBERS]);", i, i);
            for (int v = 0; v < 2; v++) {
                String at = plus(plus("at", i, "WIDE"), v, "Lanes.COUNT");
                line("s%d%d.fma(e%d.mul(n%d), FloatVector.fromArray(FLOATS, c, %s))", i, v, v, i, at);
                line(".intoArray(c, %s);", at);
            }
        }
        line("}");
    }

    private static String halfBlocks() {
        var source = new BlockSource();
        source.text.append("""
            package clearhead.ops.cpu.vector;

            import static clearhead.ops.cpu.vector.Lanes.BYTES;
            import static clearhead.ops.cpu.vector.Lanes.COUNT;
            import static clearhead.ops.cpu.vector.Lanes.FLOATS;
            import static clearhead.ops.cpu.vector.Lanes.INTS;
            import static clearhead.ops.cpu.vector.Lanes.ORDER;

            import java.lang.foreign.MemorySegment;
            import java.lang.foreign.ValueLayout;
            import jdk.incubator.vector.FloatVector;
            import jdk.incubator.vector.IntVector;
            import jdk.incubator.vector.VectorOperators;

            /// Register blocks for a row on panels of 16-bit weights ([HalfPanels]), which are widened in
            /// registers: memory sets the pace, and is read once. c [vectors] += a·b, in the order and with
            /// the bits of [Blocks] on the same weights as floats. Written by `BlockSource`, which lies
            /// among the tests: change that, not this.
            ///
            /// `half` is IEEE half precision without infinities and NaN: exponent and fraction in a float's
            /// place, and the exponent's missing 112 by a product, which is exact. `bfloat` is the upper half
            /// of a float. Offsets are in bytes.
            final class HalfBlocks {
                private static final ValueLayout.OfFloat F32 = ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ORDER);

                /// Bytes of a panel for each two steps.
                private static final long PAIR = HalfPanels.PAIR_BYTES;

                private static final int IN_PANEL = Product.PANEL / COUNT;

                private HalfBlocks() {}

                /// From the first panel to vector `v`.
                private static long vector(int v, long bPanel) {
                    return v / IN_PANEL * bPanel + v % IN_PANEL * BYTES;
                }
            """);
        for (int vectors : new int[] {8, 4, 2, 1}) {
            source.widening(true, vectors);
            source.widening(false, vectors);
        }
        return source.text.append("}\n").toString();
    }

    private void widening(boolean ieee, int vectors) {
        line("");
        line("static void %s%d(MemorySegment a, long aOff,", ieee ? "half" : "bfloat", vectors);
        line("MemorySegment b, long bOff, long bPanel, MemorySegment s, long sOff,");
        line("MemorySegment c, long cOff, int pairs) {");
        for (int v = 0; v < vectors; v++) {
            line("FloatVector s%d = FloatVector.fromMemorySegment(FLOATS, s, %s, ORDER);", v, plus("sOff", v, "BYTES"));
        }
        for (int v = 0; v < vectors; v++) {
            line("long b%d = bOff + vector(%d, bPanel);", v, v);
        }
        String number = ieee ? ".and(0x8fffe000).reinterpretAsFloats().mul(0x1p112f)" : ".reinterpretAsFloats()";
        String low = ieee
                ? ".lanewise(VectorOperators.LSHL, 16).lanewise(VectorOperators.ASHR, 3)"
                : ".lanewise(VectorOperators.LSHL, 16)";
        String high = ieee ? ".lanewise(VectorOperators.ASHR, 3)" : ".and(0xffff0000)";
        line("for (int k = 0; k < pairs; k++) {");
        line("FloatVector x0 = FloatVector.broadcast(FLOATS, a.get(F32, aOff + k * 8L));");
        line("FloatVector x1 = FloatVector.broadcast(FLOATS, a.get(F32, aOff + k * 8L + 4));");
        for (int v = 0; v < vectors; v++) {
            line("IntVector w%d = IntVector.fromMemorySegment(INTS, b, b%d + k * PAIR, ORDER);", v, v);
            line("s%d = w%d%s%s.fma(x0, s%d);", v, v, low, number, v);
            line("s%d = w%d%s%s.fma(x1, s%d);", v, v, high, number, v);
        }
        line("}");
        for (int v = 0; v < vectors; v++) {
            line("s%d.intoMemorySegment(c, %s, ORDER);", v, plus("cOff", v, "BYTES"));
        }
        line("}");
    }

    private void head(String name, String comment, String members) {
        text.append("""
            package clearhead.ops.cpu.vector;

            import static clearhead.ops.cpu.vector.Lanes.BYTES;
            import static clearhead.ops.cpu.vector.Lanes.FLOATS;
            import static clearhead.ops.cpu.vector.Lanes.ORDER;

            import java.lang.foreign.MemorySegment;
            import java.lang.foreign.ValueLayout;
            import jdk.incubator.vector.FloatVector;

            /// Register blocks of the matrix product, c [rows, vectors] += a·b: one accumulator an
            /// output, one fused multiply-add a step of the inner axis, in order. Written by
            /// `BlockSource`, which lies among the tests: change that, not this.
            """);
        text.append(comment);
        line("final class %s {", name);
        text.append("""
            private static final ValueLayout.OfFloat F32 = ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ORDER);

            /// Bytes of a panel for each step.
            private static final long STEP = Product.STEP_BYTES;

            """);
        text.append(members);
    }

    /// @param tile whether a is a tile [inner, rows]
    private void block(int rows, int vectors, boolean tile) {
        line("");
        line("static void %s%dx%d(MemorySegment a, long aOff,", tile ? "tile" : "rows", rows, vectors);
        String left = tile ? "" : "long aRow, long aStep, ";
        String panel = tile ? "" : "long bPanel, ";
        line("%sMemorySegment b, long bOff, %sMemorySegment s, long sOff, long sRow,", left, panel);
        line("MemorySegment c, long cOff, long cRow, int inner) {");
        for (int i = 0; i < rows; i++) {
            for (int v = 0; v < vectors; v++) {
                String at = plus(plus("sOff", i, "sRow"), v, "BYTES");
                line("FloatVector s%d%d = FloatVector.fromMemorySegment(FLOATS, s, %s, ORDER);", i, v, at);
            }
        }
        for (int i = 0; i < rows && !tile; i++) {
            line("long a%d = %s;", i, plus("aOff", i, "aRow"));
        }
        for (int v = 0; v < vectors; v++) {
            line("long b%d = %s;", v, tile ? plus("bOff", v, "BYTES") : "bOff + vector(%d, bPanel)".formatted(v));
        }
        line("for (int k = 0; k < inner; k++) {");
        for (int i = 0; i < rows; i++) {
            String at = tile ? "aOff + k * %dL + %d".formatted(4 * rows, 4 * i) : "a%d + k * aStep".formatted(i);
            line("FloatVector x%d = FloatVector.broadcast(FLOATS, a.get(F32, %s));", i, at);
            for (int v = 0; v < vectors; v++) {
                if (i == 0) {
                    line("FloatVector w%d = FloatVector.fromMemorySegment(FLOATS, b, b%d + k * STEP, ORDER);", v, v);
                }
                line("s%d%d = w%d.fma(x%d, s%d%d);", i, v, v, i, i, v);
            }
        }
        line("}");
        for (int i = 0; i < rows; i++) {
            for (int v = 0; v < vectors; v++) {
                line("s%d%d.intoMemorySegment(c, %s, ORDER);", i, v, plus(plus("cOff", i, "cRow"), v, "BYTES"));
            }
        }
        line("}");
    }

    private static String plus(String start, int count, String unit) {
        return switch (count) {
            case 0 -> start;
            case 1 -> start + " + " + unit;
            default -> start + " + " + count + " * " + unit;
        };
    }

    private void line(String format, Object... values) {
        text.append(String.format(Locale.ROOT, format, values)).append('\n');
    }
}
