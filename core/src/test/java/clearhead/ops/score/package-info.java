@NullMarked
package clearhead.ops.score;

import org.jspecify.annotations.NullMarked;
