package clearhead.ops;

/// How quantized weights are multiplied. Weights of other types are multiplied in float32 under both.
public enum Arithmetic {
    /// float32 activations on dequantized weights.
    EXACT("exact", "float32 activations on dequantized weights"),
    /// Activations quantized to int8 in blocks of 32, with exact sums of integers.
    FAST("fast", "activations quantized to int8 in blocks of 32 where weights are quantized, float32 elsewhere");

    private final String word;
    private final String meaning;

    Arithmetic(String word, String meaning) {
        this.word = word;
        this.meaning = meaning;
    }

    /// `exact` or `fast`, as the option and the documents name it.
    public String word() {
        return word;
    }

    /// What it does, in a line.
    public String meaning() {
        return meaning;
    }

    /// The one of this name.
    ///
    /// @throws IllegalArgumentException if there is none
    public static Arithmetic of(String word) {
        for (Arithmetic a : values()) {
            if (a.word.equals(word)) {
                return a;
            }
        }
        throw new IllegalArgumentException("no arithmetic \"" + word + "\"; there are exact and fast");
    }
}
