/// The operations a transformer needs, and the devices that run them.
@NullMarked
package clearhead.ops;

import org.jspecify.annotations.NullMarked;
