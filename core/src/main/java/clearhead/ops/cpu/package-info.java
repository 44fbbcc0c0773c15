/// What the backends for processors share.
@NullMarked
package clearhead.ops.cpu;

import org.jspecify.annotations.NullMarked;
