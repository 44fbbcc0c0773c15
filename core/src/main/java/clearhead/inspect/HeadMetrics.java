package clearhead.inspect;

/// What a head does on average on one text. Means are over the queries after the first, which can
/// look only at itself.
///
/// @param previousToken mean weight on the token just before; near 1 for a previous-token head
/// @param firstToken mean weight on the first token: the attention sink
/// @param self mean weight on the query's own token
/// @param entropy mean entropy of the rows, in nats
public record HeadMetrics(double previousToken, double firstToken, double self, double entropy) {

    public static HeadMetrics of(PatternRows rows, int head) {
        double previous = 0;
        double first = 0;
        double self = 0;
        double entropy = 0;
        int count = 0;
        for (int i = 0; i < rows.queries(); i++) {
            int position = rows.position(i);
            if (position == 0) {
                continue;
            }
            AttentionRow row = rows.row(head, i);
            previous += row.weights()[position - 1];
            first += row.weights()[0];
            self += row.weights()[position];
            entropy += row.entropy();
            count++;
        }
        return count == 0
                ? new HeadMetrics(0, 0, 0, 0)
                : new HeadMetrics(previous / count, first / count, self / count, entropy / count);
    }

    /// Mean weight that queries of the second half give to the token after their own earlier
    /// occurrence, in a sequence that repeats itself: 1 for a perfect induction head. Olsson et al.
    /// 2022, arXiv:2209.11895.
    ///
    /// @param rows pattern of `lead` tokens and then `period` tokens twice
    /// @param lead tokens before the first occurrence, such as a beginning-of-sequence token
    /// @param period tokens that are repeated
    public static double induction(PatternRows rows, int head, int lead, int period) {
        double sum = 0;
        for (int i = lead + period; i < lead + 2 * period; i++) {
            sum += rows.row(head, i).weights()[i - period + 1];
        }
        return sum / period;
    }
}
