package clearhead.view;

import java.util.Locale;

/// A small picture as SVG 1.1 text, for files that leave the program: rectangles, lines and texts on
/// white. Numbers are written with a point, texts escaped; the title is what a screen reader reads.
public final class Svg {
    /// Lightness only falls, so that the scale reads the same to every kind of colour vision.
    private static final int[][] SEQUENTIAL = {
        {0xff, 0xff, 0xff},
        {0xd6, 0xe6, 0xf4},
        {0x8f, 0xc1, 0xde},
        {0x3a, 0x87, 0xc0},
        {0x10, 0x55, 0x9c},
        {0x07, 0x2a, 0x57}
    };
    /// Orange below zero, blue above, white at zero.
    private static final int[][] DIVERGING = {
        {0x7a, 0x3a, 0x03},
        {0xc9, 0x70, 0x1d},
        {0xf3, 0xbd, 0x86},
        {0xff, 0xff, 0xff},
        {0x9c, 0xc9, 0xea},
        {0x35, 0x81, 0xbf},
        {0x0b, 0x3d, 0x73}
    };

    public static final String INK = "#10161c";
    public static final String QUIET = "#5b6670";
    public static final String BAR = "#3a87c0";
    public static final String BELOW = "#c9701d";

    private final StringBuilder text = new StringBuilder();

    /// Where a text is held.
    public enum Anchor {
        START,
        MIDDLE,
        END
    }

    /// @param title the picture in words
    public Svg(double width, double height, String title) {
        text.append("<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"").append(number(width));
        text.append("\" height=\"").append(number(height));
        text.append("\" viewBox=\"0 0 ").append(number(width)).append(' ').append(number(height));
        text.append("\" role=\"img\" font-family=\"system-ui, sans-serif\">\n<title>");
        text.append(escaped(title)).append("</title>\n");
        rect(0, 0, width, height, "#ffffff");
    }

    public Svg rect(double x, double y, double width, double height, String fill) {
        return rect(x, y, width, height, fill, "");
    }

    /// @param said shown while the pointer is over it
    public Svg rect(double x, double y, double width, double height, String fill, String said) {
        text.append("<rect x=\"").append(number(x)).append("\" y=\"").append(number(y));
        text.append("\" width=\"").append(number(width)).append("\" height=\"").append(number(height));
        text.append("\" fill=\"").append(fill).append('"');
        text.append(said.isEmpty() ? "/>\n" : "><title>" + escaped(said) + "</title></rect>\n");
        return this;
    }

    public Svg line(double x1, double y1, double x2, double y2, String stroke) {
        text.append("<line x1=\"").append(number(x1)).append("\" y1=\"").append(number(y1));
        text.append("\" x2=\"").append(number(x2)).append("\" y2=\"").append(number(y2));
        text.append("\" stroke=\"").append(stroke).append("\"/>\n");
        return this;
    }

    /// @param y of the base line
    /// @param size in pixels
    public Svg text(double x, double y, Anchor anchor, double size, String fill, String said) {
        text.append("<text x=\"").append(number(x)).append("\" y=\"").append(number(y));
        text.append("\" text-anchor=\"").append(anchor.name().toLowerCase(Locale.ROOT));
        text.append("\" font-size=\"").append(number(size)).append("\" fill=\"").append(fill);
        text.append("\" xml:space=\"preserve\">").append(escaped(said)).append("</text>\n");
        return this;
    }

    /// A text that runs upwards, for columns.
    public Svg upwards(double x, double y, double size, String fill, String said) {
        text.append("<text transform=\"translate(")
                .append(number(x))
                .append(' ')
                .append(number(y));
        text.append(") rotate(-90)\" font-size=\"")
                .append(number(size))
                .append("\" fill=\"")
                .append(fill);
        text.append("\" xml:space=\"preserve\">").append(escaped(said)).append("</text>\n");
        return this;
    }

    /// The whole document.
    public String document() {
        return text + "</svg>\n";
    }

    /// The colour of a share t in [0, 1]; white for 0 and for NaN.
    public static String sequential(double t) {
        return between(SEQUENTIAL, t);
    }

    /// The colour of t in [−1, 1]; white for 0 and for NaN.
    public static String diverging(double t) {
        return between(DIVERGING, Double.isNaN(t) ? 0.5 : (t + 1) / 2);
    }

    /// A colour for text on `background`, a colour of this class's.
    public static String inkOn(String background) {
        int rgb = Integer.parseInt(background.substring(1), 16);
        double light = 0.2126 * linear(rgb >> 16) + 0.7152 * linear(rgb >> 8 & 255) + 0.0722 * linear(rgb & 255);
        return light > 0.22 ? INK : "#f6f9fc";
    }

    private static double linear(int channel) {
        double c = channel / 255.0;
        return c <= 0.04045 ? c / 12.92 : Math.pow((c + 0.055) / 1.055, 2.4);
    }

    private static String between(int[][] stops, double t) {
        double at = Math.clamp(Double.isNaN(t) ? 0 : t, 0, 1) * (stops.length - 1);
        int i = Math.min((int) at, stops.length - 2);
        int rgb = 0;
        for (int c = 0; c < 3; c++) {
            rgb = rgb << 8 | (int) Math.round(stops[i][c] + (at - i) * (stops[i + 1][c] - stops[i][c]));
        }
        return String.format(Locale.ROOT, "#%06x", rgb);
    }

    private static String number(double value) {
        double rounded = Math.round(value * 100) / 100.0;
        return rounded == Math.rint(rounded) ? Long.toString((long) rounded) : Double.toString(rounded);
    }

    private static String escaped(String said) {
        var out = new StringBuilder();
        said.codePoints().forEach(c -> {
            switch (c) {
                case '&' -> out.append("&amp;");
                case '<' -> out.append("&lt;");
                case '>' -> out.append("&gt;");
                case '"' -> out.append("&quot;");
                default -> out.appendCodePoint(allowed(c) ? c : 0xfffd);
            }
        });
        return out.toString();
    }

    /// Whether XML 1.0 may hold the character.
    private static boolean allowed(int c) {
        return c == '\t'
                || c == '\n'
                || c == '\r'
                || (c >= 0x20 && c <= 0xd7ff)
                || (c >= 0xe000 && c <= 0xfffd)
                || c > 0xffff;
    }
}
