/// Rules about the whole tree that no compiler checks.
@NullMarked
package clearhead.architecture;

import org.jspecify.annotations.NullMarked;
