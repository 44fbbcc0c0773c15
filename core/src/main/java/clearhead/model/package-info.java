/// Model families: a checkpoint's names and configuration to a tree of layers.
@NullMarked
package clearhead.model;

import org.jspecify.annotations.NullMarked;
