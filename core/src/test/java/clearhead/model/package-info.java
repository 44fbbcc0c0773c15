/// Models against the reference implementations.
@NullMarked
package clearhead.model;

import org.jspecify.annotations.NullMarked;
