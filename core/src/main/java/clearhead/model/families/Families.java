package clearhead.model.families;

import clearhead.model.Family;
import java.util.List;

/// The families there are.
public final class Families {
    private Families() {}

    /// By name.
    public static final List<Family> ALL = List.of(
            new Albert(),
            new Bart("bart", "BartForConditionalGeneration", false),
            new Bart("mbart", "MBartForConditionalGeneration", true),
            new Bert(),
            new Bloom(),
            new Cohere("cohere", "CohereForCausalLM"),
            new Cohere("cohere2", "Cohere2ForCausalLM"),
            new DistilBert(),
            new Electra(),
            new Ernie(),
            new Exaone4(),
            new Falcon(),
            new Glm4(),
            new Gpt2(),
            new GptJ(),
            new GptNeo(),
            new GptNeoX(),
            new Granite(),
            new GraniteHybrid(),
            new GraniteMoe(),
            new Lfm2(),
            new Llama(),
            new Mamba(),
            new Mamba2(),
            new Marian(),
            new Mistral(),
            new Mixtral(),
            new ModernBert(),
            new MpNet(),
            new Mpt(),
            new NanoChat(),
            new Olmo(),
            new Olmo2("olmo2", "Olmo2ForCausalLM"),
            new Olmo2("olmo3", "Olmo3ForCausalLM"),
            new Olmoe(),
            new Opt(),
            new Phi(),
            new Phi3(),
            new Qwen2(),
            new Qwen3(),
            new Qwen35(),
            new Qwen3Moe(),
            new Qwen3Next(),
            new Roberta(),
            new Rwkv(),
            new SmolLm3(),
            new StableLm(),
            new Starcoder2(),
            new T5("mt5", "MT5ForConditionalGeneration"),
            new T5("t5", "T5ForConditionalGeneration"));
}
