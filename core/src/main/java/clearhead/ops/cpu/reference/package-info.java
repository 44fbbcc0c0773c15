/// The `reference` backend: every operation as its equation reads, scalar, accumulated in double.
/// It is the oracle for every other backend, and runs where no other can.
@NullMarked
package clearhead.ops.cpu.reference;

import org.jspecify.annotations.NullMarked;
