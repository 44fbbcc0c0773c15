/// The `vector` backend: kernels on the Vector API, on all cores. The only package that imports
/// `jdk.incubator.vector`.
@NullMarked
package clearhead.ops.cpu.vector;

import org.jspecify.annotations.NullMarked;
