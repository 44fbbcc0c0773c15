package clearhead.view;

import clearhead.inspect.HeadMap;
import clearhead.inspect.RepeatedTokens;
import clearhead.model.Model;
import clearhead.ops.Ops;
import java.util.Optional;

/// The test with random tokens said twice, with the tokens that a model's vocabulary has for it.
public final class Repeated {
    private Repeated() {}

    /// Runs it, if the model's context is long enough. The beginning-of-sequence token stands in front,
    /// where there is one, and special tokens are not drawn.
    public static Optional<HeadMap.Random> of(Model model, Ops ops) {
        int[] lead = model.bos().stream().toArray();
        var transformer = model.transformer();
        return RepeatedTokens.of(
                        transformer,
                        lead,
                        id -> !model.hasTokenizer()
                                || (id < model.tokenizer().size()
                                        && !model.tokenizer().isSpecial(id)),
                        RepeatedTokens.SEED)
                .map(tokens -> HeadMap.Random.of(transformer, ops, tokens));
    }
}
