package clearhead.inspect;

import clearhead.nn.ForwardPass;
import clearhead.nn.Probe;
import clearhead.nn.Site;
import clearhead.nn.Transformer;
import clearhead.ops.Ops;
import clearhead.tensor.Tensor;
import java.lang.foreign.Arena;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;

/// Keeps what a run computes at some sites of every layer.
final class KeptSites implements Probe {
    private final Arena arena;
    private final Set<Site> sites;
    private final Map<String, Tensor> values = new HashMap<>();

    KeptSites(Arena arena, Set<Site> sites) {
        this.arena = arena;
        this.sites = Set.copyOf(sites);
    }

    @Override
    public Interest wants(Site site, int layer) {
        return sites.contains(site) ? Interest.READ : Interest.NONE;
    }

    @Override
    public Tensor see(Site site, int layer, Tensor value) {
        values.put(site.label() + "." + layer, value.copy(arena));
        return value;
    }

    Tensor at(Site site, int layer) {
        Tensor t = values.get(site.label() + "." + layer);
        if (t == null) {
            throw new IllegalArgumentException(site.label() + " of layer " + layer + " is not kept");
        }
        return t;
    }

    /// Runs a text once.
    ///
    /// @return [tokens, vocab]: the logits, good until the workspace is reset
    Tensor run(Transformer model, Ops ops, int... ids) {
        return model.forward(ForwardPass.of(ops, ids).with(this));
    }
}
