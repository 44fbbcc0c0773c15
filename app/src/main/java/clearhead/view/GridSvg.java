package clearhead.view;

import java.util.List;
import java.util.Locale;

/// A grid of numbers as a picture: white at zero, the number in every cell, and in full in its title.
///
/// @param title one sentence
/// @param rowsAre what the rows are
/// @param columnsAre what the columns are
/// @param values [rows][columns]; NaN is left empty
public record GridSvg(
        String title, String rowsAre, List<String> rows, String columnsAre, List<String> columns, double[][] values) {
    private static final int WIDTH = 46;
    private static final int HEIGHT = 24;
    private static final int LEFT = 100;
    private static final int TOP = 130;

    /// The picture as text.
    public String document() {
        double largest = 0;
        for (double[] row : values) {
            for (double v : row) {
                largest = Double.isFinite(v) ? Math.max(largest, Math.abs(v)) : largest;
            }
        }
        double width = Math.max(LEFT + columns.size() * WIDTH + 16.0, 8 + title.length() * 6.6);
        var svg = new Svg(width, TOP + rows.size() * HEIGHT + 16.0, title);
        svg.text(8, 20, Svg.Anchor.START, 13, Svg.INK, title);
        svg.text(LEFT, 42, Svg.Anchor.START, 11, Svg.QUIET, columnsAre);
        svg.text(8, TOP - 8, Svg.Anchor.START, 11, Svg.QUIET, rowsAre);
        for (int c = 0; c < columns.size(); c++) {
            svg.upwards(LEFT + c * WIDTH + WIDTH / 2 + 4, TOP - 6, 11, Svg.INK, Printable.fit(columns.get(c), 12));
        }
        for (int r = 0; r < rows.size(); r++) {
            svg.text(LEFT - 8, TOP + r * HEIGHT + 16, Svg.Anchor.END, 11, Svg.INK, rows.get(r));
            for (int c = 0; c < columns.size(); c++) {
                cell(svg, r, c, largest);
            }
        }
        return svg.document();
    }

    private void cell(Svg svg, int r, int c, double largest) {
        double value = values[r][c];
        if (Double.isNaN(value)) {
            return;
        }
        String colour = Svg.diverging(largest > 0 ? value / largest : 0);
        double x = LEFT + c * WIDTH;
        double y = TOP + r * HEIGHT;
        svg.rect(x, y, WIDTH - 1, HEIGHT - 1, colour, rows.get(r) + ", " + columns.get(c) + ": " + value);
        String shown = String.format(Locale.ROOT, "%.2f", value);
        svg.text(x + WIDTH / 2.0, y + 16, Svg.Anchor.MIDDLE, 10, Svg.inkOn(colour), shown);
    }
}
