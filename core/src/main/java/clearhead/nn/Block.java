package clearhead.nn;

import clearhead.tensor.Tensor;

/// One layer of a transformer: tokens learn of one another, then each goes through an MLP. Kinds of
/// block differ in where their norms are and what is added to what; each says so in six steps, which
/// [#forward] puts together and inspection takes alone.
public sealed interface Block {

    /// Attention, as a rule.
    Mixer mixer();

    /// The mixer where it is attention.
    ///
    /// @throws IllegalArgumentException if it is another
    default Attention attention() {
        if (mixer() instanceof Attention attention) {
            return attention;
        }
        throw new IllegalArgumentException("the layer has no attention but a "
                + mixer().getClass().getSimpleName() + ", which has no queries, keys and weights to see");
    }

    /// The block's MLP.
    Mlp mlp();

    /// What enters the mixer.
    ///
    /// @param x [tokens, dim]: the residual that enters the block
    /// @return [tokens, dim]
    Tensor mixerInput(ForwardPass pass, Tensor x);

    /// What the mixer adds to the residual.
    ///
    /// @param mixed [tokens, dim]: what left the mixer
    /// @return [tokens, dim]
    default Tensor mixerOutput(ForwardPass pass, Tensor mixed) {
        return mixed;
    }

    /// Whether what the mixer adds is the sum of what its heads write: not where a norm of it stands between.
    default boolean headsAddUp() {
        return true;
    }

    /// Whether the mixer adds what it writes: no norm and no factor stands between.
    default boolean addsAsWritten() {
        return headsAddUp();
    }

    /// The residual after the mixer.
    ///
    /// @param a [tokens, dim]: what the mixer adds
    /// @return [tokens, dim]
    default Tensor afterMixer(ForwardPass pass, Tensor x, Tensor a) {
        return pass.ops().add(x, a);
    }

    /// What enters the MLP.
    ///
    /// @param x [tokens, dim]: the residual that entered the block
    /// @param mid [tokens, dim]: the residual after the mixer
    /// @return [tokens, dim]
    Tensor mlpInput(ForwardPass pass, Tensor x, Tensor mid);

    /// What the MLP adds to the residual.
    ///
    /// @param made [tokens, dim]: what left the MLP
    /// @return [tokens, dim]
    default Tensor mlpOutput(ForwardPass pass, Tensor made) {
        return made;
    }

    /// The residual that leaves the block.
    ///
    /// @param m [tokens, dim]: what the MLP adds
    /// @return [tokens, dim]
    default Tensor afterMlp(ForwardPass pass, Tensor mid, Tensor m) {
        return pass.ops().add(mid, m);
    }

    /// @param layer number of this block, from 0
    /// @param x [tokens, dim]
    /// @return [tokens, dim]
    default Tensor forward(ForwardPass pass, int layer, Tensor x) {
        x = pass.tap(Site.RESID_PRE, layer, x);
        var h = pass.tap(Site.ATTN_NORM, layer, mixerInput(pass, x));
        var a = pass.tap(Site.ATTN_OUT, layer, mixerOutput(pass, mixer().forward(pass, layer, h)));
        var mid = pass.tap(Site.RESID_MID, layer, afterMixer(pass, x, a));
        h = pass.tap(Site.MLP_NORM, layer, mlpInput(pass, x, mid));
        var m = pass.tap(Site.MLP_OUT, layer, mlpOutput(pass, mlp().forward(pass, layer, h)));
        return pass.tap(Site.RESID_POST, layer, afterMlp(pass, mid, m));
    }

    /// x + attention(norm x), then + mlp(norm x). GPT-2 and Llama; Xiong et al. 2020,
    /// arXiv:2002.04745.
    record PreNorm(Norm attentionNorm, Mixer mixer, Norm mlpNorm, Mlp mlp) implements Block {
        @Override
        public Tensor mixerInput(ForwardPass pass, Tensor x) {
            return attentionNorm.forward(pass, x);
        }

        @Override
        public Tensor mlpInput(ForwardPass pass, Tensor x, Tensor mid) {
            return mlpNorm.forward(pass, mid);
        }
    }

    /// norm(x + attention x), then norm(x + mlp x). The first transformer, BERT; Vaswani et al. 2017,
    /// arXiv:1706.03762, section 3.1. What enters attention and MLP is the residual itself.
    record PostNorm(Mixer mixer, Norm attentionNorm, Mlp mlp, Norm mlpNorm) implements Block {
        @Override
        public Tensor mixerInput(ForwardPass pass, Tensor x) {
            return x;
        }

        @Override
        public Tensor afterMixer(ForwardPass pass, Tensor x, Tensor a) {
            return attentionNorm.forward(pass, pass.ops().add(x, a));
        }

        @Override
        public Tensor mlpInput(ForwardPass pass, Tensor x, Tensor mid) {
            return mid;
        }

        @Override
        public Tensor afterMlp(ForwardPass pass, Tensor mid, Tensor m) {
            return mlpNorm.forward(pass, pass.ops().add(mid, m));
        }
    }

    /// x + norm(attention(norm x)), then + norm(mlp(norm x)): Gemma 2, GLM 4. With [Norm#NONE] before,
    /// it is OLMo 2 and EXAONE 4, whose norms stand behind attention and MLP only.
    record Sandwich(Norm beforeMixer, Mixer mixer, Norm afterMixer, Norm beforeMlp, Mlp mlp, Norm afterMlp)
            implements Block {
        @Override
        public boolean headsAddUp() {
            return afterMixer instanceof Norm.None;
        }

        @Override
        public Tensor mixerInput(ForwardPass pass, Tensor x) {
            return beforeMixer.forward(pass, x);
        }

        @Override
        public Tensor mixerOutput(ForwardPass pass, Tensor mixed) {
            return afterMixer.forward(pass, mixed);
        }

        @Override
        public Tensor mlpInput(ForwardPass pass, Tensor x, Tensor mid) {
            return beforeMlp.forward(pass, mid);
        }

        @Override
        public Tensor mlpOutput(ForwardPass pass, Tensor made) {
            return afterMlp.forward(pass, made);
        }
    }

    /// x + attention(norm x) + mlp(norm x): both read the residual that enters. GPT-J, GPT-NeoX, Falcon,
    /// Phi, Cohere. The two norms may be one.
    record Parallel(Norm attentionNorm, Mixer mixer, Norm mlpNorm, Mlp mlp) implements Block {
        @Override
        public Tensor mixerInput(ForwardPass pass, Tensor x) {
            return attentionNorm.forward(pass, x);
        }

        @Override
        public Tensor mlpInput(ForwardPass pass, Tensor x, Tensor mid) {
            return mlpNorm.forward(pass, x);
        }
    }

    /// norm x + attention(norm x), then of that norm + mlp(norm): the norms are what is added to. BLOOM with
    /// `apply_residual_connection_post_layernorm`.
    record NormedResidual(Norm attentionNorm, Mixer mixer, Norm mlpNorm, Mlp mlp) implements Block {
        @Override
        public Tensor mixerInput(ForwardPass pass, Tensor x) {
            return attentionNorm.forward(pass, x);
        }

        @Override
        public Tensor afterMixer(ForwardPass pass, Tensor x, Tensor a) {
            return pass.ops().add(attentionNorm.forward(pass, x), a);
        }

        @Override
        public Tensor mlpInput(ForwardPass pass, Tensor x, Tensor mid) {
            return mlpNorm.forward(pass, mid);
        }

        @Override
        public Tensor afterMlp(ForwardPass pass, Tensor mid, Tensor m) {
            return pass.ops().add(mlpNorm.forward(pass, mid), m);
        }
    }

    /// Granite: what attention and MLP add is multiplied by a constant first.
    record ScaledPreNorm(Norm attentionNorm, Mixer mixer, Norm mlpNorm, Mlp mlp, double factor) implements Block {
        @Override
        public Tensor mixerInput(ForwardPass pass, Tensor x) {
            return attentionNorm.forward(pass, x);
        }

        @Override
        public boolean addsAsWritten() {
            return false;
        }

        @Override
        public Tensor mixerOutput(ForwardPass pass, Tensor mixed) {
            return pass.ops().scale(mixed, factor);
        }

        @Override
        public Tensor mlpInput(ForwardPass pass, Tensor x, Tensor mid) {
            return mlpNorm.forward(pass, mid);
        }

        @Override
        public Tensor mlpOutput(ForwardPass pass, Tensor made) {
            return pass.ops().scale(made, factor);
        }
    }

    /// x + mixer(norm x), and no MLP: Mamba.
    record MixerOnly(Norm norm, Mixer mixer) implements Block {
        private static final Mlp NO_MLP = new Mlp.None();

        @Override
        public Mlp mlp() {
            return NO_MLP;
        }

        @Override
        public Tensor mixerInput(ForwardPass pass, Tensor x) {
            return norm.forward(pass, x);
        }

        @Override
        public Tensor mlpInput(ForwardPass pass, Tensor x, Tensor mid) {
            return mid;
        }

        @Override
        public Tensor afterMlp(ForwardPass pass, Tensor mid, Tensor m) {
            return mid;
        }
    }

    /// [PreNorm] in a residual that is halved every few layers so that halves can hold it: RWKV 4. What is
    /// added is smaller by as much.
    ///
    /// @param factor on what mixer and MLP add
    /// @param after factor on the residual that leaves
    record Rescaled(Norm attentionNorm, Mixer mixer, Norm mlpNorm, Mlp mlp, double factor, double after)
            implements Block {
        @Override
        public Tensor mixerInput(ForwardPass pass, Tensor x) {
            return attentionNorm.forward(pass, x);
        }

        @Override
        public boolean addsAsWritten() {
            return false;
        }

        @Override
        public Tensor mixerOutput(ForwardPass pass, Tensor mixed) {
            return pass.ops().scale(mixed, factor);
        }

        @Override
        public Tensor mlpInput(ForwardPass pass, Tensor x, Tensor mid) {
            return mlpNorm.forward(pass, mid);
        }

        @Override
        public Tensor mlpOutput(ForwardPass pass, Tensor made) {
            return pass.ops().scale(made, factor);
        }

        @Override
        public Tensor afterMlp(ForwardPass pass, Tensor mid, Tensor m) {
            return pass.ops().scale(pass.ops().add(mid, m), after);
        }
    }

    /// A layer of a decoder that reads another text: between attention and MLP comes attention over what
    /// an encoder made of that text. Vaswani et al. 2017, arXiv:1706.03762, section 3.1.
    ///
    /// @param own the layer without it
    /// @param before norm of what enters cross attention: T5, mBART
    /// @param after norm of the residual after it: the first transformer, BART
    record Reading(Block own, Norm before, CrossAttention cross, Norm after) implements Block {
        @Override
        public Mixer mixer() {
            return own.mixer();
        }

        @Override
        public Mlp mlp() {
            return own.mlp();
        }

        @Override
        public Tensor mixerInput(ForwardPass pass, Tensor x) {
            return own.mixerInput(pass, x);
        }

        @Override
        public boolean headsAddUp() {
            return own.headsAddUp();
        }

        @Override
        public boolean addsAsWritten() {
            return own.addsAsWritten();
        }

        @Override
        public Tensor mixerOutput(ForwardPass pass, Tensor mixed) {
            return own.mixerOutput(pass, mixed);
        }

        @Override
        public Tensor afterMixer(ForwardPass pass, Tensor x, Tensor a) {
            Tensor mid = own.afterMixer(pass, x, a);
            return after.forward(pass, pass.ops().add(mid, cross.forward(pass, before.forward(pass, mid))));
        }

        @Override
        public Tensor mlpInput(ForwardPass pass, Tensor x, Tensor mid) {
            return own.mlpInput(pass, x, mid);
        }

        @Override
        public Tensor mlpOutput(ForwardPass pass, Tensor made) {
            return own.mlpOutput(pass, made);
        }

        @Override
        public Tensor afterMlp(ForwardPass pass, Tensor mid, Tensor m) {
            return own.afterMlp(pass, mid, m);
        }
    }

    /// Another block and something behind it.
    record Followed(Block block, Ending ending) implements Block {
        @Override
        public Mixer mixer() {
            return block.mixer();
        }

        @Override
        public Mlp mlp() {
            return block.mlp();
        }

        @Override
        public Tensor mixerInput(ForwardPass pass, Tensor x) {
            return block.mixerInput(pass, x);
        }

        @Override
        public boolean headsAddUp() {
            return block.headsAddUp();
        }

        @Override
        public boolean addsAsWritten() {
            return block.addsAsWritten();
        }

        @Override
        public Tensor mixerOutput(ForwardPass pass, Tensor mixed) {
            return block.mixerOutput(pass, mixed);
        }

        @Override
        public Tensor afterMixer(ForwardPass pass, Tensor x, Tensor a) {
            return block.afterMixer(pass, x, a);
        }

        @Override
        public Tensor mlpInput(ForwardPass pass, Tensor x, Tensor mid) {
            return block.mlpInput(pass, x, mid);
        }

        @Override
        public Tensor mlpOutput(ForwardPass pass, Tensor made) {
            return block.mlpOutput(pass, made);
        }

        @Override
        public Tensor afterMlp(ForwardPass pass, Tensor mid, Tensor m) {
            return ending.forward(pass, block.afterMlp(pass, mid, m));
        }
    }
}
