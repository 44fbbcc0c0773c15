@NullMarked
package clearhead.app;

import org.jspecify.annotations.NullMarked;
