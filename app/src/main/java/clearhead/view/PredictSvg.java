package clearhead.view;

import clearhead.inspect.Contributions;
import clearhead.inspect.Lens;
import clearhead.inspect.Prediction;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/// Pictures of predictions, of the lens and of contributions.
public final class PredictSvg {
    private static final double ROW = 20;
    private static final double LABELS = 190;
    private static final double BARS = 360;
    private static final double WIDTH = LABELS + BARS + 110;
    private static final double TOP = 44;

    private PredictSvg() {}

    /// Bars of the most likely tokens, with a line where each rule cuts.
    public static String bars(Prompt prompt, int query, Prediction p, int top) {
        List<Prediction.Entry> entries = p.top(top);
        String sentence = PredictWords.sentence(prompt, query, p);
        var svg = new Svg(WIDTH, TOP + entries.size() * ROW + 24, sentence);
        svg.text(10, 20, Svg.Anchor.START, 13, Svg.INK, "next token after " + PredictWords.at(prompt, query));
        svg.text(10, 36, Svg.Anchor.START, 11, Svg.QUIET, "probability over the whole vocabulary; pale: cut");
        double most = entries.getFirst().probability();
        for (Prediction.Entry e : entries) {
            double y = TOP + (e.rank() - 1) * ROW;
            String name = Printable.fit(prompt.label(e.id()).quoted(), 22).stripTrailing();
            svg.text(LABELS - 8, y + 14, Svg.Anchor.END, 12, Svg.INK, name);
            double width = most > 0 ? Math.max(0.5, BARS * e.probability() / most) : 0;
            svg.rect(LABELS, y + 3, width, ROW - 6, e.cut() == Prediction.Cut.NONE ? Svg.BAR : "#c5d3df");
            svg.text(LABELS + width + 6, y + 14, Svg.Anchor.START, 11, Svg.INK, six(e.probability()));
        }
        for (Prediction.Line line : p.lines()) {
            if (line.kept() <= entries.size()) {
                double y = TOP + line.kept() * ROW;
                svg.line(LABELS - 180, y, WIDTH - 10, y, Svg.BELOW);
                svg.text(
                        WIDTH - 10, y - 3, Svg.Anchor.END, 10, Svg.BELOW, PredictWords.rule(line.rule(), p.sampling()));
            }
        }
        return svg.document();
    }

    private static String six(double value) {
        return String.format(Locale.ROOT, "%.6f", value);
    }

    /// The grid: rows are layers, the last on top; columns are positions.
    ///
    /// @param grid [places][positions]
    public static String lens(Prompt prompt, int[] positions, List<Lens.Place> places, List<List<Lens.Cell>> grid) {
        double column = 76;
        double left = 92;
        double height = 22;
        var svg = new Svg(
                left + positions.length * column + 12,
                TOP + (places.size() + 1) * height + 12,
                "Logit lens: the most likely token after every layer at every position, coloured by its probability");
        svg.text(10, 20, Svg.Anchor.START, 13, Svg.INK, "logit lens: most likely token, colour = probability");
        for (int row = 0; row < places.size(); row++) {
            double y = TOP + (places.size() - 1 - row) * height;
            svg.text(
                    left - 8,
                    y + 15,
                    Svg.Anchor.END,
                    11,
                    Svg.QUIET,
                    places.get(row).label());
            for (int i = 0; i < positions.length; i++) {
                Lens.Cell cell = grid.get(row).get(i);
                String fill = Svg.sequential(cell.probability());
                String token = prompt.label(cell.id()).text();
                svg.rect(
                        left + i * column,
                        y,
                        column - 1,
                        height - 1,
                        fill,
                        "`" + token + "` " + PredictWords.where(places.get(row)) + ": " + cell.probability());
                svg.text(
                        left + i * column + 4,
                        y + 15,
                        Svg.Anchor.START,
                        11,
                        Svg.inkOn(fill),
                        Printable.fit(token, 10).stripTrailing());
            }
        }
        for (int i = 0; i < positions.length; i++) {
            String token = prompt.labels().get(positions[i]).text();
            svg.text(
                    left + i * column + 4,
                    TOP + (places.size() + 1) * height - 6,
                    Svg.Anchor.START,
                    11,
                    Svg.QUIET,
                    Printable.fit(positions[i] + " " + token, 11).stripTrailing());
        }
        return svg.document();
    }

    /// A waterfall from 0 to the logit: embedding, attention and MLP of every layer, biases.
    public static String contributions(Prompt prompt, Contributions c, int layers) {
        List<Step> steps = steps(c, layers);
        double low = 0;
        double high = 0;
        double at = 0;
        for (Step step : steps) {
            at += step.value;
            low = Math.min(low, at);
            high = Math.max(high, at);
        }
        double scale = high > low ? BARS / (high - low) : 0;
        var svg = new Svg(WIDTH, TOP + (steps.size() + 1) * ROW + 16, PredictWords.sentence(prompt, c));
        svg.text(10, 20, Svg.Anchor.START, 13, Svg.INK, PredictWords.subject(prompt, c) + " as a sum");
        double zero = LABELS - low * scale;
        svg.line(zero, TOP, zero, TOP + (steps.size() + 1) * ROW, Svg.QUIET);
        double from = 0;
        for (int i = 0; i < steps.size(); i++) {
            Step step = steps.get(i);
            double y = TOP + i * ROW;
            double to = from + step.value;
            svg.text(LABELS - 8, y + 14, Svg.Anchor.END, 12, Svg.INK, step.name);
            svg.rect(
                    LABELS + (Math.min(from, to) - low) * scale,
                    y + 3,
                    Math.max(0.5, Math.abs(step.value) * scale),
                    ROW - 6,
                    step.value < 0 ? Svg.BELOW : Svg.BAR);
            svg.text(WIDTH - 10, y + 14, Svg.Anchor.END, 11, Svg.INK, signed(step.value));
            from = to;
        }
        double y = TOP + steps.size() * ROW;
        svg.text(LABELS - 8, y + 14, Svg.Anchor.END, 12, Svg.INK, "sum");
        svg.rect(
                Math.min(zero, zero + c.sum() * scale),
                y + 3,
                Math.max(0.5, Math.abs(c.sum()) * scale),
                ROW - 6,
                Svg.QUIET);
        svg.text(WIDTH - 10, y + 14, Svg.Anchor.END, 11, Svg.INK, signed(c.sum()));
        return svg.document();
    }

    private record Step(String name, double value) {}

    private static List<Step> steps(Contributions c, int layers) {
        var steps = new ArrayList<Step>();
        c.parts().stream()
                .filter(p -> p.kind() == Contributions.Kind.TOKEN || p.kind() == Contributions.Kind.POSITION)
                .forEach(p -> steps.add(new Step(PredictWords.name(p), p.value())));
        for (int layer = 0; layer < layers; layer++) {
            int l = layer;
            steps.add(new Step("layer " + layer + ", attention", c.attention(layer)));
            steps.add(new Step("layer " + layer + ", MLP", c.mlp(layer)));
            c.parts().stream()
                    .filter(p -> p.kind() == Contributions.Kind.CHANGE && p.layer() == l)
                    .forEach(p -> steps.add(new Step(PredictWords.name(p), p.value())));
        }
        c.parts().stream()
                .filter(p -> p.kind() == Contributions.Kind.NORM_BIAS || p.kind() == Contributions.Kind.OUTPUT_BIAS)
                .forEach(p -> steps.add(new Step(PredictWords.name(p), p.value())));
        return steps;
    }

    private static String signed(double value) {
        return String.format(Locale.ROOT, "%+.4f", value).replace('-', '−');
    }
}
