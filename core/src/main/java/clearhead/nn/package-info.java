/// Layers as records over [clearhead.ops.Ops], and the taps through which they are seen.
@NullMarked
package clearhead.nn;

import org.jspecify.annotations.NullMarked;
