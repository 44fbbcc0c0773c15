package clearhead.model.families;

import clearhead.model.Parameter;
import clearhead.model.Parameter.Init;
import clearhead.model.Parameter.Rows;
import clearhead.model.Parameter.Stored;
import clearhead.model.Parts;
import clearhead.nn.CausalFilter;
import clearhead.nn.Linear;
import clearhead.tensor.Shape;
import clearhead.tensor.Tensor;
import java.util.List;
import java.util.Optional;

/// Short convolutions and projections of layers that store several side by side.
///
/// @param stored the convolution's name: `conv1d`, [channels, 1, kernel]
/// @param channels of all its parts
record FilterParts(Parts parts, String stored, int channels, int kernel, boolean bias) {

    /// The whole.
    CausalFilter whole() {
        return part(stored, 0, channels);
    }

    /// Some of its channels.
    ///
    /// @param own what to call them
    CausalFilter part(String own, int first, int count) {
        var rows = Rows.of(first, count, channels);
        Tensor weight = parts.vector(new Parameter(
                parts.name(own + ".weight"),
                new Shape(count, 1, kernel),
                Init.normal(0.02),
                List.of(Stored.part(parts.name(stored + ".weight"), rows))));
        Optional<Tensor> added = bias
                ? Optional.of(parts.vector(new Parameter(
                        parts.name(own + ".bias"),
                        new Shape(count),
                        Init.ZEROS,
                        List.of(Stored.part(parts.name(stored + ".bias"), rows)))))
                : Optional.empty();
        return new CausalFilter(weight.reshape(count, kernel), added);
    }

    /// `count` outputs of a linear layer of `all`.
    static Linear rows(Parts p, String own, String stored, int first, int count, int all, int in, boolean bias) {
        return p.part(own, stored, Rows.of(first, count, all), count, in, bias);
    }
}
