package clearhead.app;

import clearhead.inspect.PatternRows;
import clearhead.view.Printable;
import clearhead.view.Prompt;
import java.io.PrintWriter;
import java.util.List;
import java.util.Locale;

/// One head's pattern in a terminal: rows are queries, columns are keys. As wide as the terminal
/// allows: three columns a cell with percent written in it, two, one; where even that is too wide,
/// neighbouring tokens share a cell that shows the largest weight among them.
final class Triangle {
    private static final int MOST_LABEL = 20;
    private static final int MARK = 2;
    private static final int FEWEST_CELLS = 8;

    private final PatternRows pattern;
    private final int head;
    private final int query;
    private final List<Prompt.Label> labels;
    private final Heat heat;
    private final int columns;

    Triangle(PatternRows pattern, int head, int query, List<Prompt.Label> labels, Heat heat, int columns) {
        this.pattern = pattern;
        this.head = head;
        this.query = query;
        this.labels = labels;
        this.heat = heat;
        this.columns = columns;
    }

    void print(PrintWriter out) {
        int tokens = pattern.queries();
        int digits = Integer.toString(tokens - 1).length();
        int labelWidth = MARK + digits + 1 + Math.clamp(widest(), 13 - digits, MOST_LABEL) + 1;
        int room = Math.max(FEWEST_CELLS, columns - labelWidth - 1);
        int width = heat != Heat.PLAIN && room >= 3 * tokens ? 3 : room >= 2 * tokens ? 2 : 1;
        int fold = (tokens * width + room - 1) / room;
        int cells = (tokens + fold - 1) / fold;
        header(out, labelWidth, width, fold, cells);
        for (int row = 0; row < cells; row++) {
            int from = row * fold;
            int to = Math.min(tokens, from + fold);
            boolean chosen = query >= from && query < to;
            var line = new StringBuilder(chosen ? "> " : "  ");
            String name = Printable.fit(labels.get(from).text(), labelWidth - MARK - digits - 2);
            String label = String.format("%" + digits + "d %s ", from, name);
            line.append(chosen ? heat.strong(label) : label);
            double[] largest = largest(from, to, fold);
            for (double weight : largest) {
                line.append(heat.cell(weight, cell(weight, width)));
            }
            out.println(line.toString().stripTrailing());
        }
        out.println(heat.legend());
    }

    private int widest() {
        return labels.stream().mapToInt(l -> Printable.width(l.text())).max().orElse(1);
    }

    private void header(PrintWriter out, int labelWidth, int width, int fold, int cells) {
        if (fold > 1) {
            out.println("The text is wider than the terminal: each cell is " + fold + " × " + fold
                    + " tokens and shows the largest weight among them.");
        }
        var line = new StringBuilder(Printable.fit("  query ↓  key →", labelWidth));
        // Numbers of the keys, at every cell where there is room for them.
        int every = 1;
        int widest = Integer.toString((cells - 1) * fold).length() + 1;
        while (every * width < widest) {
            every++;
        }
        every = every <= 2 ? every : (every + 4) / 5 * 5;
        for (int cell = 0; cell < cells; cell += every) {
            int room = Math.min(every, cells - cell) * width;
            String number = Integer.toString(cell * fold);
            if (number.length() > room) {
                break;
            }
            line.append(
                    width == 1 || every > 1
                            ? Printable.fit(number, room)
                            : " ".repeat(room - number.length()) + number);
        }
        out.println(line.toString().stripTrailing());
    }

    /// The largest weight in each cell that one of the rows `from` to `to` can see.
    private double[] largest(int from, int to, int fold) {
        var largest = new double[(pattern.visible(to - 1) + fold - 1) / fold];
        for (int i = from; i < to; i++) {
            double[] weights = pattern.row(head, i).weights();
            for (int key = 0; key < pattern.visible(i); key++) {
                largest[key / fold] = Math.max(largest[key / fold], weights[key]);
            }
        }
        return largest;
    }

    private static String cell(double weight, int width) {
        if (width < 3) {
            return " ".repeat(width);
        }
        long percent = Math.round(weight * 100);
        return percent == 0 ? "   " : String.format(Locale.ROOT, "%3d", percent);
    }
}
