package clearhead.app;

import clearhead.inspect.HeadLabel;
import clearhead.inspect.HeadMap;
import clearhead.inspect.HeadMetric;
import clearhead.inspect.HeadMetrics;
import clearhead.inspect.HeadScan;
import clearhead.view.HeadWords;
import clearhead.view.Prompt;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.Writer;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.OptionalDouble;
import java.util.stream.Collectors;

/// All heads as a table, for people and for files.
///
/// @param shown the map's scan that the table is of
/// @param by the metric that it is sorted by
record HeadsText(HeadMap map, HeadScan shown, HeadMetric by, Terminal terminal) {
    private static final int CELL = 9;
    private static final int LABEL = 18;

    void print(PrintWriter out, List<HeadMetrics> heads, Prompt prompt) {
        Heat heat = Heat.of(terminal.color(), System.getenv());
        out.println(heat.strong(HeadWords.sentence(map, shown, by)));
        out.println();
        var columns = new ArrayList<HeadMetric>(List.of(by));
        for (HeadMetric m : HeadMetric.values()) {
            if (m != by) {
                columns.add(m);
            }
        }
        int room = Math.max(1, (terminal.columns() - 7 - LABEL) / CELL);
        List<HeadMetric> fit = columns.subList(0, Math.min(room, columns.size()));
        var header = new StringBuilder(String.format("%-7s%-" + LABEL + "s", "head", "label"));
        fit.forEach(m -> header.append(String.format("%" + CELL + "s", brief(m))));
        out.println(heat.faint(header.toString()));
        for (HeadMetrics h : heads) {
            String labels = map.labels(shown, h.layer(), h.head()).stream()
                    .map(HeadLabel::title)
                    .collect(Collectors.joining(", "));
            line(out, h.layer() + "." + h.head(), labels, h, fit);
        }
        line(out, "equal", "(all keys the same)", shown.uniform(), fit);
        if (fit.size() < columns.size()) {
            out.println(heat.faint("The other metrics: a wider terminal, --csv or --json."));
        }
        out.println();
        out.println(heat.faint(by.title() + ": " + by.definition() + "."));
        out.println(heat.faint(
                "  " + by.formula() + "; over " + shown.rows().getOrDefault(by, 0) + " rows; " + by.paper() + "."));
        if (by == HeadMetric.DIRECT_EFFECT) {
            out.println(heat.faint("  predicted: "
                    + prompt.label(shown.predicted()).quoted() + ", after position " + shown.position() + "."));
        }
        out.println(heat.faint("Labels (e: evidence, u: of a head of equal weights):"));
        for (HeadLabel label : HeadLabel.values()) {
            out.println(heat.faint("  " + label.title() + ": (e − u)/(1 − u) ≥ " + label.threshold() + " for "
                    + label.formula().replaceAll(".*mean of (.*) over cells.*", "$1")
                    + (label.repeated()
                            ? ", on random tokens said twice"
                            : ", on the text and on random tokens said twice")));
        }
        map.random()
                .ifPresent(r -> out.println(heat.faint("Random tokens: " + r.tokens()
                        + (r.tokens().lead() > 0 ? ", after the beginning-of-sequence token." : "."))));
    }

    private static String brief(HeadMetric m) {
        return switch (m) {
            case PREVIOUS_TOKEN -> "previous";
            case SELF -> "self";
            case FIRST_TOKEN -> "first";
            case DUPLICATE_TOKEN -> "duplic.";
            case INDUCTION -> "induct.";
            case RANDOM_INDUCTION -> "ind.rnd";
            case ENTROPY -> "entropy";
            case ENTROPY_SHARE -> "ent/max";
            case DISTANCE -> "distance";
            case MAX_WEIGHT -> "largest";
            case OUTPUT_NORM -> "norm";
            case DIRECT_EFFECT -> "effect";
        };
    }

    private static void line(PrintWriter out, String name, String labels, HeadMetrics head, List<HeadMetric> columns) {
        var line = new StringBuilder(String.format("%-7s%-" + LABEL + "s", name, labels.isEmpty() ? "–" : labels));
        for (HeadMetric m : columns) {
            OptionalDouble value = head.value(m);
            line.append(
                    value.isEmpty()
                            ? " ".repeat(CELL)
                            : String.format(Locale.ROOT, "%" + CELL + "s", brief(value.getAsDouble())));
        }
        out.println(line.toString().stripTrailing());
    }

    /// At most eight characters, so that columns stay apart; `--json` and `--csv` have the whole number.
    private static String brief(double value) {
        double size = Math.abs(value);
        String format = value == 0 || size >= 0.001 && size < 1000 ? "%.4f" : "%.1e";
        return String.format(Locale.ROOT, format, value);
    }

    /// One line a head; empty where there is no value.
    static void csv(HeadMap map, HeadScan shown, List<HeadMetrics> heads, Writer out) throws IOException {
        out.write("layer,head,labels");
        for (HeadMetric m : HeadMetric.values()) {
            out.write("," + m.label());
        }
        out.write("\n");
        for (HeadMetrics h : heads) {
            out.write(h.layer() + "," + h.head() + ","
                    + map.labels(shown, h.layer(), h.head()).stream()
                            .map(HeadLabel::label)
                            .collect(Collectors.joining(" ")));
            for (HeadMetric m : HeadMetric.values()) {
                OptionalDouble value = h.value(m);
                out.write("," + (value.isEmpty() ? "" : value.getAsDouble()));
            }
            out.write("\n");
        }
    }
}
