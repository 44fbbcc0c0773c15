/// Coverage-guided fuzzing of every reader of files.
@NullMarked
package clearhead.fuzz;

import org.jspecify.annotations.NullMarked;
