package clearhead.nn;

import clearhead.tensor.Tensor;

/// One layer of a transformer: attention, then an MLP, each added to the residual stream.
public sealed interface Block {

    /// @param layer number of this block, from 0
    /// @param x [tokens, dim]
    /// @return [tokens, dim]
    Tensor forward(ForwardPass pass, int layer, Tensor x);

    /// The block's attention.
    Attention attention();

    /// The block's MLP.
    Mlp mlp();

    /// x + attention(norm x), then + mlp(norm x). GPT-2 and Llama; Xiong et al. 2020,
    /// arXiv:2002.04745.
    record PreNorm(Norm attentionNorm, Attention attention, Norm mlpNorm, Mlp mlp) implements Block {
        @Override
        public Tensor forward(ForwardPass pass, int layer, Tensor x) {
            x = pass.tap(Site.RESID_PRE, layer, x);
            var h = pass.tap(Site.ATTN_NORM, layer, attentionNorm.forward(pass, x));
            var a = pass.tap(Site.ATTN_OUT, layer, attention.forward(pass, layer, h));
            x = pass.tap(Site.RESID_MID, layer, pass.ops().add(x, a));
            h = pass.tap(Site.MLP_NORM, layer, mlpNorm.forward(pass, x));
            var m = pass.tap(Site.MLP_OUT, layer, mlp.forward(pass, layer, h));
            return pass.tap(Site.RESID_POST, layer, pass.ops().add(x, m));
        }
    }

    /// norm(x + attention x), then norm(x + mlp x). The first transformer, BERT; Vaswani et al. 2017,
    /// arXiv:1706.03762, section 3.1. What enters attention and MLP is the residual itself.
    record PostNorm(Attention attention, Norm attentionNorm, Mlp mlp, Norm mlpNorm) implements Block {
        @Override
        public Tensor forward(ForwardPass pass, int layer, Tensor x) {
            x = pass.tap(Site.RESID_PRE, layer, x);
            var h = pass.tap(Site.ATTN_NORM, layer, x);
            var a = pass.tap(Site.ATTN_OUT, layer, attention.forward(pass, layer, h));
            x = attentionNorm.forward(pass, pass.ops().add(x, a));
            x = pass.tap(Site.RESID_MID, layer, x);
            h = pass.tap(Site.MLP_NORM, layer, x);
            var m = pass.tap(Site.MLP_OUT, layer, mlp.forward(pass, layer, h));
            return pass.tap(
                    Site.RESID_POST, layer, mlpNorm.forward(pass, pass.ops().add(x, m)));
        }
    }
}
