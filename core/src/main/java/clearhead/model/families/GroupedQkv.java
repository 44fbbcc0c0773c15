package clearhead.model.families;

import clearhead.model.Parameter.Rows;
import clearhead.model.Parts;
import clearhead.nn.Attention;
import clearhead.nn.Positions;
import clearhead.ops.AttentionSpec;

/// Attention whose checkpoint holds query, key and value in one matrix, a group of heads after the other:
/// the group's queries, then their key, then their value. BLOOM, GPT-NeoX, Falcon.
final class GroupedQkv {
    private GroupedQkv() {}

    /// @param stored the matrix, [kvHeads·(group + 2)·headDim, dim]
    /// @param output the name of Wo
    static Attention attention(
            Parts p, AttentionSpec spec, Positions positions, String stored, String output, boolean bias) {
        int headDim = spec.headDim();
        int dim = spec.heads() * headDim;
        int keys = spec.kvHeads() * headDim;
        int group = spec.heads() / spec.kvHeads() * headDim;
        int stride = group + 2 * headDim;
        int all = dim + 2 * keys;
        return new Attention(
                spec,
                positions,
                p.part("query", stored, new Rows(0, group, stride, all), dim, dim, bias),
                p.part("key", stored, new Rows(group, headDim, stride, all), keys, dim, bias),
                p.part("value", stored, new Rows(group + headDim, headDim, stride, all), keys, dim, bias),
                p.residual(output, dim, dim, bias));
    }
}
