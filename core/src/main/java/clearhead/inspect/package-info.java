/// What a run computed: traces, pattern rows, interventions.
@NullMarked
package clearhead.inspect;

import org.jspecify.annotations.NullMarked;
