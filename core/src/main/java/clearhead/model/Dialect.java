package clearhead.model;

import clearhead.io.Checkpoint;
import clearhead.io.Llama2c;
import clearhead.io.ModelFileException;
import java.util.List;
import java.util.Map;

/// How a kind of file names and arranges what Hugging Face's checkpoints hold.
enum Dialect {
    /// Safetensors: the names and the arrangement are the ones that [Parameter.Stored] gives.
    HUGGING_FACE,
    /// GGUF: `blk.0.attn_q.weight`; nothing is transposed; rotary pairs of llama are neighbours.
    GGUF,
    /// llama2.c: Hugging Face's names; rotary pairs are neighbours.
    LLAMA2C;

    private static final Map<String, String> OUTSIDE = Map.of(
            "model.embed_tokens", "token_embd",
            "model.norm", "output_norm",
            "lm_head", "output",
            "transformer.wte", "token_embd",
            "transformer.wpe", "position_embd",
            "transformer.ln_f", "output_norm");

    private static final Map<String, String> INSIDE = Map.ofEntries(
            Map.entry("input_layernorm", "attn_norm"),
            Map.entry("self_attn.q_proj", "attn_q"),
            Map.entry("self_attn.k_proj", "attn_k"),
            Map.entry("self_attn.v_proj", "attn_v"),
            Map.entry("self_attn.o_proj", "attn_output"),
            Map.entry("post_attention_layernorm", "ffn_norm"),
            Map.entry("mlp.gate_proj", "ffn_gate"),
            Map.entry("mlp.up_proj", "ffn_up"),
            Map.entry("mlp.down_proj", "ffn_down"),
            Map.entry("ln_1", "attn_norm"),
            Map.entry("attn.c_attn", "attn_qkv"),
            Map.entry("attn.c_proj", "attn_output"),
            Map.entry("ln_2", "ffn_norm"),
            Map.entry("mlp.c_fc", "ffn_up"),
            Map.entry("mlp.c_proj", "ffn_down"));

    static Dialect of(Checkpoint checkpoint) {
        if (checkpoint instanceof Llama2c) {
            return LLAMA2C;
        }
        return checkpoint.metadata().containsKey("general.architecture") ? GGUF : HUGGING_FACE;
    }

    /// Where a file of this kind may hold a parameter.
    List<Parameter.Stored> places(Parameter p) {
        return this == GGUF ? p.places().stream().map(Dialect::inGguf).toList() : p.places();
    }

    /// A GGUF holds nothing transposed, and numbers as they are used.
    private static Parameter.Stored inGguf(Parameter.Stored s) {
        return new Parameter.Stored(
                s.name(), s.index(), s.count(), false, s.rows(), s.rotaryHeads(), Parameter.Change.NONE);
    }

    /// The name in the file, which may be absent there. Hugging Face's checkpoints may leave out the
    /// name of the whole model at the start (`model.`), or put it inside another (`language_model.`).
    ///
    /// @param stored the name in Hugging Face's words
    String name(Checkpoint checkpoint, Architecture architecture, String stored) {
        if (this == GGUF) {
            return ggufName(architecture, stored);
        }
        if (checkpoint.has(stored)) {
            return stored;
        }
        String rest = stored.substring(stored.indexOf('.') + 1);
        for (String other : List.of(rest, "language_model." + stored, "model.language_model." + rest)) {
            if (checkpoint.has(other)) {
                return other;
            }
        }
        return stored;
    }

    private static String ggufName(Architecture architecture, String stored) {
        int dot = stored.lastIndexOf('.');
        String module = stored.substring(0, dot);
        String suffix = stored.substring(dot);
        for (String prefix : architecture.layerPrefixes().keySet()) {
            if (module.startsWith(prefix)) {
                int end = module.indexOf('.', prefix.length());
                return "blk." + module.substring(prefix.length(), end) + "." + known(INSIDE, module.substring(end + 1))
                        + suffix;
            }
        }
        return known(OUTSIDE, module) + suffix;
    }

    private static String known(Map<String, String> names, String module) {
        String name = names.get(module);
        if (name == null) {
            throw new IllegalStateException("no GGUF name for " + module);
        }
        return name;
    }

    /// Whether rotary pairs of queries and keys are neighbours, and not half a head apart.
    boolean interleaves() {
        return this != HUGGING_FACE;
    }

    /// Refuses a file with more layers than its configuration says.
    void requireLayers(Checkpoint checkpoint, Architecture architecture) {
        architecture.layerPrefixes().forEach((prefix, layers) -> {
            List<String> prefixes =
                    this == GGUF ? List.of("blk.") : List.of(prefix, prefix.substring(prefix.indexOf('.') + 1));
            for (String start : prefixes) {
                requireLayers(checkpoint, start, layers);
            }
        });
    }

    private static void requireLayers(Checkpoint checkpoint, String prefix, int layers) {
        for (String name : checkpoint.names()) {
            if (!name.startsWith(prefix)) {
                continue;
            }
            int end = prefix.length();
            while (end < name.length() && Character.digit(name.charAt(end), 10) >= 0) {
                end++;
            }
            String number = name.substring(prefix.length(), end);
            if (!number.isEmpty() && (number.length() > 9 || Integer.parseInt(number) >= layers)) {
                throw new ModelFileException(
                        checkpoint.source(),
                        "holds \"" + name + "\", but the configuration says " + layers + " layers (0 to " + (layers - 1)
                                + ")");
            }
        }
    }
}
