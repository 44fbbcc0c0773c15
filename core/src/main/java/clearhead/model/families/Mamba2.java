package clearhead.model.families;

import clearhead.model.Config;
import clearhead.model.Family;
import clearhead.model.Parts;
import clearhead.nn.Network;
import java.util.List;

/// Mamba 2: state spaces whose heads fade by one factor each. Dao and Gu 2024, arXiv:2405.21060.
final class Mamba2 implements Family {
    @Override
    public List<String> names() {
        return List.of("mamba2");
    }

    @Override
    public String transformersClass() {
        return "Mamba2ForCausalLM";
    }

    @Override
    public Network build(Config c, Parts p) {
        int dim = c.size("hidden_size");
        int heads = c.size("num_heads", 128);
        int headDim = c.size("head_dim", 64);
        int width = Math.multiplyExact(c.size("expand", 2), dim);
        if (Math.multiplyExact(heads, headDim) != width) {
            throw c.json()
                    .wrong(
                            "num_heads",
                            "times head_dim " + headDim + " must be the width " + width + ", found " + heads);
        }
        int groups = c.size("n_groups", 8);
        if (heads % groups != 0) {
            throw c.json().wrong("n_groups", "must divide num_heads " + heads + ", found " + groups);
        }
        var parts = new DualParts(
                dim,
                heads,
                headDim,
                groups,
                c.size("state_size", 128),
                c.size("conv_kernel", 4),
                c.flag("use_bias", false),
                c.flag("use_conv_bias", true),
                c.activation("hidden_act", "silu"),
                c.positive("layer_norm_epsilon", 1e-5),
                DualParts.limit(c, 0),
                DualParts.limit(c, 1));
        return MambaBackbone.of(c, p, layer -> parts.mixer(layer.at("mixer.")));
    }
}
