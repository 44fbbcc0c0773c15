/// Work of known size to be timed, and what its times say.
@NullMarked
package clearhead.measure;

import org.jspecify.annotations.NullMarked;
