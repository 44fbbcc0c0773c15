package clearhead.model.families;

import clearhead.model.Config;
import clearhead.model.Family;
import clearhead.model.Parts;
import clearhead.nn.Block;
import clearhead.nn.EmbeddingRule;
import clearhead.nn.HeadNorm;
import clearhead.nn.HeadNorms;
import clearhead.nn.LogitRule;
import clearhead.nn.Mlp;
import clearhead.nn.Network;
import clearhead.nn.Norm;
import clearhead.nn.Positions;
import java.util.List;
import java.util.Map;

/// nanochat: norms without weights, also on the embeddings and, after rotation, on queries and keys; squared
/// ReLU; bounded logits. Karpathy 2025, "nanochat".
final class NanoChat implements Family {
    @Override
    public List<String> names() {
        return List.of("nanochat");
    }

    @Override
    public String transformersClass() {
        return "NanoChatForCausalLM";
    }

    @Override
    public Network build(Config config, Parts p) {
        Config c = config.withDefaults(Map.of("hidden_act", "relu2"));
        var s = LlamaSizes.of(c);
        boolean bias = s.attentionBias();
        Norm norm = new Norm.Rms(p.constant(1, s.dim()), s.eps());
        var each = new HeadNorm.PerHead(new Norm.Rms(p.constant(1, s.headDim()), s.eps()));
        Positions rope = p.rope(c, s.headDim(), s.context()).backwards();
        var model = s.decoder(
                        p,
                        c,
                        rope,
                        (layer, _) -> new Block.PreNorm(
                                norm,
                                s.asStored(layer.at("self_attn."), s.causal(), rope, bias, bias)
                                        .withNormsAfter(HeadNorms.of(each, each)),
                                norm,
                                new Mlp.Dense(
                                        layer.linear("mlp.fc1", s.hidden(), s.dim(), false),
                                        layer.residual("mlp.fc2", s.dim(), s.hidden(), false),
                                        s.act())),
                        (_, _) -> norm)
                .with(new EmbeddingRule.Normed(norm));
        return c.json().has("final_logit_softcapping")
                ? model.with(new LogitRule.Capped(c.positive("final_logit_softcapping", 15)))
                : model;
    }
}
