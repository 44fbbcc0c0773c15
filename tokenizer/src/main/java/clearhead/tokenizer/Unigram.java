package clearhead.tokenizer;

import java.util.Arrays;

/// The path through a text whose pieces have the highest sum of scores (Viterbi). Kudo 2018,
/// arXiv:1804.10959, eq. 2. Sums are doubles, as in sentencepiece 0.2.3,
/// and the first of equal paths stays: on texts of a megabyte the result depends on that.
final class Unigram {

    private static final float UNKNOWN_PENALTY = 10;

    private final Vocabulary vocabulary;
    private final double[] scores;
    private final double unknown;

    /// @param scores one a piece
    /// @param least the lowest of them; an unknown character has ten less
    Unigram(Vocabulary vocabulary, double[] scores, double least) {
        this.vocabulary = vocabulary;
        this.scores = scores;
        this.unknown = least - UNKNOWN_PENALTY;
    }

    /// As SentencePiece has it: scores are floats, and those of user-defined pieces follow from
    /// their length.
    static Unigram of(Vocabulary vocabulary, float[] scores, int[] types) {
        float low = Float.MAX_VALUE;
        float high = -Float.MAX_VALUE;
        for (int id = 0; id < scores.length; id++) {
            if (types[id] == 1) {
                low = Math.min(low, scores[id]);
                high = Math.max(high, scores[id]);
            }
        }
        var sums = new double[scores.length];
        for (int id = 0; id < scores.length; id++) {
            boolean user = types[id] == GgufVocabulary.USER_DEFINED;
            sums[id] = user ? vocabulary.length(id) * high - 0.1 : scores[id];
        }
        // In float, as there.
        float least = low - UNKNOWN_PENALTY;
        return new Unigram(vocabulary, sums, (double) least + UNKNOWN_PENALTY);
    }

    /// Cuts `text[from, end)`.
    ///
    /// @return start, end and id of each piece, one after the other; an id of −1 is an unknown
    ///     character
    int[] cut(byte[] text, int from, int end) {
        int size = end - from;
        var best = new double[size + 1];
        var start = new int[size + 1];
        var piece = new int[size + 1];
        Arrays.fill(start, -1);
        int at = 0;
        while (at < size) {
            int character = Math.max(1, Utf8.length(text, from + at, end));
            boolean known = false;
            int longest = Math.min(size, at + vocabulary.longest());
            for (int stop = at + 1; stop <= longest; stop++) {
                if (stop < size && text[from + stop] < -64) {
                    continue;
                }
                int id = vocabulary.find(text, from + at, from + stop);
                if (id < 0) {
                    continue;
                }
                double sum = scores[id] + best[at];
                if (start[stop] < 0 || sum > best[stop]) {
                    best[stop] = sum;
                    start[stop] = at;
                    piece[stop] = id;
                }
                known |= stop - at == character;
            }
            if (!known) {
                int stop = at + character;
                double sum = unknown + best[at];
                if (start[stop] < 0 || sum > best[stop]) {
                    best[stop] = sum;
                    start[stop] = at;
                    piece[stop] = -1;
                }
            }
            at += character;
        }
        int count = 0;
        for (int stop = size; stop > 0; stop = start[stop]) {
            count++;
        }
        var path = new int[3 * count];
        for (int stop = size; stop > 0; stop = start[stop]) {
            count--;
            path[3 * count] = from + start[stop];
            path[3 * count + 1] = from + stop;
            path[3 * count + 2] = piece[stop];
        }
        return path;
    }
}
