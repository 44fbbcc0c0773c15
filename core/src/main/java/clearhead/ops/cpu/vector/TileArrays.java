package clearhead.ops.cpu.vector;

import static clearhead.ops.cpu.vector.Lanes.COUNT;
import static clearhead.ops.cpu.vector.Lanes.FLOATS;

import jdk.incubator.vector.FloatVector;

/// C (+)= A·B on tiles in arrays on the heap, for the five products of attention's gradient. Arrays,
/// because with 16 registers the same loops on native memory reach two thirds of the speed.
///
/// B lies in panels of 16 columns, [columns / 16, steps, 16], so that all its strides are constants.
/// A is read one element at a time and broadcast: along its rows ([#rows]), or along its columns,
/// where it has 64 columns ([#columns], for Aᵀ·B). Every element of C is one fma chain over the
/// steps in order, whatever the number of rows and columns.
///
/// Register blocks (rows × vectors): 4×4 with 32 registers; with 16, 6×2 along rows and 5×2 along
/// columns. On one Zen 4 core with a peak of 117 GFLOP/s they reach 103 to 110, 101 to 108 and 99;
/// 6×2 along columns, whose six neighbours the compiler loads ahead, 49.
final class TileArrays {
    /// Columns of a panel of B.
    static final int PANEL = 16;

    /// Columns of an A that is read along its columns.
    static final int SIDE = 64;

    private static final boolean WIDE = COUNT == PANEL;

    private TileArrays() {}

    /// C [rows, columns] (+)= A [rows, steps] · B.
    ///
    /// @param a at a0, `aRow` from row to row
    /// @param b at b0, `bPanel` from panel to panel
    /// @param c at c0, `cRow` from row to row
    /// @param rows a multiple of 4
    /// @param columns a multiple of [#PANEL]
    /// @param add whether to add to what is in C
    static void rows(
            float[] a,
            int a0,
            int aRow,
            float[] b,
            int b0,
            int bPanel,
            float[] c,
            int c0,
            int cRow,
            int rows,
            int columns,
            int steps,
            boolean add) {
        if (WIDE) {
            wide(a, a0, aRow, 1, b, b0, bPanel, c, c0, cRow, rows, columns, steps, add);
            return;
        }
        for (int column = 0; column < columns; column += 2 * COUNT) {
            int bc = b0 + column / PANEL * bPanel + column % PANEL;
            int cc = c0 + column;
            int row = 0;
            while (rows - row >= 6 && rows - row != 8) {
                rows6x2(a, a0 + row * aRow, aRow, b, bc, c, cc + row * cRow, cRow, steps, add);
                row += 6;
            }
            for (; row + 4 <= rows; row += 4) {
                rows4x2(a, a0 + row * aRow, aRow, b, bc, c, cc + row * cRow, cRow, steps, add);
            }
        }
    }

    /// C [rows, columns] += Aᵀ [rows, steps] · B, where A is [steps, [#SIDE]] at a0.
    ///
    /// @param rows a multiple of 4
    static void columns(
            float[] a,
            int a0,
            float[] b,
            int b0,
            int bPanel,
            float[] c,
            int c0,
            int cRow,
            int rows,
            int columns,
            int steps) {
        if (WIDE) {
            wide(a, a0, 1, SIDE, b, b0, bPanel, c, c0, cRow, rows, columns, steps, true);
            return;
        }
        for (int column = 0; column < columns; column += 2 * COUNT) {
            int bc = b0 + column / PANEL * bPanel + column % PANEL;
            int cc = c0 + column;
            int row = 0;
            // As many fives as leave a multiple of 4.
            for (int fives = rows / 20 * 4; fives > 0; fives--) {
                columns5x2(a, a0 + row, b, bc, c, cc + row * cRow, cRow, steps);
                row += 5;
            }
            for (; row < rows; row += 4) {
                columns4x2(a, a0 + row, b, bc, c, cc + row * cRow, cRow, steps);
            }
        }
    }

    private static void wide(
            float[] a,
            int a0,
            int aRow,
            int aStep,
            float[] b,
            int b0,
            int bPanel,
            float[] c,
            int c0,
            int cRow,
            int rows,
            int columns,
            int steps,
            boolean add) {
        int column = 0;
        for (; column + 4 * PANEL <= columns; column += 4 * PANEL) {
            int bc = b0 + column / PANEL * bPanel;
            for (int row = 0; row < rows; row += 4) {
                int cc = c0 + row * cRow + column;
                wide4x4(a, a0 + row * aRow, aRow, aStep, b, bc, bPanel, c, cc, cRow, steps, add);
            }
        }
        if (column + 2 * PANEL <= columns) {
            int bc = b0 + column / PANEL * bPanel;
            for (int row = 0; row < rows; row += 4) {
                int cc = c0 + row * cRow + column;
                wide4x2(a, a0 + row * aRow, aRow, aStep, b, bc, bPanel, c, cc, cRow, steps, add);
            }
            column += 2 * PANEL;
        }
        if (column < columns) {
            int bc = b0 + column / PANEL * bPanel;
            for (int row = 0; row < rows; row += 4) {
                int cc = c0 + row * cRow + column;
                wide4x1(a, a0 + row * aRow, aRow, aStep, b, bc, c, cc, cRow, steps, add);
            }
        }
    }

    private static void wide4x4(
            float[] a,
            int a0,
            int aRow,
            int aStep,
            float[] b,
            int b0,
            int bPanel,
            float[] c,
            int c0,
            int cRow,
            int steps,
            boolean add) {
        int c1 = c0 + cRow;
        int c2 = c1 + cRow;
        int c3 = c2 + cRow;
        int a1 = a0 + aRow;
        int a2 = a1 + aRow;
        int a3 = a2 + aRow;
        int b1 = b0 + bPanel;
        int b2 = b1 + bPanel;
        int b3 = b2 + bPanel;
        var s00 = add ? FloatVector.fromArray(FLOATS, c, c0) : FloatVector.zero(FLOATS);
        var s01 = add ? FloatVector.fromArray(FLOATS, c, c0 + COUNT) : FloatVector.zero(FLOATS);
        var s02 = add ? FloatVector.fromArray(FLOATS, c, c0 + 2 * COUNT) : FloatVector.zero(FLOATS);
        var s03 = add ? FloatVector.fromArray(FLOATS, c, c0 + 3 * COUNT) : FloatVector.zero(FLOATS);
        var s10 = add ? FloatVector.fromArray(FLOATS, c, c1) : FloatVector.zero(FLOATS);
        var s11 = add ? FloatVector.fromArray(FLOATS, c, c1 + COUNT) : FloatVector.zero(FLOATS);
        var s12 = add ? FloatVector.fromArray(FLOATS, c, c1 + 2 * COUNT) : FloatVector.zero(FLOATS);
        var s13 = add ? FloatVector.fromArray(FLOATS, c, c1 + 3 * COUNT) : FloatVector.zero(FLOATS);
        var s20 = add ? FloatVector.fromArray(FLOATS, c, c2) : FloatVector.zero(FLOATS);
        var s21 = add ? FloatVector.fromArray(FLOATS, c, c2 + COUNT) : FloatVector.zero(FLOATS);
        var s22 = add ? FloatVector.fromArray(FLOATS, c, c2 + 2 * COUNT) : FloatVector.zero(FLOATS);
        var s23 = add ? FloatVector.fromArray(FLOATS, c, c2 + 3 * COUNT) : FloatVector.zero(FLOATS);
        var s30 = add ? FloatVector.fromArray(FLOATS, c, c3) : FloatVector.zero(FLOATS);
        var s31 = add ? FloatVector.fromArray(FLOATS, c, c3 + COUNT) : FloatVector.zero(FLOATS);
        var s32 = add ? FloatVector.fromArray(FLOATS, c, c3 + 2 * COUNT) : FloatVector.zero(FLOATS);
        var s33 = add ? FloatVector.fromArray(FLOATS, c, c3 + 3 * COUNT) : FloatVector.zero(FLOATS);
        for (int k = 0; k < steps; k++) {
            int step = k * PANEL;
            int along = k * aStep;
            var v0 = FloatVector.fromArray(FLOATS, b, b0 + step);
            var v1 = FloatVector.fromArray(FLOATS, b, b1 + step);
            var v2 = FloatVector.fromArray(FLOATS, b, b2 + step);
            var v3 = FloatVector.fromArray(FLOATS, b, b3 + step);
            var x = FloatVector.broadcast(FLOATS, a[a0 + along]);
            s00 = x.fma(v0, s00);
            s01 = x.fma(v1, s01);
            s02 = x.fma(v2, s02);
            s03 = x.fma(v3, s03);
            x = FloatVector.broadcast(FLOATS, a[a1 + along]);
            s10 = x.fma(v0, s10);
            s11 = x.fma(v1, s11);
            s12 = x.fma(v2, s12);
            s13 = x.fma(v3, s13);
            x = FloatVector.broadcast(FLOATS, a[a2 + along]);
            s20 = x.fma(v0, s20);
            s21 = x.fma(v1, s21);
            s22 = x.fma(v2, s22);
            s23 = x.fma(v3, s23);
            x = FloatVector.broadcast(FLOATS, a[a3 + along]);
            s30 = x.fma(v0, s30);
            s31 = x.fma(v1, s31);
            s32 = x.fma(v2, s32);
            s33 = x.fma(v3, s33);
        }
        s00.intoArray(c, c0);
        s01.intoArray(c, c0 + COUNT);
        s02.intoArray(c, c0 + 2 * COUNT);
        s03.intoArray(c, c0 + 3 * COUNT);
        s10.intoArray(c, c1);
        s11.intoArray(c, c1 + COUNT);
        s12.intoArray(c, c1 + 2 * COUNT);
        s13.intoArray(c, c1 + 3 * COUNT);
        s20.intoArray(c, c2);
        s21.intoArray(c, c2 + COUNT);
        s22.intoArray(c, c2 + 2 * COUNT);
        s23.intoArray(c, c2 + 3 * COUNT);
        s30.intoArray(c, c3);
        s31.intoArray(c, c3 + COUNT);
        s32.intoArray(c, c3 + 2 * COUNT);
        s33.intoArray(c, c3 + 3 * COUNT);
    }

    private static void wide4x2(
            float[] a,
            int a0,
            int aRow,
            int aStep,
            float[] b,
            int b0,
            int bPanel,
            float[] c,
            int c0,
            int cRow,
            int steps,
            boolean add) {
        int c1 = c0 + cRow;
        int c2 = c1 + cRow;
        int c3 = c2 + cRow;
        int a1 = a0 + aRow;
        int a2 = a1 + aRow;
        int a3 = a2 + aRow;
        int b1 = b0 + bPanel;
        var s00 = add ? FloatVector.fromArray(FLOATS, c, c0) : FloatVector.zero(FLOATS);
        var s01 = add ? FloatVector.fromArray(FLOATS, c, c0 + COUNT) : FloatVector.zero(FLOATS);
        var s10 = add ? FloatVector.fromArray(FLOATS, c, c1) : FloatVector.zero(FLOATS);
        var s11 = add ? FloatVector.fromArray(FLOATS, c, c1 + COUNT) : FloatVector.zero(FLOATS);
        var s20 = add ? FloatVector.fromArray(FLOATS, c, c2) : FloatVector.zero(FLOATS);
        var s21 = add ? FloatVector.fromArray(FLOATS, c, c2 + COUNT) : FloatVector.zero(FLOATS);
        var s30 = add ? FloatVector.fromArray(FLOATS, c, c3) : FloatVector.zero(FLOATS);
        var s31 = add ? FloatVector.fromArray(FLOATS, c, c3 + COUNT) : FloatVector.zero(FLOATS);
        for (int k = 0; k < steps; k++) {
            int step = k * PANEL;
            int along = k * aStep;
            var v0 = FloatVector.fromArray(FLOATS, b, b0 + step);
            var v1 = FloatVector.fromArray(FLOATS, b, b1 + step);
            var x = FloatVector.broadcast(FLOATS, a[a0 + along]);
            s00 = x.fma(v0, s00);
            s01 = x.fma(v1, s01);
            x = FloatVector.broadcast(FLOATS, a[a1 + along]);
            s10 = x.fma(v0, s10);
            s11 = x.fma(v1, s11);
            x = FloatVector.broadcast(FLOATS, a[a2 + along]);
            s20 = x.fma(v0, s20);
            s21 = x.fma(v1, s21);
            x = FloatVector.broadcast(FLOATS, a[a3 + along]);
            s30 = x.fma(v0, s30);
            s31 = x.fma(v1, s31);
        }
        s00.intoArray(c, c0);
        s01.intoArray(c, c0 + COUNT);
        s10.intoArray(c, c1);
        s11.intoArray(c, c1 + COUNT);
        s20.intoArray(c, c2);
        s21.intoArray(c, c2 + COUNT);
        s30.intoArray(c, c3);
        s31.intoArray(c, c3 + COUNT);
    }

    private static void wide4x1(
            float[] a,
            int a0,
            int aRow,
            int aStep,
            float[] b,
            int b0,
            float[] c,
            int c0,
            int cRow,
            int steps,
            boolean add) {
        int c1 = c0 + cRow;
        int c2 = c1 + cRow;
        int c3 = c2 + cRow;
        int a1 = a0 + aRow;
        int a2 = a1 + aRow;
        int a3 = a2 + aRow;
        var s00 = add ? FloatVector.fromArray(FLOATS, c, c0) : FloatVector.zero(FLOATS);
        var s10 = add ? FloatVector.fromArray(FLOATS, c, c1) : FloatVector.zero(FLOATS);
        var s20 = add ? FloatVector.fromArray(FLOATS, c, c2) : FloatVector.zero(FLOATS);
        var s30 = add ? FloatVector.fromArray(FLOATS, c, c3) : FloatVector.zero(FLOATS);
        for (int k = 0; k < steps; k++) {
            int step = k * PANEL;
            int along = k * aStep;
            var v0 = FloatVector.fromArray(FLOATS, b, b0 + step);
            var x = FloatVector.broadcast(FLOATS, a[a0 + along]);
            s00 = x.fma(v0, s00);
            x = FloatVector.broadcast(FLOATS, a[a1 + along]);
            s10 = x.fma(v0, s10);
            x = FloatVector.broadcast(FLOATS, a[a2 + along]);
            s20 = x.fma(v0, s20);
            x = FloatVector.broadcast(FLOATS, a[a3 + along]);
            s30 = x.fma(v0, s30);
        }
        s00.intoArray(c, c0);
        s10.intoArray(c, c1);
        s20.intoArray(c, c2);
        s30.intoArray(c, c3);
    }

    private static void rows6x2(
            float[] a, int a0, int aRow, float[] b, int b0, float[] c, int c0, int cRow, int steps, boolean add) {
        int c1 = c0 + cRow;
        int c2 = c1 + cRow;
        int c3 = c2 + cRow;
        int c4 = c3 + cRow;
        int c5 = c4 + cRow;
        int a1 = a0 + aRow;
        int a2 = a1 + aRow;
        int a3 = a2 + aRow;
        int a4 = a3 + aRow;
        int a5 = a4 + aRow;
        var s00 = add ? FloatVector.fromArray(FLOATS, c, c0) : FloatVector.zero(FLOATS);
        var s01 = add ? FloatVector.fromArray(FLOATS, c, c0 + COUNT) : FloatVector.zero(FLOATS);
        var s10 = add ? FloatVector.fromArray(FLOATS, c, c1) : FloatVector.zero(FLOATS);
        var s11 = add ? FloatVector.fromArray(FLOATS, c, c1 + COUNT) : FloatVector.zero(FLOATS);
        var s20 = add ? FloatVector.fromArray(FLOATS, c, c2) : FloatVector.zero(FLOATS);
        var s21 = add ? FloatVector.fromArray(FLOATS, c, c2 + COUNT) : FloatVector.zero(FLOATS);
        var s30 = add ? FloatVector.fromArray(FLOATS, c, c3) : FloatVector.zero(FLOATS);
        var s31 = add ? FloatVector.fromArray(FLOATS, c, c3 + COUNT) : FloatVector.zero(FLOATS);
        var s40 = add ? FloatVector.fromArray(FLOATS, c, c4) : FloatVector.zero(FLOATS);
        var s41 = add ? FloatVector.fromArray(FLOATS, c, c4 + COUNT) : FloatVector.zero(FLOATS);
        var s50 = add ? FloatVector.fromArray(FLOATS, c, c5) : FloatVector.zero(FLOATS);
        var s51 = add ? FloatVector.fromArray(FLOATS, c, c5 + COUNT) : FloatVector.zero(FLOATS);
        for (int k = 0; k < steps; k++) {
            int bk = b0 + k * PANEL;
            var v0 = FloatVector.fromArray(FLOATS, b, bk);
            var v1 = FloatVector.fromArray(FLOATS, b, bk + COUNT);
            var x = FloatVector.broadcast(FLOATS, a[a0 + k]);
            s00 = x.fma(v0, s00);
            s01 = x.fma(v1, s01);
            x = FloatVector.broadcast(FLOATS, a[a1 + k]);
            s10 = x.fma(v0, s10);
            s11 = x.fma(v1, s11);
            x = FloatVector.broadcast(FLOATS, a[a2 + k]);
            s20 = x.fma(v0, s20);
            s21 = x.fma(v1, s21);
            x = FloatVector.broadcast(FLOATS, a[a3 + k]);
            s30 = x.fma(v0, s30);
            s31 = x.fma(v1, s31);
            x = FloatVector.broadcast(FLOATS, a[a4 + k]);
            s40 = x.fma(v0, s40);
            s41 = x.fma(v1, s41);
            x = FloatVector.broadcast(FLOATS, a[a5 + k]);
            s50 = x.fma(v0, s50);
            s51 = x.fma(v1, s51);
        }
        s00.intoArray(c, c0);
        s01.intoArray(c, c0 + COUNT);
        s10.intoArray(c, c1);
        s11.intoArray(c, c1 + COUNT);
        s20.intoArray(c, c2);
        s21.intoArray(c, c2 + COUNT);
        s30.intoArray(c, c3);
        s31.intoArray(c, c3 + COUNT);
        s40.intoArray(c, c4);
        s41.intoArray(c, c4 + COUNT);
        s50.intoArray(c, c5);
        s51.intoArray(c, c5 + COUNT);
    }

    private static void rows4x2(
            float[] a, int a0, int aRow, float[] b, int b0, float[] c, int c0, int cRow, int steps, boolean add) {
        int c1 = c0 + cRow;
        int c2 = c1 + cRow;
        int c3 = c2 + cRow;
        int a1 = a0 + aRow;
        int a2 = a1 + aRow;
        int a3 = a2 + aRow;
        var s00 = add ? FloatVector.fromArray(FLOATS, c, c0) : FloatVector.zero(FLOATS);
        var s01 = add ? FloatVector.fromArray(FLOATS, c, c0 + COUNT) : FloatVector.zero(FLOATS);
        var s10 = add ? FloatVector.fromArray(FLOATS, c, c1) : FloatVector.zero(FLOATS);
        var s11 = add ? FloatVector.fromArray(FLOATS, c, c1 + COUNT) : FloatVector.zero(FLOATS);
        var s20 = add ? FloatVector.fromArray(FLOATS, c, c2) : FloatVector.zero(FLOATS);
        var s21 = add ? FloatVector.fromArray(FLOATS, c, c2 + COUNT) : FloatVector.zero(FLOATS);
        var s30 = add ? FloatVector.fromArray(FLOATS, c, c3) : FloatVector.zero(FLOATS);
        var s31 = add ? FloatVector.fromArray(FLOATS, c, c3 + COUNT) : FloatVector.zero(FLOATS);
        for (int k = 0; k < steps; k++) {
            int bk = b0 + k * PANEL;
            var v0 = FloatVector.fromArray(FLOATS, b, bk);
            var v1 = FloatVector.fromArray(FLOATS, b, bk + COUNT);
            var x = FloatVector.broadcast(FLOATS, a[a0 + k]);
            s00 = x.fma(v0, s00);
            s01 = x.fma(v1, s01);
            x = FloatVector.broadcast(FLOATS, a[a1 + k]);
            s10 = x.fma(v0, s10);
            s11 = x.fma(v1, s11);
            x = FloatVector.broadcast(FLOATS, a[a2 + k]);
            s20 = x.fma(v0, s20);
            s21 = x.fma(v1, s21);
            x = FloatVector.broadcast(FLOATS, a[a3 + k]);
            s30 = x.fma(v0, s30);
            s31 = x.fma(v1, s31);
        }
        s00.intoArray(c, c0);
        s01.intoArray(c, c0 + COUNT);
        s10.intoArray(c, c1);
        s11.intoArray(c, c1 + COUNT);
        s20.intoArray(c, c2);
        s21.intoArray(c, c2 + COUNT);
        s30.intoArray(c, c3);
        s31.intoArray(c, c3 + COUNT);
    }

    private static void columns5x2(float[] a, int a0, float[] b, int b0, float[] c, int c0, int cRow, int steps) {
        int c1 = c0 + cRow;
        int c2 = c1 + cRow;
        int c3 = c2 + cRow;
        int c4 = c3 + cRow;
        var s00 = FloatVector.fromArray(FLOATS, c, c0);
        var s01 = FloatVector.fromArray(FLOATS, c, c0 + COUNT);
        var s10 = FloatVector.fromArray(FLOATS, c, c1);
        var s11 = FloatVector.fromArray(FLOATS, c, c1 + COUNT);
        var s20 = FloatVector.fromArray(FLOATS, c, c2);
        var s21 = FloatVector.fromArray(FLOATS, c, c2 + COUNT);
        var s30 = FloatVector.fromArray(FLOATS, c, c3);
        var s31 = FloatVector.fromArray(FLOATS, c, c3 + COUNT);
        var s40 = FloatVector.fromArray(FLOATS, c, c4);
        var s41 = FloatVector.fromArray(FLOATS, c, c4 + COUNT);
        for (int k = 0; k < steps; k++) {
            int bk = b0 + k * PANEL;
            int ak = a0 + k * SIDE;
            var v0 = FloatVector.fromArray(FLOATS, b, bk);
            var v1 = FloatVector.fromArray(FLOATS, b, bk + COUNT);
            var x = FloatVector.broadcast(FLOATS, a[ak]);
            s00 = x.fma(v0, s00);
            s01 = x.fma(v1, s01);
            x = FloatVector.broadcast(FLOATS, a[ak + 1]);
            s10 = x.fma(v0, s10);
            s11 = x.fma(v1, s11);
            x = FloatVector.broadcast(FLOATS, a[ak + 2]);
            s20 = x.fma(v0, s20);
            s21 = x.fma(v1, s21);
            x = FloatVector.broadcast(FLOATS, a[ak + 3]);
            s30 = x.fma(v0, s30);
            s31 = x.fma(v1, s31);
            x = FloatVector.broadcast(FLOATS, a[ak + 4]);
            s40 = x.fma(v0, s40);
            s41 = x.fma(v1, s41);
        }
        s00.intoArray(c, c0);
        s01.intoArray(c, c0 + COUNT);
        s10.intoArray(c, c1);
        s11.intoArray(c, c1 + COUNT);
        s20.intoArray(c, c2);
        s21.intoArray(c, c2 + COUNT);
        s30.intoArray(c, c3);
        s31.intoArray(c, c3 + COUNT);
        s40.intoArray(c, c4);
        s41.intoArray(c, c4 + COUNT);
    }

    private static void columns4x2(float[] a, int a0, float[] b, int b0, float[] c, int c0, int cRow, int steps) {
        int c1 = c0 + cRow;
        int c2 = c1 + cRow;
        int c3 = c2 + cRow;
        var s00 = FloatVector.fromArray(FLOATS, c, c0);
        var s01 = FloatVector.fromArray(FLOATS, c, c0 + COUNT);
        var s10 = FloatVector.fromArray(FLOATS, c, c1);
        var s11 = FloatVector.fromArray(FLOATS, c, c1 + COUNT);
        var s20 = FloatVector.fromArray(FLOATS, c, c2);
        var s21 = FloatVector.fromArray(FLOATS, c, c2 + COUNT);
        var s30 = FloatVector.fromArray(FLOATS, c, c3);
        var s31 = FloatVector.fromArray(FLOATS, c, c3 + COUNT);
        for (int k = 0; k < steps; k++) {
            int bk = b0 + k * PANEL;
            int ak = a0 + k * SIDE;
            var v0 = FloatVector.fromArray(FLOATS, b, bk);
            var v1 = FloatVector.fromArray(FLOATS, b, bk + COUNT);
            var x = FloatVector.broadcast(FLOATS, a[ak]);
            s00 = x.fma(v0, s00);
            s01 = x.fma(v1, s01);
            x = FloatVector.broadcast(FLOATS, a[ak + 1]);
            s10 = x.fma(v0, s10);
            s11 = x.fma(v1, s11);
            x = FloatVector.broadcast(FLOATS, a[ak + 2]);
            s20 = x.fma(v0, s20);
            s21 = x.fma(v1, s21);
            x = FloatVector.broadcast(FLOATS, a[ak + 3]);
            s30 = x.fma(v0, s30);
            s31 = x.fma(v1, s31);
        }
        s00.intoArray(c, c0);
        s01.intoArray(c, c0 + COUNT);
        s10.intoArray(c, c1);
        s11.intoArray(c, c1 + COUNT);
        s20.intoArray(c, c2);
        s21.intoArray(c, c2 + COUNT);
        s30.intoArray(c, c3);
        s31.intoArray(c, c3 + COUNT);
    }
}
