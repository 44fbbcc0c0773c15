package clearhead.inspect;

import clearhead.nn.Site;
import clearhead.tensor.Tensor;

/// What a run computed at the places of its layers.
@FunctionalInterface
public interface Kept {
    /// The value at a site, for all tokens: [tokens, …].
    Tensor at(Site site, int layer);
}
