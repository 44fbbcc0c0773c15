@NullMarked
package clearhead.tokenizer.template;

import org.jspecify.annotations.NullMarked;
