package clearhead.view;

import java.util.List;
import java.util.Locale;

/// A grid of numbers as a picture that stands alone: light ground, zero white, larger values more
/// blue, negative ones more orange (colours that people with and without colour blindness tell
/// apart), the number in every cell that has room for it, and in its title in full.
///
/// @param title one sentence
/// @param rows their names, and what they are
/// @param columns their names, and what they are
/// @param values [rows][columns]; NaN is left empty
public record GridSvg(
        String title, String rowsAre, List<String> rows, String columnsAre, List<String> columns, double[][] values) {
    private static final int CELL_WIDTH = 52;
    private static final int CELL_HEIGHT = 24;
    private static final int LEFT = 90;
    private static final int TOP = 120;

    /// The picture.
    public String svg() {
        double largest = 0;
        for (double[] row : values) {
            for (double v : row) {
                largest = Double.isFinite(v) ? Math.max(largest, Math.abs(v)) : largest;
            }
        }
        int width = LEFT + columns.size() * CELL_WIDTH + 20;
        int height = TOP + rows.size() * CELL_HEIGHT + 20;
        var out = new StringBuilder();
        out.append("<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"" + width + "\" height=\"" + height
                + "\" viewBox=\"0 0 " + width + " " + height
                + "\" role=\"img\" font-family=\"system-ui, sans-serif\" font-size=\"11\" fill=\"#222\">\n");
        out.append("<title>" + escaped(title) + "</title>\n");
        out.append("<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n");
        text(out, 8, 18, "font-size=\"13\"", title);
        text(out, LEFT, TOP - 84, "fill=\"#666\"", columnsAre);
        text(out, 8, TOP - 6, "fill=\"#666\"", rowsAre);
        for (int c = 0; c < columns.size(); c++) {
            int x = LEFT + c * CELL_WIDTH + CELL_WIDTH / 2;
            text(out, x, TOP - 6, "transform=\"rotate(-45 " + x + " " + (TOP - 6) + ")\"", columns.get(c));
        }
        for (int r = 0; r < rows.size(); r++) {
            text(out, 8, TOP + r * CELL_HEIGHT + 16, "", rows.get(r));
            for (int c = 0; c < columns.size(); c++) {
                cell(out, r, c, values[r][c], largest);
            }
        }
        return out.append("</svg>\n").toString();
    }

    private void cell(StringBuilder out, int r, int c, double value, double largest) {
        int x = LEFT + c * CELL_WIDTH;
        int y = TOP + r * CELL_HEIGHT;
        double t = Double.isFinite(value) && largest > 0 ? value / largest : 0;
        out.append("<g><title>" + escaped(rows.get(r) + ", " + columns.get(c) + ": " + value) + "</title>");
        out.append("<rect x=\"" + x + "\" y=\"" + y + "\" width=\"" + CELL_WIDTH + "\" height=\"" + CELL_HEIGHT
                + "\" fill=\"" + colour(t) + "\" stroke=\"#ddd\"/>");
        if (Double.isFinite(value)) {
            text(
                    out,
                    x + CELL_WIDTH / 2,
                    y + 16,
                    "text-anchor=\"middle\"" + (Math.abs(t) > 0.6 ? " fill=\"#fff\"" : ""),
                    String.format(Locale.ROOT, Math.abs(value) < 0.01 && value != 0 ? "%.0e" : "%.2f", value));
        }
        out.append("</g>\n");
    }

    /// White to blue (positive) or to orange-brown (negative).
    private static String colour(double t) {
        int[] end = t >= 0 ? new int[] {0, 90, 158} : new int[] {166, 86, 0};
        double s = Math.min(1, Math.abs(t));
        return String.format(
                "#%02x%02x%02x",
                Math.round(255 + s * (end[0] - 255)),
                Math.round(255 + s * (end[1] - 255)),
                Math.round(255 + s * (end[2] - 255)));
    }

    private static void text(StringBuilder out, int x, int y, String attributes, String text) {
        out.append("<text x=\"" + x + "\" y=\"" + y + "\" " + attributes + ">" + escaped(text) + "</text>\n");
    }

    private static String escaped(String text) {
        return text.replace("&", "&amp;")
                .replace("<", "&lt;")
                .replace(">", "&gt;")
                .replace("\"", "&quot;");
    }
}
