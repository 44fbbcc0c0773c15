package clearhead.inspect;

import clearhead.nn.Attention;
import clearhead.nn.Block;
import clearhead.nn.ForwardPass;
import clearhead.nn.Site;
import clearhead.nn.Transformer;
import clearhead.ops.Ops;
import clearhead.tensor.Tensor;
import java.util.HashMap;
import java.util.Map;

/// One text through a model with attention by plain loops over every cell, so that anything in it can be changed: what
/// [Interventions] are held against. In double precision on the reference backend.
class PlainRun {
    private final Transformer model;
    private final Ops ops;
    private final int[] ids;
    /// What there was at each site and layer, after its change.
    final Map<String, double[]> values = new HashMap<>();
    /// Weights of each layer, [heads][tokens][tokens]; 0 where masked.
    final Map<Integer, double[][][]> weights = new HashMap<>();

    PlainRun(Transformer model, Ops ops, int... ids) {
        this.model = model;
        this.ops = ops;
        this.ids = ids;
    }

    /// exp(score) of a cell as it counts in the row's sum.
    boolean inSum(int layer, int head, int query, int key) {
        return true;
    }

    /// Whether a cell's value is added.
    boolean adds(int layer, int head, int query, int key) {
        return inSum(layer, head, query, key);
    }

    /// Changes a value in place.
    ///
    /// @param value [tokens, …] of the site
    void change(Site site, int layer, double[] value) {}

    private Tensor at(Site site, int layer, Tensor t) {
        double[] value = t.toDoubles();
        change(site, layer, value);
        values.put(site.label() + "." + layer, value);
        for (int i = 0; i < value.length; i++) {
            t.set(i, value[i]);
        }
        return t;
    }

    /// @return [tokens, vocab]
    double[] logits() {
        var pass = ForwardPass.of(ops, ids);
        Tensor x = model.positions().embed(pass, ops.embed(model.embedding(), pass.ids()));
        for (int layer = 0; layer < model.layers(); layer++) {
            var block = (Block.PreNorm) model.blocks().get(layer);
            x = at(Site.RESID_PRE, layer, x);
            Tensor a = attention(
                    pass, block.attention(), layer, block.attentionNorm().forward(pass, x));
            x = at(Site.RESID_MID, layer, ops.add(x, at(Site.ATTN_OUT, layer, a)));
            Tensor m = block.mlp().forward(pass, layer, block.mlpNorm().forward(pass, x));
            x = at(Site.RESID_POST, layer, ops.add(x, at(Site.MLP_OUT, layer, m)));
        }
        return model.head().forward(pass, model.finalNorm().forward(pass, x)).toDoubles();
    }

    private Tensor attention(ForwardPass pass, Attention attention, int layer, Tensor x) {
        var spec = attention.spec();
        int tokens = ids.length;
        int d = spec.headDim();
        double[] q = attention
                .positions()
                .rotate(pass, attention.separate().query().forward(pass, x).reshape(tokens, spec.heads(), d))
                .toDoubles();
        double[] k = attention
                .positions()
                .rotate(pass, attention.separate().key().forward(pass, x).reshape(tokens, spec.kvHeads(), d))
                .toDoubles();
        double[] v = attention.separate().value().forward(pass, x).toDoubles();
        Tensor z = ops.workspace().take(x.type(), tokens, spec.heads() * d);
        var cells = new double[spec.heads()][tokens][tokens];
        weights.put(layer, cells);
        for (int h = 0; h < spec.heads(); h++) {
            int kv = spec.kvHead(h);
            for (int i = 0; i < tokens; i++) {
                double sum = 0;
                var out = new double[d];
                for (int j = 0; j <= i; j++) {
                    double dot = 0;
                    for (int e = 0; e < d; e++) {
                        dot += q[(i * spec.heads() + h) * d + e] * k[(j * spec.kvHeads() + kv) * d + e];
                    }
                    double exp = Math.exp(dot * spec.scale());
                    sum += inSum(layer, h, i, j) ? exp : 0;
                    cells[h][i][j] = adds(layer, h, i, j) ? exp : 0;
                    for (int e = 0; e < d && adds(layer, h, i, j); e++) {
                        out[e] += exp * v[(j * spec.kvHeads() + kv) * d + e];
                    }
                }
                for (int j = 0; j <= i; j++) {
                    cells[h][i][j] /= sum;
                }
                for (int e = 0; e < d; e++) {
                    z.set(((long) i * spec.heads() + h) * d + e, sum == 0 ? 0 : out[e] / sum);
                }
            }
        }
        return attention.output().forward(pass, at(Site.Z, layer, z));
    }
}
