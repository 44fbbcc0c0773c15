package clearhead.app;

import clearhead.inspect.Contributions;
import clearhead.inspect.Prediction;
import clearhead.view.PredictJson;
import clearhead.view.PredictWords;
import clearhead.view.Printable;
import clearhead.view.Prompt;
import java.io.PrintWriter;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/// A prediction in a terminal.
final class PredictText {
    private static final int NAME = 22;

    private final PrintWriter out;
    private final Prompt prompt;
    private final Heat heat;
    private final int columns;

    PredictText(PrintWriter out, Prompt prompt) {
        this.out = out;
        this.prompt = prompt;
        Terminal terminal = Terminal.current();
        heat = Heat.of(terminal.color(), System.getenv());
        columns = terminal.columns();
    }

    void prediction(int query, Prediction p, int top, List<Integer> find) {
        out.println(heat.strong(PredictWords.sentence(prompt, query, p)));
        out.println(String.format(
                Locale.ROOT, "%d tokens, log-sum-exp %.5f, entropy %.4f nats", p.vocab(), p.lse(), p.entropy()));
        out.println(heat.faint("   rank      id  " + Printable.fit("token", NAME)
                + "  probability  whole at T      drawn       logit"));
        for (Prediction.Entry e : p.top(top)) {
            entry(e);
            for (Prediction.Line line : p.lines()) {
                if (line.kept() == e.rank() && line.kept() < p.vocab()) {
                    out.println(heat.faint(String.format(
                            Locale.ROOT,
                            "  ----- %s leaves %s, %.6f of the probability",
                            PredictWords.rule(line.rule(), p.sampling()),
                            line.kept() == 1 ? "1 token" : line.kept() + " tokens",
                            line.probability())));
                }
            }
        }
        for (Prediction.Line line : p.lines()) {
            if (line.kept() > top) {
                out.println(String.format(
                        Locale.ROOT,
                        "        … %s cuts after rank %d, %.6f of the probability",
                        PredictWords.rule(line.rule(), p.sampling()),
                        line.kept(),
                        line.probability()));
            }
        }
        if (!find.isEmpty()) {
            out.println(heat.faint("  found"));
            find.forEach(id -> entry(p.of(id)));
        }
    }

    private void entry(Prediction.Entry e) {
        String drawn = e.cut() == Prediction.Cut.NONE ? share(e.drawn(), 9) : "      cut";
        line(String.format(Locale.ROOT, "  %5d  %6d  ", e.rank(), e.id())
                + Printable.fit(prompt.label(e.id()).quoted(), NAME)
                + "  " + share(e.probability(), 11) + "  " + share(e.tempered(), 10)
                + String.format(Locale.ROOT, "  %s  %10.5f  ", drawn, e.logit())
                + bar(e.probability()));
    }

    /// A probability in a column of some width: plain, or with an exponent where little would be left of it.
    static String share(double p, int width) {
        String text = p == 0 || p >= 1e-4
                ? String.format(Locale.ROOT, "%." + (width - 3) + "f", p)
                : String.format(Locale.ROOT, "%." + (width - 8) + "e", p);
        return " ".repeat(Math.max(0, width - text.length())) + text;
    }

    private void line(String text) {
        out.println(text.stripTrailing());
    }

    private String bar(double share) {
        int room = Math.clamp(columns - 90, 0, 30);
        int length = (int) Math.round(Math.min(1, Math.abs(share)) * room);
        return heat == Heat.PLAIN ? "#".repeat(length) : length == 0 ? "" : heat.cell(share, " ".repeat(length));
    }

    void draws(Prediction p, int count, int top) {
        Map<Integer, Integer> counts = PredictJson.counted(p, p.draw(count));
        out.println();
        out.println(heat.strong(count + " draws with seed " + p.sampling().seed() + ": " + counts.size()
                + (counts.size() == 1 ? " token" : " different tokens")));
        out.println(
                heat.faint("   rank      id  " + Printable.fit("token", NAME) + "   count       share  probability"));
        counts.entrySet().stream()
                .sorted(Comparator.comparingInt((Map.Entry<Integer, Integer> e) -> -e.getValue())
                        .thenComparing(Map.Entry::getKey))
                .limit(top)
                .forEach(e -> {
                    Prediction.Entry entry = p.ranked(e.getKey());
                    line(String.format(Locale.ROOT, "  %5d  %6d  ", entry.rank(), entry.id())
                            + Printable.fit(prompt.label(entry.id()).quoted(), NAME)
                            + String.format(Locale.ROOT, "  %6d  %10.6f  ", e.getValue(), e.getValue() / (double) count)
                            + share(entry.drawn(), 11));
                });
        if (counts.size() > top) {
            out.println("         … " + (counts.size() - top) + " more (--top shows more)");
        }
    }

    void contributions(Contributions c, int layers, int top) {
        out.println();
        out.println(heat.strong(PredictWords.sentence(prompt, c)));
        out.println(heat.faint("  part                       attention         MLP  running sum"));
        double sum = 0;
        for (Contributions.Part part : c.parts()) {
            if (part.kind() == Contributions.Kind.TOKEN || part.kind() == Contributions.Kind.POSITION) {
                sum += part.value();
                single(part, sum);
            }
        }
        for (int layer = 0; layer < layers; layer++) {
            int l = layer;
            sum += c.attention(layer) + c.mlp(layer);
            out.println(String.format(
                    Locale.ROOT,
                    "  %-22s  %+12.5f%+12.5f %+12.5f",
                    "layer " + layer,
                    c.attention(layer),
                    c.mlp(layer),
                    sum));
            for (Contributions.Part part : c.parts()) {
                if (part.kind() == Contributions.Kind.CHANGE && part.layer() == l) {
                    sum += part.value();
                    single(part, sum);
                }
            }
        }
        for (Contributions.Part part : c.parts()) {
            if (part.kind() == Contributions.Kind.NORM_BIAS || part.kind() == Contributions.Kind.OUTPUT_BIAS) {
                sum += part.value();
                single(part, sum);
            }
        }
        out.println(String.format(
                Locale.ROOT,
                "  the parts add up to %.6f, the model says %.6f: difference %.1e",
                c.sum(),
                c.logit(),
                c.difference()));
        heads(c, top);
    }

    private void single(Contributions.Part part, double sum) {
        out.println(String.format(
                Locale.ROOT,
                "  %s  %+12.5f             %+12.5f",
                Printable.fit(PredictWords.name(part), 22),
                part.value(),
                sum));
    }

    private void heads(Contributions c, int top) {
        List<Contributions.Part> heads = c.parts().stream()
                .filter(p -> p.kind() == Contributions.Kind.HEAD)
                .sorted(Comparator.comparingDouble((Contributions.Part p) -> -Math.abs(p.value())))
                .toList();
        out.println(heat.faint("  heads that say most"));
        heads.stream()
                .limit(top)
                .forEach(p ->
                        out.println(String.format(Locale.ROOT, "  %-22s  %+12.5f", PredictWords.name(p), p.value())));
        if (heads.size() > top) {
            out.println("  … " + (heads.size() - top) + " heads that say less (--top shows more)");
        }
    }
}
