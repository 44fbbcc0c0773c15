package clearhead.inspect;

import java.util.Arrays;
import java.util.Locale;
import java.util.stream.Collectors;

/// What is measured of a head on one text. a(i, j) is the weight that query i gives to key j, id(j) the
/// token at j, and a mean is over those queries i ≥ 1 where what is measured exists (query 0 can look
/// only at itself). Where it exists nowhere, there is no value.
public enum HeadMetric {
    /// Elhage et al. 2021, "previous token heads".
    PREVIOUS_TOKEN(
            "Previous token",
            "mean weight on the token just before",
            "mean over i ≥ 1 of a(i, i − 1)",
            "Elhage et al. 2021, A Mathematical Framework for Transformer Circuits",
            "",
            0,
            1),
    /// The diagonal of the pattern.
    SELF(
            "Self",
            "mean weight on the query's own token",
            "mean over i ≥ 1 of a(i, i)",
            "Clark et al. 2019, arXiv:1906.04341, section 3.1",
            "",
            0,
            1),
    /// The attention sink.
    FIRST_TOKEN(
            "First token",
            "mean weight on the first token of the text: the attention sink",
            "mean over i ≥ 1 of a(i, 0)",
            "Xiao et al. 2023, arXiv:2309.17453, section 3.1",
            "",
            0,
            1),
    /// Earlier occurrences of the query's own id.
    DUPLICATE_TOKEN(
            "Duplicate token",
            "mean weight on earlier tokens with the query's own id, over queries that have one",
            "mean over i with an earlier id(i) of Σ a(i, j) over j < i, id(j) = id(i)",
            "Wang et al. 2022, arXiv:2211.00593, section 3",
            "",
            0,
            1),
    /// The token after an earlier occurrence, on the text itself.
    INDUCTION(
            "Induction",
            "mean weight on tokens that follow an earlier occurrence of the query's own id, over queries that have one",
            "mean over such i of Σ a(i, j) over 1 ≤ j < i, id(j − 1) = id(i)",
            "Olsson et al. 2022, arXiv:2209.11895 (prefix matching)",
            "",
            0,
            1),
    /// The same on random tokens said twice.
    RANDOM_INDUCTION(
            "Induction, random tokens",
            "the same on random tokens said twice: no meaning, only the repetition can be followed",
            "mean over the second half's i of a(i, i − period + 1)",
            "Olsson et al. 2022, arXiv:2209.11895 (prefix matching on repeated random tokens)",
            "",
            0,
            1),
    /// Of a row, in nats.
    ENTROPY(
            "Entropy",
            "mean entropy of the rows: 0 where a query looks at one key only",
            "mean over i ≥ 1 of −Σ a(i, j)·ln a(i, j)",
            "Clark et al. 2019, arXiv:1906.04341, section 3.2",
            "nats",
            0,
            Double.POSITIVE_INFINITY),
    /// Entropy against the largest that the row could have.
    ENTROPY_SHARE(
            "Entropy, share",
            "mean entropy of the rows, each divided by ln(keys it can see): 1 where all keys weigh the same",
            "mean over i that see at least two keys of entropy(i) / ln(keys that i sees)",
            "Shannon 1948",
            "",
            0,
            1),
    /// In tokens.
    DISTANCE(
            "Mean distance",
            "how far back it looks on average",
            "mean over i ≥ 1 of Σ a(i, j)·|i − j|",
            "Vig and Belinkov 2019, arXiv:1906.04284, section 4.3",
            "tokens",
            0,
            Double.POSITIVE_INFINITY),
    /// Of a row.
    MAX_WEIGHT(
            "Largest weight",
            "mean of the largest weight of each row",
            "mean over i ≥ 1 of max over j of a(i, j)",
            "Voita et al. 2019, arXiv:1905.09418 (confidence)",
            "",
            0,
            1),
    /// What is written.
    OUTPUT_NORM(
            "Output norm",
            "mean length of what the head adds to the residual stream, over all tokens",
            "mean over i ≥ 0 of ‖z(i)·Wo‖, z(i) = Σ a(i, j)·v(j)",
            "Kobayashi et al. 2020, arXiv:2004.10102, section 3",
            "",
            0,
            Double.POSITIVE_INFINITY),
    /// On the logit of the token that the model predicts.
    DIRECT_EFFECT(
            "Direct effect",
            "what the head says itself for the token predicted: its part of the last residual through the last norm,"
                    + " its divisor kept, and the head's matrix; not what later layers make of it",
            "u·norm(z(i)·Wo) at one position i, u = row of the predicted token",
            "Elhage et al. 2021; nostalgebraist 2020 (direct logit attribution)",
            "logits",
            Double.NEGATIVE_INFINITY,
            Double.POSITIVE_INFINITY);

    private final String title;
    private final String definition;
    private final String formula;
    private final String paper;
    private final String unit;
    private final double least;
    private final double most;

    HeadMetric(String title, String definition, String formula, String paper, String unit, double least, double most) {
        this.title = title;
        this.definition = definition;
        this.formula = formula;
        this.paper = paper;
        this.unit = unit;
        this.least = least;
        this.most = most;
    }

    /// The name in files, addresses and on the command line: `previous_token`.
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

    /// In symbols.
    public String formula() {
        return formula;
    }

    /// Where it comes from.
    public String paper() {
        return paper;
    }

    /// `nats`, `tokens`, `logits`, or nothing.
    public String unit() {
        return unit;
    }

    /// Smallest value there can be.
    public double least() {
        return least;
    }

    /// Largest value there can be.
    public double most() {
        return most;
    }

    /// The metric of a name.
    ///
    /// @throws IllegalArgumentException that lists the names
    public static HeadMetric named(String label) {
        return Arrays.stream(values())
                .filter(m -> m.label().equals(label.replace('-', '_')))
                .findFirst()
                .orElseThrow(() -> new IllegalArgumentException("no metric \"" + label + "\"; wanted one of "
                        + Arrays.stream(values()).map(HeadMetric::label).collect(Collectors.joining(", "))));
    }
}
