@NullMarked
package clearhead.tensor;

import org.jspecify.annotations.NullMarked;
