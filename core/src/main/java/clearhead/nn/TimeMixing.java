package clearhead.nn;

import clearhead.ops.Activation;
import clearhead.ops.Carried;
import clearhead.tensor.Shape;
import clearhead.tensor.Tensor;
import java.util.List;

/// RWKV 4's attention: an average of all earlier values, weighted by their keys and by time, let through by
/// a receptance. Peng et al. 2023, arXiv:2305.13048, section 3.1.
///
/// @param keyMix [dim], valueMix and receptanceMix alike: see [TokenShift]
/// @param decay [width], below 0
/// @param first [width]: bonus of the token itself
/// @param key [width, dim], value and receptance alike
/// @param output [dim, width]
public record TimeMixing(
        TokenShift shift,
        Tensor keyMix,
        Tensor valueMix,
        Tensor receptanceMix,
        Tensor decay,
        Tensor first,
        Linear key,
        Linear value,
        Linear receptance,
        Linear output)
        implements Mixer {
    @Override
    public Tensor forward(ForwardPass pass, int layer, Tensor x) {
        var ops = pass.ops();
        var shifted = shift.forward(pass, layer, 0, x);
        var k = key.forward(pass, shifted.mixed(pass, keyMix)); // [tokens, width]
        var v = value.forward(pass, shifted.mixed(pass, valueMix)); // [tokens, width]
        var r = receptance.forward(pass, shifted.mixed(pass, receptanceMix)); // [tokens, width]
        var before = pass.keyValues().state(ops, layer, 1);
        Carried y = ops.wkv(k, v, decay, first, pass.sequences(), before);
        pass.keyValues().keep(layer, 1, y.state());
        return output.forward(pass, ops.gate(Activation.SIGMOID, r, y.out()));
    }

    @Override
    public List<Shape> states() {
        return List.of(shift.state(), new Shape(3, decay.dim(0)));
    }
}
