package clearhead.model.families;

import clearhead.model.Parts;
import clearhead.ops.AttentionSpec;
import clearhead.ops.Bias;
import clearhead.tensor.Tensor;

/// ALiBi as Falcon RW was trained with it: slope·key, the slope and the product rounded to bfloat16, and divided
/// by √headDim as the scores are.
final class FalconAlibi {
    private FalconAlibi() {}

    static Bias of(Parts p, AttentionSpec spec, int context) {
        double[] slopes = Bias.Alibi.of(spec.heads()).slopes();
        Tensor table = Tensor.zeros(p.arena(), p.type(), spec.heads(), 1, context);
        for (int h = 0; h < spec.heads(); h++) {
            for (int key = 0; key < context; key++) {
                table.set((long) h * context + key, rounded(rounded(slopes[h]) * key) * spec.scale());
            }
        }
        return new Bias.Added(table);
    }

    private static double rounded(double x) {
        int bits = Float.floatToRawIntBits((float) x);
        return Float.intBitsToFloat(bits + 0x7fff + (bits >>> 16 & 1) & 0xffff0000);
    }
}
