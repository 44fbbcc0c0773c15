/// Text in, text out.
@NullMarked
package clearhead.generate;

import org.jspecify.annotations.NullMarked;
