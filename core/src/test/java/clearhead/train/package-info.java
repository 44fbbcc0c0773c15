@NullMarked
package clearhead.train;

import org.jspecify.annotations.NullMarked;
