package clearhead.ops.score;

/// A score function failed. The message names the sequence, the head, the query and the key.
public final class ScoreException extends IllegalStateException {
    private static final long serialVersionUID = 1;

    public ScoreException(Place place, String what) {
        super(message(place, what));
    }

    public ScoreException(Place place, String what, Throwable cause) {
        super(message(place, what), cause);
    }

    private static String message(Place place, String what) {
        return "the score function " + what + " at head " + place.head() + ", query " + place.query() + ", key "
                + place.key() + " of sequence " + place.batch();
    }
}
