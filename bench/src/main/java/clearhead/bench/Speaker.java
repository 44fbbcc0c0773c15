package clearhead.bench;

import java.io.IOException;

/// A program that continues a prompt with a model of language.
interface Speaker extends AutoCloseable {

    /// What a round gave.
    ///
    /// @param prefill tokens of the prompt a second
    /// @param decode tokens made a second, after the first
    record Speed(double prefill, double decode) {}

    /// A word for columns.
    String name();

    /// Version and what else decides its speed.
    String description();

    /// Continues a prompt of `prompt` tokens by `tokens`, greedily, with nothing remembered.
    Speed round(int prompt, int tokens) throws IOException;

    @Override
    void close();
}
