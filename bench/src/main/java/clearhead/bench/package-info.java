@NullMarked
package clearhead.bench;

import org.jspecify.annotations.NullMarked;
