/// What tests of several packages share: the folder of shared reference data.
@NullMarked
package clearhead.testing;

import org.jspecify.annotations.NullMarked;
