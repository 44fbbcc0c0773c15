/// How the next token is chosen from its logits: the rules, which tokens each of them leaves, and the
/// draw. Used both to generate and to look at a prediction, so that the two never differ.
@NullMarked
package clearhead.sampling;

import org.jspecify.annotations.NullMarked;
