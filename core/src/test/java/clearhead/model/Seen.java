package clearhead.model;

import clearhead.nn.Probe;
import clearhead.nn.Site;
import clearhead.ops.Ops;
import clearhead.tensor.Tensor;
import java.lang.foreign.Arena;
import java.util.HashMap;
import java.util.Map;

/// Keeps residuals, the final norm, and the patterns of one sequence rebuilt from query, keys and lse.
public final class Seen implements Probe {
    private final Map<String, float[]> values = new HashMap<>();
    private final Ops ops;
    private final int sequence;

    public Seen(Ops ops, int sequence) {
        this.ops = ops;
        this.sequence = sequence;
    }

    @Override
    public Interest wants(Site site, int layer) {
        return switch (site) {
            case RESID_PRE, RESID_POST, FINAL_NORM, PATTERN, CROSS_PATTERN -> Interest.READ;
            default -> Interest.NONE;
        };
    }

    @Override
    public Tensor see(Site site, int layer, Tensor value) {
        values.put(site.label() + (layer < 0 ? "" : "." + layer), value.toFloats());
        return value;
    }

    @Override
    public void attended(int layer, Attention attention) {
        keep("pattern." + layer, attention);
    }

    @Override
    public void crossAttended(int layer, Attention attention) {
        keep("cross_pattern." + layer, attention);
    }

    private void keep(String name, Attention attention) {
        int from = attention.queries().start(sequence);
        int to = attention.queries().start(sequence + 1);
        int heads = attention.spec().heads();
        try (var arena = Arena.ofShared()) {
            Tensor query = attention.query().rows(from, to).copy(arena);
            Tensor scores = ops.scores(query, attention.past(), sequence, attention.spec());
            int queries = scores.dim(1);
            int context = scores.dim(2);
            int tokens = attention.result().lse().dim(1);
            var pattern = new float[heads * queries * context];
            for (int h = 0; h < heads; h++) {
                for (int i = 0; i < queries; i++) {
                    double lse = attention.result().lse().at((long) h * tokens + from + i);
                    for (int j = 0; j < context; j++) {
                        int at = (h * queries + i) * context + j;
                        pattern[at] = (float) Math.exp(scores.at(at) - lse);
                    }
                }
            }
            values.put(name, pattern);
        }
    }

    public boolean has(String name) {
        return values.containsKey(name);
    }

    public float[] get(String name) {
        float[] found = values.get(name);
        if (found == null) {
            throw new IllegalStateException("not seen: " + name);
        }
        return found;
    }
}
