/// What is shown of a run, as text and JSON, for the command line and the server alike, so that both
/// show the same numbers.
@NullMarked
package clearhead.view;

import org.jspecify.annotations.NullMarked;
