package clearhead.bench;

import clearhead.measure.AttentionWork;
import java.io.IOException;

/// Another program or library that computes the same attention on the same inputs.
interface Peer extends AutoCloseable {
    /// A word for columns.
    String name();

    /// Name, version and what else decides its speed.
    String description();

    /// Why it cannot do this work; empty if it can.
    String obstacle(AttentionWork work);

    /// Whether its outputs are to be ours.
    default boolean computesTheSame() {
        return true;
    }

    /// Takes over inputs; the work taken before is forgotten.
    void take(AttentionWork work, AttentionWork.Inputs inputs, int threads) throws IOException;

    /// The output of one pass, in the order [batch, queries, heads, headDim].
    float[] output() throws IOException;

    /// Gives back what it took.
    void release();

    /// Seconds of the fastest of the passes of `seconds`, at least one.
    double fastest(double seconds) throws IOException;

    @Override
    void close();
}
