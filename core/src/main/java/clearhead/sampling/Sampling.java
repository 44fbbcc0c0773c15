package clearhead.sampling;

/// How the next token is chosen from its logits, in this order (llama.cpp's):
///
/// 1. `repeatPenalty`: logits of the tokens among the last [#REPEAT_WINDOW] (prompt included) are
///    divided by it if positive, multiplied if negative. Keskar et al. 2019, arXiv:1909.05858.
/// 2. `topK`: only the k most likely stay; 0 means all.
/// 3. `topP`: of these, the fewest whose probabilities add up to p stay; 1 means all. Holtzman et al.
///    2020, arXiv:1904.09751.
/// 4. `minP`: of these, only those at least minP times as likely as the first stay; 0 means all.
///    Nguyen et al. 2024, arXiv:2407.01082.
/// 5. `temperature`: logits are divided by it, and one token is drawn. 0 takes the most likely token
///    after step 1, of equals the one with the lowest id, and draws nothing.
///
/// Probabilities of steps 3 and 4 are those at temperature 1.
///
/// @param seed of the draws: same seed, same logits, same tokens, on every machine
public record Sampling(double temperature, int topK, double topP, double minP, double repeatPenalty, long seed) {

    /// How many tokens back a repetition counts.
    public static final int REPEAT_WINDOW = 64;

    /// Always the most likely token.
    public static final Sampling GREEDY = new Sampling(0, 0, 1, 0, 1, 0);

    public Sampling {
        require(temperature >= 0 && temperature < 1e6, "temperature", "0 or more", temperature);
        require(topK >= 0, "top-k", "0 (off) or more", topK);
        require(topP > 0 && topP <= 1, "top-p", "above 0, up to 1 (off)", topP);
        require(minP >= 0 && minP <= 1, "min-p", "0 (off) to 1", minP);
        require(repeatPenalty > 0 && repeatPenalty < 1e6, "repeat penalty", "above 0; 1 is off", repeatPenalty);
    }

    private static void require(boolean holds, String name, String wanted, double found) {
        if (!holds) {
            throw new IllegalArgumentException(name + ": wanted " + wanted + ", got " + found);
        }
    }
}
