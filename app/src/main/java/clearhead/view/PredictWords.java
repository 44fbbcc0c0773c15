package clearhead.view;

import clearhead.inspect.Contributions;
import clearhead.inspect.Lens;
import clearhead.inspect.Prediction;
import clearhead.sampling.Sampling;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;

/// Predictions, lens and contributions in words.
public final class PredictWords {
    private PredictWords() {}

    /// The most likely token, and what the rules leave.
    public static String sentence(Prompt prompt, int query, Prediction p) {
        Prediction.Entry best = p.ranked(1);
        var text = new StringBuilder("After " + at(prompt, query) + " the most likely next token is "
                + prompt.label(best.id()).quoted() + " with probability " + figure(best.probability()));
        Sampling s = p.sampling();
        if (p.kept() < p.vocab()) {
            var rules = new ArrayList<String>();
            p.lines().forEach(line -> rules.add(rule(line.rule(), s)));
            text.append("; ").append(String.join(", ", rules)).append(p.lines().size() == 1 ? " leaves " : " leave ");
            text.append(p.kept()).append(" of ").append(p.vocab()).append(" tokens");
            if (p.kept() > 1) {
                text.append(", and ").append(prompt.label(best.id()).quoted());
                text.append(" is drawn with ").append(figure(best.drawn()));
            }
        } else if (s.temperature() != 1) {
            text.append("; at temperature ").append(plain(s.temperature())).append(" it is drawn with ");
            text.append(figure(best.drawn()));
        }
        return text.append('.').toString();
    }

    /// `top-p 0.9`.
    public static String rule(Prediction.Cut rule, Sampling s) {
        return switch (rule) {
            case TOP_K -> "top-k " + s.topK();
            case TOP_P -> "top-p " + plain(s.topP());
            case MIN_P -> "min-p " + plain(s.minP());
            case GREEDY -> "temperature 0";
            case NONE -> "no rule";
        };
    }

    /// From where on the last prediction is the likeliest, in one column of the grid.
    ///
    /// @param places rows of the grid
    /// @param column one cell of each
    public static String sentence(Prompt prompt, List<Lens.Place> places, List<Lens.Cell> column) {
        Lens.Cell last = column.getLast();
        int from = column.size() - 1;
        while (from > 0 && column.get(from - 1).id() == last.id()) {
            from--;
        }
        var text = new StringBuilder("After " + at(prompt, last.position()) + " the model predicts "
                + prompt.label(last.id()).quoted() + " (" + figure(last.probability()) + "), which the lens reads ");
        text.append(from == column.size() - 1 ? "only " : "").append(where(places.get(from)));
        text.append(from == column.size() - 1 ? "" : " and from there on");
        column.getFirst()
                .watched()
                .ifPresent(first -> text.append("; ")
                        .append(prompt.label(first.id()).quoted())
                        .append(" goes from rank ")
                        .append(first.rank())
                        .append(" at the embedding to rank ")
                        .append(last.watched().orElseThrow().rank()));
        return text.append('.').toString();
    }

    /// `after layer 3`.
    public static String where(Lens.Place place) {
        return switch (place.site()) {
            case RESID_PRE -> "at the embedding";
            case RESID_MID -> "after the attention of layer " + place.layer();
            default -> "after layer " + place.layer();
        };
    }

    /// The sum, and the parts that say most.
    public static String sentence(Prompt prompt, Contributions c) {
        var text = new StringBuilder(
                subject(prompt, c) + " = " + figure(c.logit()) + " after " + at(prompt, c.position()));
        c.parts().stream()
                .max(Comparator.comparingDouble(Contributions.Part::value))
                .filter(p -> p.value() > 0)
                .ifPresent(p -> text.append("; most for it says ").append(said(p)));
        c.parts().stream()
                .min(Comparator.comparingDouble(Contributions.Part::value))
                .filter(p -> p.value() < 0)
                .ifPresent(p -> text.append("; most against it ").append(said(p)));
        return text.append(". Only what each part says directly to the last layer is counted.")
                .toString();
    }

    /// `logit(a) − logit(b)`.
    public static String subject(Prompt prompt, Contributions c) {
        String a = "logit(" + prompt.label(c.a()).quoted() + ")";
        return c.b().isEmpty()
                ? a
                : a + " − logit(" + prompt.label(c.b().getAsInt()).quoted() + ")";
    }

    private static String said(Contributions.Part part) {
        return name(part) + " (" + (part.value() > 0 ? "+" : "") + figure(part.value()) + ")";
    }

    /// `layer 3, head 1`.
    public static String name(Contributions.Part part) {
        return switch (part.kind()) {
            case TOKEN -> "the token's embedding";
            case POSITION -> "the position's vector";
            case HEAD -> "layer " + part.layer() + ", head " + part.head();
            case MIXER -> "layer " + part.layer() + ", state";
            case ATTENTION_BIAS -> "layer " + part.layer() + ", bias of attention";
            case MLP -> "layer " + part.layer() + ", MLP";
            case CHANGE -> "the change in layer " + part.layer();
            case NORM_BIAS -> "the last norm's bias";
            case OUTPUT_BIAS -> "the output bias";
        };
    }

    static String at(Prompt prompt, int position) {
        return prompt.labels().get(position).quoted() + " (position " + position + ")";
    }

    /// Three digits after the point; small numbers with an exponent; the true minus.
    static String figure(double value) {
        String text = value != 0 && Math.abs(value) < 0.0005
                ? String.format(Locale.ROOT, "%.1e", value)
                : String.format(Locale.ROOT, "%.3f", value);
        return text.replace('-', '−');
    }

    private static String plain(double value) {
        return value == Math.rint(value) && Math.abs(value) < 1e9
                ? Long.toString((long) value)
                : Double.toString(value);
    }
}
