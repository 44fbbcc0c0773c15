package clearhead.model;

import clearhead.io.Checkpoint;
import clearhead.io.Llama2c;
import clearhead.io.ModelFileException;
import java.util.List;

/// How a kind of file names and arranges what Hugging Face's checkpoints hold.
enum Dialect {
    /// Safetensors: the names and the arrangement are the ones that [Parameter.Stored] gives.
    HUGGING_FACE,
    /// GGUF: `blk.0.attn_q.weight`; nothing is transposed; rotary pairs of llama are neighbours.
    GGUF,
    /// llama2.c: Hugging Face's names; rotary pairs are neighbours.
    LLAMA2C;

    static Dialect of(Checkpoint checkpoint) {
        if (checkpoint instanceof Llama2c) {
            return LLAMA2C;
        }
        return checkpoint.metadata().containsKey("general.architecture") ? GGUF : HUGGING_FACE;
    }

    /// The name in the file, which may be absent there. Hugging Face's checkpoints may leave out the
    /// name of the whole model at the start (`model.`), or put it inside another (`language_model.`).
    ///
    /// @param stored the name in Hugging Face's words
    String name(Checkpoint checkpoint, String stored) {
        if (this == GGUF || checkpoint.has(stored)) {
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
