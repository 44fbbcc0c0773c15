package clearhead.model;

import clearhead.io.GgufValue;
import clearhead.io.ModelFileException;
import clearhead.nn.Attention;
import clearhead.nn.Block;
import clearhead.nn.EmbeddingRule;
import clearhead.nn.Mixer;
import clearhead.nn.Mlp;
import clearhead.nn.Norm;
import clearhead.nn.Transformer;
import clearhead.ops.AttentionSpec;
import clearhead.ops.Mask;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// The settings of a model in the words of GGUF: the reverse of [GgufSettings]. Sizes are read off the
/// model that the family draws, so that what a configuration leaves out is said too; [GgufExport] reads
/// the result again and refuses what comes back otherwise.
final class GgufMetadata {
    /// What llama.cpp calls the families of which it knows all parts.
    private static final Map<String, String> ARCHITECTURES = Map.ofEntries(
            Map.entry("bloom", "bloom"),
            Map.entry("cohere", "command-r"),
            Map.entry("cohere2", "cohere2"),
            Map.entry("ernie4_5", "ernie4_5"),
            Map.entry("exaone4", "exaone4"),
            Map.entry("falcon", "falcon"),
            Map.entry("gemma", "gemma"),
            Map.entry("gemma2", "gemma2"),
            Map.entry("gemma3", "gemma3"),
            Map.entry("gemma3_text", "gemma3"),
            Map.entry("glm4", "glm4"),
            Map.entry("gpt2", "gpt2"),
            Map.entry("gpt_neox", "gptneox"),
            Map.entry("gpt_oss", "gpt-oss"),
            Map.entry("granite", "granite"),
            Map.entry("granitemoe", "granitemoe"),
            Map.entry("llama", "llama"),
            Map.entry("mistral", "llama"),
            Map.entry("mixtral", "llama"),
            Map.entry("mpt", "mpt"),
            Map.entry("olmo", "olmo"),
            Map.entry("olmo2", "olmo2"),
            Map.entry("olmo3", "olmo2"),
            Map.entry("olmoe", "olmoe"),
            Map.entry("phi", "phi2"),
            Map.entry("phi3", "phi3"),
            Map.entry("qwen2", "qwen2"),
            Map.entry("qwen3", "qwen3"),
            Map.entry("qwen3_moe", "qwen3moe"),
            Map.entry("smollm3", "smollm3"),
            Map.entry("stablelm", "stablelm"),
            Map.entry("starcoder2", "starcoder2"));

    private final Architecture architecture;
    private final Config config;
    private final Transformer drawn;
    private final Attention attention;
    private final AttentionSpec spec;
    private final String name;
    private final List<String> notes;
    private final Map<String, GgufValue> values = new LinkedHashMap<>();

    /// @param notes gets what llama.cpp will compute otherwise, a sentence each
    /// @throws ModelFileException if llama.cpp does not know the family
    GgufMetadata(Architecture architecture, List<String> notes) {
        this.architecture = architecture;
        this.notes = notes;
        config = architecture.source();
        name = Optional.ofNullable(ARCHITECTURES.get(architecture.name()))
                .orElseThrow(() -> wrong("a " + architecture.name()
                        + " cannot be written as a GGUF; these can: "
                        + Config.joined(ARCHITECTURES.keySet().stream().sorted().toList())));
        if (!(architecture.drawn() instanceof Transformer transformer)
                || !(mixer(transformer.blocks().getFirst()) instanceof Attention first)) {
            throw wrong("a " + architecture.name() + " cannot be written as a GGUF: its first layer is no attention");
        }
        drawn = transformer;
        attention = first;
        spec = attention.spec();
    }

    String name() {
        return name;
    }

    Map<String, GgufValue> values() {
        put("context_length", context());
        put("embedding_length", drawn.embedding().shape().dim(1));
        put("block_count", drawn.layers());
        feedForward();
        put("attention.head_count", spec.heads());
        put("attention.head_count_kv", spec.kvHeads());
        put("attention.key_length", spec.headDim());
        put("attention.value_length", spec.valueDim());
        switch (drawn.finalNorm()) {
            case Norm.Rms rms -> put("attention.layer_norm_rms_epsilon", rms.eps());
            case Norm.Layer layer -> put("attention.layer_norm_epsilon", layer.eps());
            case Norm.None _ -> {}
        }
        put("vocab_size", drawn.vocab());
        rope();
        windows();
        own();
        return values;
    }

    private int context() {
        for (String word : List.of("max_position_embeddings", "n_positions", "max_seq_len", "seq_length")) {
            if (config.json().has(word)) {
                return config.size(word);
            }
        }
        return drawn.context();
    }

    private void feedForward() {
        Optional<Mlp.Experts> experts = experts();
        int hidden = experts.map(e -> hidden(e.experts().getFirst()))
                .orElseGet(() -> hidden(mlp(drawn.blocks().getFirst())));
        put("feed_forward_length", name.equals("qwen3moe") ? config.size("intermediate_size", hidden) : hidden);
        experts.ifPresent(e -> {
            put("expert_count", e.experts().size());
            put("expert_used_count", e.routing().chosen());
            if (name.equals("qwen3moe") || name.equals("gpt-oss")) {
                put("expert_feed_forward_length", hidden);
            }
        });
    }

    private Optional<Mlp.Experts> experts() {
        return drawn.blocks().stream()
                .map(GgufMetadata::mlp)
                .filter(Mlp.Experts.class::isInstance)
                .map(Mlp.Experts.class::cast)
                .findFirst();
    }

    private static int hidden(Mlp mlp) {
        return mlp.hidden();
    }

    /// Sliding layers, where llama.cpp knows that an architecture has some.
    private void windows() {
        var slides = new boolean[drawn.layers()];
        int window = 0;
        for (int i = 0; i < slides.length; i++) {
            if (mixer(drawn.blocks().get(i)) instanceof Attention a && a.spec().mask() instanceof Mask.Window w) {
                slides[i] = true;
                window = w.left() + 1;
            }
        }
        if (window == 0) {
            return;
        }
        switch (name) {
            case "cohere2", "exaone4", "gemma2", "gemma3", "gpt-oss", "olmo2" -> {
                put("attention.sliding_window", window);
                values.put(name + ".attention.sliding_window_pattern", GgufValue.flags(slides));
                requireUsualWindows(slides);
            }
            case "phi3" -> put("attention.sliding_window", window);
            default ->
                notes.add("GGUF cannot say the sliding window of " + window + " tokens of a " + architecture.name()
                        + "; longer texts are answered otherwise");
        }
    }

    /// llama.cpp reads the window's size and knows by itself which layers have it.
    private void requireUsualWindows(boolean[] slides) {
        int period = switch (name) {
            case "gemma2", "gpt-oss" -> 2;
            case "gemma3" -> 6;
            default -> 4;
        };
        boolean usual = !name.equals("exaone4") || slides.length == 64; // EXAONE 4 32B
        for (int i = 0; i < slides.length; i++) {
            usual &= slides[i] == ((i + 1) % period != 0);
        }
        if (!usual) {
            notes.add("llama.cpp gives a window to other layers of a " + name
                    + " than this model does; longer texts are answered otherwise there");
        }
    }

    private void rope() {
        List<Drawing.Rotation> rotations = architecture.rotations();
        if (rotations.isEmpty()) {
            return;
        }
        Drawing.Rotation full = rotations.getFirst();
        put("rope.dimension_count", full.rotaryDim());
        put("rope.freq_base", full.theta());
        if (rotations.size() > 1) {
            put("rope.freq_base_swa", rotations.get(1).theta());
        }
        scaling(full.scaling());
    }

    /// In the words of llama.cpp, which multiplies YaRN's magnitude by `attn_factor`. Llama 3's rule has
    /// none: its divisors are a tensor.
    private void scaling(RopeScaling scaling) {
        String key = "rope.scaling.";
        switch (scaling) {
            case RopeScaling.None _, RopeScaling.Llama3 _, RopeScaling.Divided _ -> {}
            case RopeScaling.Linear(double factor) -> {
                text(key + "type", "linear");
                put(key + "factor", factor);
            }
            case RopeScaling.Yarn yarn -> {
                if (!yarn.truncate() && !name.equals("gpt-oss")) {
                    notes.add("GGUF cannot say that YaRN's bounds are not rounded (truncate)");
                }
                text(key + "type", "yarn");
                put(key + "factor", yarn.factor());
                put(key + "original_context_length", yarn.original());
                put(key + "yarn_beta_fast", yarn.fast());
                put(key + "yarn_beta_slow", yarn.slow());
                double own = RopeScaling.Yarn.magnitude(yarn.factor(), 1);
                if (yarn.magnitude() != own) {
                    put(key + "attn_factor", yarn.magnitude() / own);
                }
            }
            case RopeScaling.LongRope rule -> {
                if (!name.equals("phi3")) {
                    text(key + "type", "longrope");
                }
                put(key + "original_context_length", rule.original());
                put(key + "attn_factor", rule.magnitude());
            }
            case RopeScaling.Dynamic _ -> throw wrong("GGUF knows no dynamic NTK scaling of rotary positions");
            case RopeScaling.Proportional _ ->
                throw wrong("GGUF knows no proportional rotary positions of a " + architecture.name());
        }
    }

    /// What only some architectures have words for.
    private void own() {
        switch (name) {
            case "granite", "granitemoe" -> {
                put("attention.scale", spec.scale());
                put("embedding_scale", drawn.embeddingRule() instanceof EmbeddingRule.Scaled(double f) ? f : 1);
                put("residual_scale", drawn.blocks().getFirst() instanceof Block.ScaledPreNorm b ? b.factor() : 1);
                put("logit_scale", config.positive("logits_scaling", 1));
            }
            case "command-r", "cohere2" -> {
                put("logit_scale", config.positive("logit_scale", 0.0625));
                text("rope.scaling.type", "none");
            }
            case "gemma2" -> {
                put("attn_logit_softcapping", spec.softCap());
                put("final_logit_softcapping", config.positive("final_logit_softcapping", 30));
            }
            case "olmo", "olmoe" -> clip(config);
            case "mpt" -> {
                Config inside = new Config(config.json().object("attn_config"));
                clip(inside);
                put("attention.max_alibi_bias", inside.positive("alibi_bias_max", 8));
                fourTimes();
            }
            case "falcon" -> {
                text("tensor_data_layout", "jploski");
                fourTimes();
            }
            case "gptneox" -> flag("use_parallel_residual", config.flag("use_parallel_residual", true));
            case "stablelm" -> flag("use_parallel_residual", config.flag("use_parallel_residual", false));
            case "phi3" -> {
                if (!values.containsKey("phi3.rope.scaling.original_context_length")) {
                    put(
                            "rope.scaling.original_context_length",
                            config.size("original_max_position_embeddings", context()));
                }
                if (!values.containsKey("phi3.attention.sliding_window")) {
                    put("attention.sliding_window", 0);
                }
            }
            default -> {}
        }
    }

    private void clip(Config c) {
        if (c.json().has("clip_qkv")) {
            put("attention.clamp_kqv", c.positive("clip_qkv", 1));
        }
    }

    private void fourTimes() {
        int dim = drawn.embedding().shape().dim(1);
        int hidden = hidden(mlp(drawn.blocks().getFirst()));
        if (hidden != 4 * dim) {
            notes.add("llama.cpp will not load it: its MLP is " + hidden + " wide, a " + name
                    + " of llama.cpp always 4 times " + dim);
        }
    }

    private static Mixer mixer(Block block) {
        return block.mixer();
    }

    private static Mlp mlp(Block block) {
        return block.mlp();
    }

    private void put(String key, int value) {
        values.put(name + "." + key, GgufValue.u32(value));
    }

    private void put(String key, double value) {
        values.put(name + "." + key, GgufValue.f32((float) value));
    }

    private void text(String key, String value) {
        values.put(name + "." + key, GgufValue.text(value));
    }

    private void flag(String key, boolean value) {
        values.put(name + "." + key, GgufValue.bool(value));
    }

    private ModelFileException wrong(String problem) {
        return new ModelFileException(architecture.source().json().at(), problem);
    }
}
