/// Model files: safetensors, GGUF, llama2.c.
@NullMarked
package clearhead.io;

import org.jspecify.annotations.NullMarked;
