package clearhead.app;

import clearhead.inspect.AttentionMap;
import clearhead.inspect.Heads;
import clearhead.inspect.Units;
import clearhead.io.JsonWriter;
import clearhead.view.ModelJson;
import clearhead.view.Printable;
import clearhead.view.Prompt;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.Writer;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.stream.IntStream;

/// One row or column of any matrix of attention: a head's, a mean's, a rollout's, by token, word or
/// sentence.
///
/// @param changes in their notation
/// @param column whether it is a column, of key `at`; else the row of query `at`
/// @param values [units]; NaN where masked
record AttendLine(
        OpenModel open,
        Prompt prompt,
        List<String> changes,
        Heads of,
        AttentionMap.Kind kind,
        String unit,
        Units units,
        boolean column,
        int at,
        double[] values) {

    private static final int NAME = 24;

    /// Units that are not masked, by falling value.
    private List<Integer> ranked() {
        return IntStream.range(0, values.length)
                .filter(i -> !Double.isNaN(values[i]))
                .boxed()
                .sorted(Comparator.comparingDouble((Integer i) -> -values[i]).thenComparingInt(i -> i))
                .toList();
    }

    private String name(int i) {
        var text = new StringBuilder();
        for (int t = units.starts()[i]; t < units.starts()[i + 1]; t++) {
            text.append(prompt.labels().get(t).text());
        }
        return text.toString();
    }

    private String value() {
        return switch (kind) {
            case WEIGHTS -> "weight";
            case SCORES -> "score";
            case VALUE -> "value";
        };
    }

    void print(PrintWriter out, int top) {
        out.println(open.describe());
        out.println();
        out.println(of.words() + ": "
                + (column ? "who looks at " : "what is looked at when reading ")
                + "`" + name(at) + "` (" + unit + " " + at + ")");
        out.println(AttentionMap.formula(of, kind, unit));
        for (String change : changes) {
            out.println("changed: " + change);
        }
        out.println();
        boolean sums = kind != AttentionMap.Kind.SCORES;
        out.println("  " + Printable.fit(column ? "query" : "key", NAME + 7) + "  " + value() + "       distance"
                + (sums ? "  running sum" : ""));
        double sum = 0;
        List<Integer> order = ranked();
        for (int i : order.subList(0, Math.min(top, order.size()))) {
            sum += values[i];
            out.println(String.format(Locale.ROOT, "  %5d  ", i)
                    + Printable.fit("`" + name(i) + "`", NAME)
                    + String.format(Locale.ROOT, "  %11.8f  %8d", values[i], column ? i - at : at - i)
                    + (sums ? String.format(Locale.ROOT, "  %11.8f", sum) : ""));
        }
        if (order.size() > top) {
            out.println("  " + (order.size() - top) + " more (--top, --csv, --json)");
        }
    }

    void csv(Writer out) throws IOException {
        out.write((column ? "key,query" : "query,key") + ",text," + value() + "\n");
        for (int i = 0; i < values.length; i++) {
            if (!Double.isNaN(values[i])) {
                out.write(at + "," + i + "," + AttendCsv.quoted(name(i)) + "," + values[i] + "\n");
            }
        }
    }

    void json(Writer out) {
        try (var json = JsonWriter.to(out, true)) {
            json.beginObject().field("command", "attend");
            ModelJson.model(json, open.model(), open.arithmetic(), open.backend());
            ModelJson.tokens(json, prompt);
            json.name("changes").beginArray();
            changes.forEach(json::value);
            json.endArray();
            json.field("of", of.words()).field("kind", kind.name().toLowerCase(Locale.ROOT));
            json.field("unit", unit).field("formula", AttentionMap.formula(of, kind, unit));
            json.name(column ? "column" : "row").beginObject().field(column ? "key" : "query", at);
            json.name(column ? "queries" : "keys").beginArray();
            for (int i : ranked()) {
                json.beginObject().field("position", i).field("text", name(i)).field(value(), values[i]);
                json.endObject();
            }
            json.endArray().endObject().endObject();
        }
    }
}
