/// Learning: tape, optimizer, data, checkpoints.
@NullMarked
package clearhead.train;

import org.jspecify.annotations.NullMarked;
