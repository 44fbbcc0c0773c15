package clearhead.app;

import java.util.Locale;
import java.util.Map;

/// Weights from 0 to 1 as colours, or as characters where there are none. The colours are cividis
/// (Nuñez, Anderton and Renslow 2018), which people with and without colour blindness see alike; they
/// follow the square root of the weight, so that small weights can be told apart.
enum Heat {
    /// Characters only.
    PLAIN,
    /// Nine of the colours of a 256-colour terminal, each lighter than the one before.
    COLORS_256,
    /// 24 bits.
    TRUE_COLOR;

    private static final double[] FROM = {0, 0.01, 0.03, 0.06, 0.12, 0.25, 0.45, 0.65, 0.85};
    private static final String CHARACTERS = ".:-=+*#%@";
    private static final int[] RAMP_256 = {17, 18, 23, 60, 66, 102, 144, 186, 227};
    private static final int DARK_256 = 5;
    private static final int[][] CIVIDIS = {
        {0, 32, 76},
        {0, 42, 102},
        {31, 55, 110},
        {65, 71, 108},
        {87, 87, 109},
        {108, 105, 113},
        {127, 124, 117},
        {148, 142, 119},
        {171, 163, 114},
        {194, 183, 104},
        {219, 203, 87},
        {253, 231, 55}
    };

    /// What this terminal can show.
    static Heat of(boolean color, Map<String, String> environment) {
        if (!color) {
            return PLAIN;
        }
        String depth = environment.getOrDefault("COLORTERM", "").toLowerCase(Locale.ROOT);
        return depth.contains("truecolor") || depth.contains("24bit") ? TRUE_COLOR : COLORS_256;
    }

    /// `text` on the weight's colour; in plain mode the weight's character in its place, as wide.
    String cell(double weight, String text) {
        if (this == PLAIN) {
            return " ".repeat(text.length() - 1) + character(weight);
        }
        double root = Math.sqrt(Math.clamp(weight, 0, 1));
        if (this == COLORS_256) {
            int i = (int) Math.round(root * (RAMP_256.length - 1));
            return painted("48;5;" + RAMP_256[i], i >= DARK_256, text);
        }
        int[] rgb = color(root);
        boolean light = rgb[0] * 0.3 + rgb[1] * 0.59 + rgb[2] * 0.11 > 110;
        return painted("48;2;" + rgb[0] + ";" + rgb[1] + ";" + rgb[2], light, text);
    }

    private static String painted(String background, boolean light, String text) {
        return "\033[" + background + ";" + (light ? "38;5;16" : "38;5;231") + "m" + text + "\033[0m";
    }

    /// @param root square root of the weight
    private static int[] color(double root) {
        double at = root * (CIVIDIS.length - 1);
        int i = Math.min((int) at, CIVIDIS.length - 2);
        var rgb = new int[3];
        for (int c = 0; c < 3; c++) {
            rgb[c] = (int) Math.round(CIVIDIS[i][c] + (at - i) * (CIVIDIS[i + 1][c] - CIVIDIS[i][c]));
        }
        return rgb;
    }

    private static char character(double weight) {
        int i = FROM.length - 1;
        while (i > 0 && weight < FROM[i]) {
            i--;
        }
        return CHARACTERS.charAt(i);
    }

    /// One line that says what the cells mean.
    String legend() {
        var line = new StringBuilder("weight  ");
        if (this == PLAIN) {
            for (int i = 0; i < FROM.length; i++) {
                line.append(CHARACTERS.charAt(i))
                        .append(' ')
                        .append(brief(FROM[i]))
                        .append("  ");
            }
            return line.append("and more; blank: masked").toString();
        }
        for (double w : new double[] {0, 0.01, 0.05, 0.1, 0.2, 0.35, 0.5, 0.75, 1}) {
            line.append(cell(w, " " + brief(w) + " "));
        }
        return line.append("  no colour: masked").toString();
    }

    private static String brief(double w) {
        return w == 0 || w == 1
                ? Integer.toString((int) w)
                : String.format(Locale.ROOT, "%.2f", w).substring(1);
    }

    /// Stands out, where it can.
    String strong(String text) {
        return this == PLAIN ? text : "\033[1m" + text + "\033[0m";
    }

    /// Stands back, where it can.
    String faint(String text) {
        return this == PLAIN ? text : "\033[2m" + text + "\033[0m";
    }
}
