package clearhead.app;

import clearhead.inspect.Change;
import clearhead.inspect.HeadSweep;
import clearhead.inspect.LogitEffect;
import clearhead.view.ChangeWords;
import clearhead.view.Printable;
import clearhead.view.Prompt;
import java.io.PrintWriter;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;

/// What changes do to a prediction, for people.
final class AblateText {
    private final PrintWriter out;
    private final OpenModel open;
    private final Prompt prompt;
    private final int row;
    private final int top;
    private final Heat heat = Heat.of(Terminal.current().color(), System.getenv());

    AblateText(PrintWriter out, OpenModel open, Prompt prompt, int row, int top) {
        this.out = out;
        this.open = open;
        this.prompt = prompt;
        this.row = row;
        this.top = top;
    }

    void print(AblateCommand.Result result) {
        out.println(open.describe());
        out.println();
        result.effect().ifPresent(effect -> effect(words(result), effect));
        if (result.effect().isEmpty()) {
            sweep(result);
        }
    }

    private String words(AblateCommand.Result result) {
        return words(result.changes().changes());
    }

    private String words(List<Change> changes) {
        var words = new ChangeWords(prompt);
        return changes.stream().map(words::of).collect(Collectors.joining("; "));
    }

    private void effect(String words, LogitEffect effect) {
        LogitEffect.Change best = effect.of(effect.best());
        out.println(heat.strong(String.format(
                Locale.ROOT,
                "%s: after %s, the probability of %s goes from %.4f to %.4f",
                words,
                prompt.labels().get(row).quoted(),
                prompt.label(best.id()).quoted(),
                best.probabilityBefore(),
                best.probabilityAfter())));
        out.println(heat.faint("     id  token                   logit before      after      change"
                + "   probability before   after"));
        for (LogitEffect.Change c : effect.top(top)) {
            out.println(String.format(Locale.ROOT, "  %5d  ", c.id())
                    + Printable.fit(prompt.label(c.id()).quoted(), 22)
                    + String.format(
                            Locale.ROOT,
                            "  %12.5f %10.5f  %+10.5f             %.6f %.6f",
                            c.logitBefore(),
                            c.logitAfter(),
                            c.logit(),
                            c.probabilityBefore(),
                            c.probabilityAfter()));
        }
        out.println(String.format(
                Locale.ROOT,
                "change of the whole prediction (Kullback–Leibler, before against after): %.6f nats",
                effect.divergence()));
    }

    private void sweep(AblateCommand.Result result) {
        List<HeadSweep.Effect> effects = result.heads();
        LogitEffect.Change best = effects.getFirst().best();
        String token = prompt.label(best.id()).quoted();
        out.println(heat.strong(String.format(
                Locale.ROOT,
                "every head %s, one at a time%s: after %s, %s has probability %.4f",
                result.what(),
                result.changes().isEmpty() ? "" : " (in all runs: " + words(result) + ")",
                prompt.labels().get(row).quoted(),
                token,
                best.probabilityBefore())));
        out.println(heat.faint(
                "  layer  head  change (nats)  probability of " + token + "  change of its logit  likeliest then"));
        for (HeadSweep.Effect e : effects.subList(0, Math.min(top, effects.size()))) {
            LogitEffect.Change then = e.top().stream()
                    .max(Comparator.comparingDouble(LogitEffect.Change::probabilityAfter))
                    .orElseThrow();
            out.println(String.format(
                    Locale.ROOT,
                    "  %5d  %4d  %13.6f  %14.6f %s  %+19.5f  %s",
                    e.layer(),
                    e.head(),
                    e.divergence(),
                    e.best().probabilityAfter(),
                    " ".repeat(Printable.width(token)),
                    e.best().logit(),
                    prompt.label(then.id()).quoted()));
        }
        if (effects.size() > top) {
            out.println("  … " + (effects.size() - top) + " heads that change less (--top shows more)");
        }
    }
}
