/// ONNX's published node tests, run on our operations.
@NullMarked
package clearhead.onnx;

import org.jspecify.annotations.NullMarked;
