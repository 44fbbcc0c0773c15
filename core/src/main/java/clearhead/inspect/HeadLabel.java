package clearhead.inspect;

import java.util.Locale;

/// A name for what a head does, given only where the evidence is strong; most heads have none.
///
/// Evidence is the mean weight on the label's cells, counted over those cells only that belong to no
/// other label: where the previous token is also the first, or a duplicate, it says nothing. A uniform
/// head would have some of it, too, so it is taken as the share of the way from the uniform head's to 1:
/// (evidence − uniform)/(1 − uniform), 0 for a uniform head and 1 for a perfect one. A label needs that
/// share to reach [#threshold], over at least [#ROWS] rows.
///
/// Duplicates and repetitions are too rare in most texts, and stand at too few distances, to tell a
/// head that follows them from one that looks a fixed way back; these two labels are decided on
/// [RepeatedTokens]. The others must hold there, too, and not only on the text, where the model's context
/// is long enough: with few rows, one head of hundreds may seem to do it by chance.
public enum HeadLabel {
    /// j = i − 1.
    PREVIOUS_TOKEN("previous token", "looks at the token just before", "a(i, i − 1)", 0.4, false),
    /// j = 0.
    FIRST_TOKEN("first token", "rests on the first token of the text (attention sink)", "a(i, 0)", 0.5, false),
    /// j = i.
    SELF("self", "looks at the query's own token", "a(i, i)", 0.4, false),
    /// id(j) = id(i).
    DUPLICATE_TOKEN("duplicate token", "looks at earlier tokens of the same id", "Σ a(i, j), id(j) = id(i)", 0.2, true),
    /// id(j − 1) = id(i).
    INDUCTION(
            "induction",
            "looks at what followed an earlier occurrence of the query's token",
            "Σ a(i, j), id(j − 1) = id(i)",
            0.2,
            true);

    /// Rows that a label needs.
    public static final int ROWS = 8;

    private final String title;
    private final String definition;
    private final String cells;
    private final double threshold;
    private final boolean repeated;

    HeadLabel(String title, String definition, String cells, double threshold, boolean repeated) {
        this.title = title;
        this.definition = definition;
        this.cells = cells;
        this.threshold = threshold;
        this.repeated = repeated;
    }

    /// The name in files: `previous_token`.
    public String label() {
        return name().toLowerCase(Locale.ROOT);
    }

    public String title() {
        return title;
    }

    /// In words.
    public String definition() {
        return definition;
    }

    /// What is counted, and how.
    public String formula() {
        return "(e − u)/(1 − u) ≥ " + threshold + ", e = mean of " + cells
                + " over cells of no other label, u = e of a uniform head, over at least " + ROWS + " rows"
                + (repeated ? " of random tokens said twice" : " of the text, and of random tokens said twice, too");
    }

    public double threshold() {
        return threshold;
    }

    /// Whether it is decided on [RepeatedTokens], and not on the text.
    public boolean repeated() {
        return repeated;
    }

    /// How much there is for a label, on one text.
    ///
    /// @param weight mean weight on the label's own cells; NaN without rows
    /// @param uniform the same of a head that gives all keys the same
    /// @param rows queries that have such cells
    public record Evidence(double weight, double uniform, int rows) {
        /// From 0, a uniform head, to 1; NaN without rows, or where a uniform head has all of it.
        public double share() {
            return rows == 0 || uniform >= 1 ? Double.NaN : (weight - uniform) / (1 - uniform);
        }
    }

    /// Whether the evidence is enough.
    public boolean holds(Evidence evidence) {
        return evidence.rows() >= ROWS && evidence.share() >= threshold;
    }
}
