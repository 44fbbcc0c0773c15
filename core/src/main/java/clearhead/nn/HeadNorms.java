package clearhead.nn;

/// What an attention layer does to its heads' queries, keys and values at one place.
public record HeadNorms(HeadNorm query, HeadNorm key, HeadNorm value) {
    public static final HeadNorms NONE = new HeadNorms(HeadNorm.NONE, HeadNorm.NONE, HeadNorm.NONE);

    /// Queries and keys only.
    public static HeadNorms of(HeadNorm query, HeadNorm key) {
        return new HeadNorms(query, key, HeadNorm.NONE);
    }

    Projections.Made forward(ForwardPass pass, Projections.Made made) {
        return new Projections.Made(
                query.forward(pass, made.query()), key.forward(pass, made.key()), value.forward(pass, made.value()));
    }
}
