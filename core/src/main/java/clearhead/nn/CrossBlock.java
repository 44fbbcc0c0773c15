package clearhead.nn;

import clearhead.ops.KvView;
import clearhead.tensor.Tensor;

/// One layer of a decoder that reads another text: attention over its own tokens, attention over what
/// an encoder made, an MLP; each added to the residual stream. Vaswani et al. 2017, arXiv:1706.03762,
/// section 3.1.
public sealed interface CrossBlock {

    /// @param layer number of this block, from 0
    /// @param x [tokens, dim]
    /// @param memory see [CrossAttention#remember]
    /// @return [tokens, dim]
    Tensor forward(ForwardPass pass, int layer, Tensor x, KvView memory);

    /// Over the decoder's own tokens.
    Attention attention();

    /// Over the encoder's.
    CrossAttention cross();

    Mlp mlp();

    /// x + attention(norm x), then + cross(norm x), then + mlp(norm x). T5.
    record PreNorm(Norm attentionNorm, Attention attention, Norm crossNorm, CrossAttention cross, Norm mlpNorm, Mlp mlp)
            implements CrossBlock {
        @Override
        public Tensor forward(ForwardPass pass, int layer, Tensor x, KvView memory) {
            x = pass.tap(Site.RESID_PRE, layer, x);
            var h = pass.tap(Site.ATTN_NORM, layer, attentionNorm.forward(pass, x));
            var a = pass.tap(Site.ATTN_OUT, layer, attention.forward(pass, layer, h));
            x = pass.ops().add(x, a);
            x = pass.ops().add(x, cross.forward(pass, crossNorm.forward(pass, x), memory));
            x = pass.tap(Site.RESID_MID, layer, x);
            h = pass.tap(Site.MLP_NORM, layer, mlpNorm.forward(pass, x));
            var m = pass.tap(Site.MLP_OUT, layer, mlp.forward(pass, layer, h));
            return pass.tap(Site.RESID_POST, layer, pass.ops().add(x, m));
        }
    }

    /// norm(x + attention x), then norm(x + cross x), then norm(x + mlp x). The first transformer; BART.
    record PostNorm(
            Attention attention, Norm attentionNorm, CrossAttention cross, Norm crossNorm, Mlp mlp, Norm mlpNorm)
            implements CrossBlock {
        @Override
        public Tensor forward(ForwardPass pass, int layer, Tensor x, KvView memory) {
            x = pass.tap(Site.RESID_PRE, layer, x);
            var a = pass.tap(Site.ATTN_OUT, layer, attention.forward(pass, layer, pass.tap(Site.ATTN_NORM, layer, x)));
            x = attentionNorm.forward(pass, pass.ops().add(x, a));
            x = crossNorm.forward(pass, pass.ops().add(x, cross.forward(pass, x, memory)));
            x = pass.tap(Site.RESID_MID, layer, x);
            var m = pass.tap(Site.MLP_OUT, layer, mlp.forward(pass, layer, pass.tap(Site.MLP_NORM, layer, x)));
            return pass.tap(
                    Site.RESID_POST, layer, mlpNorm.forward(pass, pass.ops().add(x, m)));
        }
    }
}
