package clearhead.model.families;

import clearhead.io.Json;
import clearhead.model.Config;
import clearhead.model.Family;
import clearhead.model.Parts;
import clearhead.nn.Network;
import clearhead.nn.Positions;
import java.util.List;
import java.util.Map;
import java.util.function.IntPredicate;

/// EXAONE 4: norms behind attention and MLP and on each head's queries and keys; the layers without a
/// window have no rotary positions. LG AI Research 2025, arXiv:2507.11407.
final class Exaone4 implements Family {
    @Override
    public List<String> names() {
        return List.of("exaone4");
    }

    @Override
    public String transformersClass() {
        return "Exaone4ForCausalLM";
    }

    @Override
    public Network build(Config config, Parts p) {
        Config c = config.withDefaults(Map.of("rms_norm_eps", 1e-5, "sliding_window", 4096));
        var s = LlamaSizes.of(c);
        var kinds = LayerKinds.of(c, s.layers(), pattern(c));
        Positions rope = p.rope(c, s.headDim(), s.context());
        return s.decoder(p, c, rope, (layer, i) -> {
            Positions own = kinds.window() == 0 || kinds.slides(i) ? rope : new Positions.None();
            Parts at = layer.at("self_attn.");
            var attention =
                    s.asStored(at, kinds.of(s.causal(), i), own, false, false).withNormsBefore(s.perHead(at));
            return s.normsBehind(layer, attention, s.gated(layer.at("mlp.")));
        });
    }

    /// Which layers slide: a number, every how many one does not, or letters (`LLLG`: G does not).
    private static IntPredicate pattern(Config c) {
        var found = c.json().find("sliding_window_pattern");
        if (found.isPresent() && found.get() instanceof Json.Text) {
            String letters = c.json().text("sliding_window_pattern");
            return i -> !letters.isEmpty() && letters.charAt(i % letters.length()) == 'L';
        }
        int every = c.json().integer("sliding_window_pattern", 4);
        return i -> every > 0 && (i + 1) % every != 0;
    }
}
