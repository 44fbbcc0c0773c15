package clearhead.app;

import clearhead.inspect.Alignment;
import clearhead.inspect.Comparison;
import clearhead.inspect.LogitEffect;
import clearhead.inspect.NextTokens;
import clearhead.view.ChangeWords;
import clearhead.view.Printable;
import clearhead.view.Prompt;
import java.io.PrintWriter;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;

/// A comparison, for people.
final class CompareText {
    private final PrintWriter out;
    private final CompareCommand.Compared compared;
    private final Comparison c;
    private final int top;
    private final Heat heat = Heat.of(Terminal.current().color(), System.getenv());

    CompareText(PrintWriter out, CompareCommand.Compared compared, Comparison c, int top) {
        this.out = out;
        this.compared = compared;
        this.c = c;
        this.top = top;
    }

    void print(double[] logitsA, double[] logitsB) {
        out.println("A  " + compared.openA().describe());
        out.println("   " + text(compared.a()));
        out.println("B  " + compared.openB().describe());
        out.println("   " + text(compared.b()));
        if (!compared.changes().isEmpty()) {
            var words = new ChangeWords(compared.b());
            out.println("   with "
                    + compared.changes().changes().stream().map(words::of).collect(Collectors.joining("; ")));
        }
        out.println(alignment());
        out.println();
        prediction(logitsA, logitsB);
        out.println();
        heads();
        out.println();
        arrows();
    }

    private static String text(Prompt prompt) {
        String joined = prompt.labels().stream().map(Prompt.Label::text).collect(Collectors.joining("|"));
        return Printable.fit(joined, Math.min(100, Printable.width(joined)));
    }

    private String alignment() {
        long same = count(Alignment.Kind.SAME);
        long replaced = count(Alignment.Kind.REPLACED);
        String which = c.alignment().spans().stream()
                .filter(s -> s.kind() == Alignment.Kind.REPLACED)
                .limit(5)
                .map(s -> joined(compared.a(), s.fromA(), s.toA()) + " → " + joined(compared.b(), s.fromB(), s.toB()))
                .collect(Collectors.joining(", "));
        return String.format(
                Locale.ROOT,
                "aligned: %d the same, %d replaced%s, %d only in A, %d only in B",
                same,
                replaced,
                replaced == 0 ? "" : " (" + which + (replaced > 5 ? ", …" : "") + ")",
                count(Alignment.Kind.ONLY_A),
                count(Alignment.Kind.ONLY_B));
    }

    private long count(Alignment.Kind kind) {
        return c.alignment().spans().stream().filter(s -> s.kind() == kind).count();
    }

    private static String joined(Prompt prompt, int from, int to) {
        return "`"
                + prompt.labels().subList(from, to).stream()
                        .map(Prompt.Label::text)
                        .collect(Collectors.joining("|"))
                + "`";
    }

    private void prediction(double[] logitsA, double[] logitsB) {
        String after = "after " + compared.a().labels().get(compared.at().a()).quoted() + " in A and "
                + compared.b().labels().get(compared.at().b()).quoted() + " in B";
        if (c.effect().isEmpty()) {
            out.println(heat.strong(after + " (the vocabularies differ: no token-by-token comparison)"));
            out.println("  A: " + likeliest(compared.a(), logitsA));
            out.println("  B: " + likeliest(compared.b(), logitsB));
            return;
        }
        LogitEffect effect = c.effect().get();
        out.println(heat.strong(
                String.format(Locale.ROOT, "%s, Kullback–Leibler from A to B: %.6f nats", after, effect.divergence())));
        out.println(heat.faint(
                "     id  token                   probability A         B      logit A         B" + "      change"));
        for (LogitEffect.Change t : effect.top(Math.min(top, 5))) {
            out.println(String.format(Locale.ROOT, "  %5d  ", t.id())
                    + Printable.fit(compared.a().label(t.id()).quoted(), 22)
                    + String.format(
                            Locale.ROOT,
                            "       %.6f  %.6f   %10.5f %9.5f  %+10.5f",
                            t.probabilityBefore(),
                            t.probabilityAfter(),
                            t.logitBefore(),
                            t.logitAfter(),
                            t.logit()));
        }
    }

    private String likeliest(Prompt prompt, double[] logits) {
        return NextTokens.top(logits, Math.min(top, 5)).stream()
                .map(t -> prompt.label(t.id()).quoted() + String.format(Locale.ROOT, " %.4f", t.probability()))
                .collect(Collectors.joining(", "));
    }

    private void heads() {
        out.println(heat.strong("heads that look elsewhere"
                + (c.rows() == c.of() ? "" : " (" + c.rows() + " of " + c.of() + " rows compared)")));
        out.println(heat.faint("  layer  head  distance  largest row   entropy A         B"));
        List<Comparison.Head> sorted = c.heads().stream()
                .sorted(Comparator.comparingDouble((Comparison.Head h) -> -h.distance()))
                .toList();
        for (Comparison.Head h : sorted.subList(0, Math.min(top, sorted.size()))) {
            out.println(String.format(
                    Locale.ROOT,
                    "  %5d  %4d  %8.5f  %11.5f  %10.5f  %8.5f",
                    h.layer(),
                    h.head(),
                    h.distance(),
                    h.largest(),
                    h.entropyA(),
                    h.entropyB()));
        }
        if (sorted.size() > top) {
            out.println("  … " + (sorted.size() - top) + " heads that differ less (--top shows more)");
        }
    }

    private void arrows() {
        out.println(heat.strong("weights that changed most"));
        if (c.arrows().isEmpty()) {
            out.println("  none");
            return;
        }
        out.println(heat.faint("  layer  head  query             key                      A         B    change"));
        for (Comparison.Arrow w : c.arrows()) {
            out.println(String.format(Locale.ROOT, "  %5d  %4d  ", w.layer(), w.head())
                    + Printable.fit(token(w.query()), 16) + "  " + Printable.fit(token(w.key()), 16)
                    + String.format(Locale.ROOT, "  %8.5f  %8.5f  %+8.5f", w.a(), w.b(), w.difference()));
        }
    }

    /// An aligned span as A has it.
    private String token(int span) {
        Alignment.Span s = c.alignment().spans().get(span);
        return joined(compared.a(), s.fromA(), s.toA()) + " (" + (s.toA() - 1) + ")";
    }
}
