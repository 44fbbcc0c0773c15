/// The kinds of models there are, one small file each.
@NullMarked
package clearhead.model.families;

import org.jspecify.annotations.NullMarked;
