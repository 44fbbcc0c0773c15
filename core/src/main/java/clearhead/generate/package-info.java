/// Text in, text out: cache, prefill, decode, samplers.
@NullMarked
package clearhead.generate;

import org.jspecify.annotations.NullMarked;
