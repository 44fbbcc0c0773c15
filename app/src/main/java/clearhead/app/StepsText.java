package clearhead.app;

import clearhead.inspect.LogitEffect;
import clearhead.inspect.Steps;
import clearhead.view.Printable;
import clearhead.view.Prompt;
import java.io.PrintWriter;
import java.util.Arrays;
import java.util.Comparator;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.stream.IntStream;

/// [Steps] as a text that can be read from top to bottom and checked with a pocket calculator.
final class StepsText {
    /// Keys that a row lists at most; JSON and CSV have all.
    private static final int MOST_KEYS = 256;

    private static final int LARGEST = 6;

    private final Steps s;
    private final Prompt prompt;
    private final Heat heat;
    private final int columns;

    StepsText(Steps steps, Prompt prompt, Heat heat, int columns) {
        this.s = steps;
        this.prompt = prompt;
        this.heat = heat;
        this.columns = columns;
    }

    void print(PrintWriter out) {
        Steps.Place p = s.place();
        out.println(heat.strong("Step by step: layer " + p.layer() + ", head " + p.head() + ", query "
                + token(p.query()) + ", key " + token(p.key())));
        paragraph(
                out,
                "",
                "Vectors are what the run computed; sums are taken again in double precision, and the"
                        + " largest difference between the two is shown as ±.");
        if (p.sharedBy() > 1) {
            int first = p.kvHead() * p.sharedBy();
            out.println("Query heads " + first + " to " + (first + p.sharedBy() - 1)
                    + " share one key and value head, number " + p.kvHead() + ".");
        }
        inputs(out);
        projections(out);
        rotations(out);
        products(out);
        mask(out);
        softmax(out);
        weighted(out);
        output(out);
        sum(out);
        effect(out);
    }

    private String token(int position) {
        return position + " " + prompt.labels().get(position).quoted();
    }

    private void title(PrintWriter out, int number, String what) {
        out.println();
        out.println(heat.strong(number + ". " + what));
    }

    private void inputs(PrintWriter out) {
        boolean rms = s.queryInput().norm().equals("rms");
        title(
                out,
                1,
                "The residual after its norm: x = "
                        + (rms
                                ? "residual / √(mean of squares + eps) · weight"
                                : "(residual − mean) / √(variance + eps) · weight + bias"));
        input(out, "query", s.queryInput());
        if (s.place().key() != s.place().query()) {
            input(out, "key", s.keyInput());
        }
    }

    private void input(PrintWriter out, String of, Steps.Input in) {
        out.println("  " + of + " " + token(in.token()));
        if (in.norm().equals("rms")) {
            out.println(format(
                    "  mean of squares %s; √(%s + %s) = %s",
                    number(in.meanSquare()), number(in.meanSquare()), number(in.eps()), number(in.divisor())));
        } else {
            out.println(format(
                    "  mean %s, variance %s; √(%s + %s) = %s",
                    number(in.mean()),
                    number(in.meanSquare()),
                    number(in.meanSquare()),
                    number(in.eps()),
                    number(in.divisor())));
        }
        vector(out, "residual", in.residual());
        if (of.equals("query")) {
            vector(out, "weight of the norm", in.weight());
        }
        if (of.equals("query") && in.bias().length > 0) {
            vector(out, "bias of the norm", in.bias());
        }
        vector(out, "x", in.run());
        difference(out, in.difference());
    }

    private void projections(PrintWriter out) {
        Steps.Place p = s.place();
        title(out, 2, "q = x·Wq, k = x·Wk, v = x·Wv, each element with its largest products");
        projection(out, "q", "query " + token(p.query()) + ", head " + p.head(), s.query());
        projection(out, "k", "key " + token(p.key()) + ", head " + p.kvHead(), s.key());
        projection(out, "v", "value " + token(p.key()) + ", head " + p.kvHead(), s.value());
    }

    private void projection(PrintWriter out, String name, String of, Steps.Projection projection) {
        out.println("  " + of);
        for (Steps.Element e : projection.elements()) {
            out.println(element(name, e, projection.run()[e.index()]));
        }
        if (projection.normed().length > 0) {
            vector(out, name + " after the norm of its head", projection.normed());
        }
        difference(out, projection.difference());
    }

    /// `q[3] = 0.06878 = 0.26555 (x[14] -1.82284 × -0.14568) … -0.19677 (62 more)`.
    private String element(String name, Steps.Element e, double run) {
        var line = new StringBuilder(format("  %s[%d] = %s =", name, e.index(), number(run)));
        double rest = e.sum() - e.bias();
        int told = 0;
        for (Steps.Product product : e.largest()) {
            String term = format(
                    " %s (x[%d] %s × %s)",
                    signed(product.product(), told == 0),
                    product.index(),
                    number(product.x()),
                    number(product.weight()));
            if (line.length() + term.length() > columns - 14 && told > 0) {
                break;
            }
            line.append(term);
            rest -= product.product();
            told++;
        }
        line.append(format(" %s (%d more)", signed(rest, false), s.place().dim() - told));
        if (e.bias() != 0) {
            line.append(format(" %s (bias)", signed(e.bias(), false)));
        }
        return line.toString();
    }

    private static String signed(double v, boolean first) {
        return v < 0 || first ? number(v) : "+" + number(v);
    }

    private void rotations(PrintWriter out) {
        title(out, 3, "The rotation by position: pair (a, b) becomes (a·cos − b·sin, a·sin + b·cos)");
        if (s.rotations().isEmpty()) {
            out.println("  This model does not rotate: its positions are in the residual already.");
            return;
        }
        for (Steps.Rotation r : s.rotations()) {
            out.println("  " + (r.of().equals("query") ? "q" : "k") + " at position " + r.position());
            out.println(heat.faint("    pair        angle       cos       sin         (a, b)  →  turned"));
            for (Steps.Pair pair : r.pairs()) {
                out.println(format(
                        "    %3d,%3d  %8.2f°  %8.5f  %8.5f  (%s, %s)  →  (%s, %s)",
                        pair.first(),
                        pair.second(),
                        Math.toDegrees(pair.angle()),
                        pair.cos(),
                        pair.sin(),
                        number(pair.a()),
                        number(pair.b()),
                        number(r.run()[pair.first()]),
                        number(r.run()[pair.second()])));
            }
            difference(out, r.difference());
        }
    }

    private void products(PrintWriter out) {
        Steps.Products p = s.products();
        title(out, 4, "q·k element by element");
        out.println(heat.faint("    element           q           k         q×k   sum so far"));
        double sum = 0;
        for (int e = 0; e < p.products().length; e++) {
            sum += p.products()[e];
            out.println(format(
                    "    %7d  %10.5f  %10.5f  %10.5f  %11.5f", e, p.query()[e], p.key()[e], p.products()[e], sum));
        }
        List<Integer> order = IntStream.range(0, p.products().length)
                .boxed()
                .sorted(Comparator.comparingDouble((Integer e) -> -p.products()[e]))
                .toList();
        out.println("  largest positive parts: " + parts(order, true));
        out.println("  largest negative parts: " + parts(order.reversed(), false));
        out.println(format("  sum: q·k = %.7f", p.sum()));
        double root = Math.sqrt(s.place().headDim());
        boolean usual = Math.abs(s.place().scale() * root - 1) < 1e-6;
        out.println(
                usual
                        ? format("  ÷ √d: %.7f / √%d = %.7f", p.sum(), s.place().headDim(), p.score())
                        : format(
                                "  × scale: %.7f × %s = %.7f",
                                p.sum(), number(s.place().scale()), p.score()));
    }

    private String parts(List<Integer> order, boolean positive) {
        double[] products = s.products().products();
        List<String> told = order.stream()
                .filter(e -> positive ? products[e] > 0 : products[e] < 0)
                .limit(LARGEST)
                .map(e -> format("%.5f (%d)", products[e], e))
                .toList();
        return told.isEmpty() ? "none" : String.join(", ", told);
    }

    private void mask(PrintWriter out) {
        List<Steps.Cell> masked =
                s.softmax().cells().stream().filter(Steps.Cell::masked).toList();
        title(out, 5, "The mask");
        if (masked.isEmpty()) {
            out.println("  Nothing to mask: no key comes after the query, which is the last token.");
            return;
        }
        paragraph(
                out,
                "  ",
                (masked.size() == 1
                                ? "Key " + masked.getFirst().key() + " comes"
                                : "Keys " + masked.getFirst().key() + " to "
                                        + masked.getLast().key() + " come")
                        + " after the query (position " + s.place().query() + "): what cannot be"
                        + " seen gets the score −∞, and exp(−∞) = 0. The model learns to say the next token, so it"
                        + " must not see it.");
        if (s.softmax().cells().get(s.place().key()).masked()) {
            out.println(format(
                    "  The key shown here is one of them: its score would be %.7f and is −∞.",
                    s.products().score()));
        }
    }

    private void softmax(PrintWriter out) {
        Steps.Softmax m = s.softmax();
        title(out, 6, "The softmax: weight = exp(score − max) / sum");
        out.println(heat.faint(
                "    key  token                       q·k      score  score − max" + "          exp       weight"));
        Set<Integer> told = told();
        int masked = 0;
        int left = 0;
        for (Steps.Cell c : m.cells()) {
            if (c.masked()) {
                masked++;
            } else if (!told.contains(c.key())) {
                left++;
            } else {
                String line = format(
                        "  %5d  %s %10.4f %10.5f  %11.5f  %11.8f  %11.8f",
                        c.key(),
                        Printable.fit(prompt.labels().get(c.key()).quoted(), 18),
                        c.dot(),
                        c.score(),
                        c.shifted(),
                        c.exp(),
                        c.weight());
                out.println(c.key() == s.place().key() ? heat.strong(line) : line);
            }
        }
        if (left > 0) {
            out.println("         … " + left + " keys with smaller weights left out (--csv has all)");
        }
        if (masked > 0) {
            out.println(
                    "         … " + masked + (masked == 1 ? " later key" : " later keys") + ": −∞, exp 0, weight 0");
        }
        out.println(format(
                "  max %.7f; sum of exp %.7f; log-sum-exp %.7f, in the run %.7f",
                m.max(), m.sum(), m.lse(), m.runLse()));
        difference(out, m.difference());
    }

    private Set<Integer> told() {
        var told = new LinkedHashSet<Integer>(s.softmax().cells().stream()
                .filter(c -> !c.masked())
                .sorted(Comparator.comparingDouble((Steps.Cell c) -> -c.weight()))
                .limit(MOST_KEYS)
                .map(Steps.Cell::key)
                .toList());
        told.add(s.place().key());
        return told;
    }

    private void weighted(PrintWriter out) {
        Steps.Weighted w = s.weighted();
        title(out, 7, "z = Σ weight · value");
        for (Steps.Part part : w.parts()) {
            vector(out, format("%.7f · v of %s", part.weight(), token(part.key())), part.product());
        }
        if (w.restKeys() > 0) {
            vector(out, w.restKeys() + " other keys together", w.rest());
        }
        vector(out, "z, the sum", w.run());
        difference(out, w.difference());
        out.println("  all rows of this head: " + w.parity());
    }

    private void output(PrintWriter out) {
        Steps.Output o = s.output();
        title(out, 8, "z·Wo: what this head writes, through its own slice of Wo");
        vector(out, "head " + s.place().head(), o.head());
        out.println("  length of what each head writes");
        var line = new StringBuilder(" ");
        for (int h = 0; h < o.norms().length; h++) {
            String text = format("  %d: %.4f", h, o.norms()[h]);
            if (line.length() + text.length() > columns) {
                out.println(line);
                line = new StringBuilder(" ");
            }
            line.append(h == s.place().head() ? heat.strong(text) : text);
        }
        out.println(line);
        vector(out, "attention: the sum of all heads" + (o.bias().length > 0 ? " and the bias" : ""), o.run());
        difference(out, o.difference());
    }

    private void sum(PrintWriter out) {
        title(out, 9, "The residual: what came in, plus attention");
        vector(out, "residual + attention", s.sum().run());
        out.println(format(
                "  length: residual %.4f, attention %.4f, sum %.4f",
                length(s.sum().residual()),
                length(s.sum().attention()),
                length(s.sum().run())));
        difference(out, s.sum().difference());
    }

    private static double length(double[] v) {
        return Math.sqrt(Arrays.stream(v).map(a -> a * a).sum());
    }

    private void effect(PrintWriter out) {
        title(out, 10, "The effect on the next token after " + token(s.place().query()));
        paragraph(
                out,
                "  ",
                "direct: the head's part is taken out of the residual that leaves the last block; the last norm and"
                    + " the head of the model are applied to what is left: logits(residual) − logits(residual − z·Wo)."
                    + " The layers between stay as they are.");
        effect(out, s.effect().direct());
        difference(out, s.effect().difference());
        out.println("  total: the model runs again with this head switched off at every token.");
        effect(out, s.effect().total());
    }

    private void effect(PrintWriter out, LogitEffect effect) {
        out.println(heat.faint(
                "       id  token               logit with    without      effect" + "   probability with  without"));
        var shown = new LinkedHashSet<LogitEffect.Change>(effect.top(5));
        shown.addAll(effect.falling(3));
        shown.addAll(effect.rising(3));
        for (LogitEffect.Change c : shown) {
            out.println(format(
                    "    %5d  %s %11.5f %10.5f %11.5f          %.6f %.6f",
                    c.id(),
                    Printable.fit(prompt.label(c.id()).quoted(), 18),
                    c.logitBefore(),
                    c.logitAfter(),
                    c.logitBefore() - c.logitAfter(),
                    c.probabilityBefore(),
                    c.probabilityAfter()));
        }
        out.println(format("  change of the whole prediction (Kullback–Leibler): %.6f nats", effect.divergence()));
    }

    /// Prose, broken at the terminal's width.
    private void paragraph(PrintWriter out, String indent, String text) {
        var line = new StringBuilder(indent);
        for (String word : text.split(" ")) {
            if (line.length() > indent.length() && Printable.width(line + word) >= columns) {
                out.println(line.toString().stripTrailing());
                line = new StringBuilder(indent);
            }
            line.append(word).append(' ');
        }
        out.println(line.toString().stripTrailing());
    }

    private void vector(PrintWriter out, String name, double[] v) {
        out.println("  " + name + " [" + v.length + "]");
        int perLine = Math.max(1, (columns - 10) / 10);
        perLine = perLine >= 8 ? perLine / 8 * 8 : perLine;
        for (int from = 0; from < v.length; from += perLine) {
            var line = new StringBuilder(format("  %6d ", from));
            for (int i = from; i < Math.min(v.length, from + perLine); i++) {
                line.append(format(" %9s", number(v[i])));
            }
            out.println(line);
        }
    }

    private void difference(PrintWriter out, double difference) {
        out.println(heat.faint(format("  ± %.1e", difference)));
    }

    /// At most nine characters with five or so digits that count.
    private static String number(double v) {
        double size = Math.abs(v);
        if (v == 0) {
            return "0";
        }
        if (size < 1e-4 || size >= 1e6) {
            return format("%.2e", v);
        }
        return size < 100 ? format("%.5f", v) : format("%.2f", v);
    }

    private static String format(String format, Object... values) {
        return String.format(Locale.ROOT, format, values);
    }
}
