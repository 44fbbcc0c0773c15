/// Typed, shaped memory. No arithmetic.
@NullMarked
package clearhead.tensor;

import org.jspecify.annotations.NullMarked;
