package clearhead.app;

import clearhead.inspect.AttentionRow;
import clearhead.inspect.Look;
import clearhead.inspect.NextTokens;
import clearhead.inspect.Parity;
import clearhead.view.Printable;
import clearhead.view.Prompt;
import java.io.PrintWriter;
import java.util.List;
import java.util.Locale;

/// What `attend` shows in a terminal.
final class AttendText {
    /// Tokens listed before the middle of a long text is left out.
    private static final int MOST_TOKENS = 48;

    private final Prompt prompt;
    private final Look look;
    private final Parity parity;
    private final Heat heat;
    private final int columns;

    AttendText(Prompt prompt, Look look, Parity parity, Heat heat, int columns) {
        this.prompt = prompt;
        this.look = look;
        this.parity = parity;
        this.heat = heat;
        this.columns = columns;
    }

    void tokens(PrintWriter out) {
        List<Prompt.Label> labels = prompt.labels();
        int texts =
                labels.stream().mapToInt(l -> Printable.width(l.text())).max().orElse(1);
        texts = Math.clamp(texts, 5, 24);
        out.println(labels.size() == 1 ? "1 token" : labels.size() + " tokens" + added());
        out.println(heat.faint("  position     id  " + Printable.fit("token", texts + 2) + "  bytes"));
        for (int i = 0; i < labels.size(); i++) {
            if (labels.size() > MOST_TOKENS && i == MOST_TOKENS / 2) {
                int next = labels.size() - MOST_TOKENS / 2;
                out.println("         … " + (next - i) + " tokens left out (`tokens` lists all)");
                i = next;
            }
            Prompt.Label l = labels.get(i);
            String name = l.text();
            String bytes = l.special() ? "special" : l.bytes().length == 0 ? "" : Printable.hex(l.bytes());
            line(
                    out,
                    String.format(Locale.ROOT, "  %8d %6d  ", i, l.id())
                            + Printable.fit(
                                    "`" + Printable.fit(name, Math.min(texts, Printable.width(name))) + "`", texts + 2)
                            + "  " + bytes);
        }
    }

    private String added() {
        if (prompt.added() == 0) {
            return "";
        }
        return ", of which " + (prompt.added() == 1 ? "the first is" : prompt.added() + " are")
                + " not in the text but put there by the model's rule (--special text leaves "
                + (prompt.added() == 1 ? "it" : "them") + " out)";
    }

    void triangle(PrintWriter out, String how) {
        out.println(heat.strong("layer " + look.layer() + ", head " + look.head()) + how);
        new Triangle(look.pattern(), look.head(), look.query(), prompt.labels(), heat, columns).print(out);
    }

    /// `layer 3, head 1: reading ` student`, the model gives 0.412 to ` graduate`…`.
    static String sentence(Prompt prompt, Look look) {
        AttentionRow row = look.row();
        int key = row.ranked().getFirst();
        String where = key == look.query()
                ? "itself"
                : prompt.labels().get(key).quoted() + " (position " + key + ", " + Math.abs(look.query() - key)
                        + (key < look.query() ? " before)" : " behind)");
        return String.format(
                Locale.ROOT,
                "layer %d, head %d: reading %s, the model gives %.3f to %s",
                look.layer(),
                look.head(),
                prompt.labels().get(look.query()).quoted(),
                row.weights()[key],
                where);
    }

    void row(PrintWriter out, int most) {
        AttentionRow row = look.row();
        out.println(heat.strong(sentence(prompt, look)));
        List<Integer> ranked = row.ranked();
        out.println(heat.faint("    key  token                     weight       sum       score"));
        double sum = 0;
        for (int n = 0; n < Math.min(most, ranked.size()); n++) {
            int key = ranked.get(n);
            double weight = row.weights()[key];
            sum += weight;
            line(
                    out,
                    String.format(Locale.ROOT, "  %5d  ", key)
                            + Printable.fit(prompt.labels().get(key).quoted(), 22)
                            + String.format(Locale.ROOT, "  %.7f  %.6f  %10.5f  ", weight, sum, row.scores()[key])
                            + bar(weight));
        }
        if (ranked.size() > most) {
            out.println(String.format(
                    Locale.ROOT,
                    "         %d more keys share %.6f (--top shows more)",
                    ranked.size() - most,
                    row.sum() - sum));
        }
    }

    private static void line(PrintWriter out, String text) {
        out.println(text.stripTrailing());
    }

    private String bar(double weight) {
        int room = Math.clamp(columns - 66, 0, 20);
        int length = (int) Math.round(weight * room);
        return heat == Heat.PLAIN ? "#".repeat(length) : length == 0 ? "" : heat.cell(weight, " ".repeat(length));
    }

    void next(PrintWriter out, int most) {
        out.println("most likely next tokens after "
                + prompt.labels().get(look.query()).quoted());
        out.println(heat.faint("     id  token                probability       logit"));
        for (NextTokens.Choice c : NextTokens.top(look.logits(), most)) {
            line(
                    out,
                    String.format(Locale.ROOT, "  %5d  ", c.id())
                            + Printable.fit(prompt.label(c.id()).quoted(), 22)
                            + String.format(Locale.ROOT, "  %.6f  %10.5f  ", c.probability(), c.logit())
                            + bar(c.probability()));
        }
    }

    void parity(PrintWriter out, String arithmetic) {
        out.println(String.format(
                Locale.ROOT,
                "parity, %s arithmetic: weights·values %s the run within %.1e (%.1e of the largest; %d of %d rows)",
                arithmetic,
                parity.holds() ? "match" : "DO NOT MATCH",
                parity.largestDifference(),
                parity.relative(),
                parity.rows(),
                parity.of()));
    }
}
