package clearhead.inspect;

/// Many cells becoming few. Lines of one cell row must come from one thread; different cell rows may
/// come from different ones.
///
/// @param exponents whether what is added are logarithms of the cells
record Pooling(int side, AttentionMap.Pool pool, boolean exponents, double[] sums, int[] seen) {
    Pooling(int side, AttentionMap.Pool pool, boolean exponents) {
        this(side, pool, exponents, new double[side * side], new int[side * side]);
    }

    /// Adds a line of cells to one row of values.
    ///
    /// @param cellOf the value that each cell of the line is part of, never falling
    void add(int row, float[] line, int[] cellOf) {
        for (int c = 0; c < line.length; ) {
            int cell = cellOf[c];
            int end = c + 1;
            while (end < line.length && cellOf[end] == cell) {
                end++;
            }
            int at = row * side + cell;
            if (pool == AttentionMap.Pool.MAX) {
                largest(line, c, end, at);
            } else {
                sum(line, c, end, at);
            }
            c = end;
        }
    }

    private void largest(float[] line, int from, int to, int at) {
        float largest = seen[at] == 0 ? Float.NEGATIVE_INFINITY : (float) sums[at];
        int count = 0;
        for (int c = from; c < to; c++) {
            // False for NaN.
            if (line[c] >= largest) {
                largest = line[c];
                count++;
            }
        }
        if (count > 0) {
            sums[at] = largest;
            seen[at] = 1;
        }
    }

    private void sum(float[] line, int from, int to, int at) {
        double sum = 0;
        int count = 0;
        for (int c = from; c < to; c++) {
            float value = line[c];
            if (!Float.isNaN(value)) {
                sum += value;
                count++;
            }
        }
        sums[at] += sum;
        seen[at] += count;
    }

    /// Adds a value that was made of `count` cells.
    void add(int row, int column, float value, int count) {
        int at = row * side + column;
        if (count == 0) {
            return;
        }
        if (pool == AttentionMap.Pool.MAX) {
            sums[at] = seen[at] == 0 ? value : Math.max(sums[at], value);
            seen[at] = 1;
        } else {
            sums[at] += (double) value * count;
            seen[at] += count;
        }
    }

    /// @return [side, side]; NaN where nothing was added
    Tiles.Tile tile() {
        var result = new float[sums.length];
        for (int n = 0; n < result.length; n++) {
            double value = seen[n] == 0 ? Double.NaN : pool == AttentionMap.Pool.MAX ? sums[n] : sums[n] / seen[n];
            result[n] = (float) (exponents ? Math.exp(value) : value);
        }
        return new Tiles.Tile(result, seen);
    }
}
