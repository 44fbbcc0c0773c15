package clearhead.view;

import clearhead.io.JsonWriter;
import clearhead.model.Model;
import clearhead.nn.Transformer;
import clearhead.ops.AttentionSpec;
import java.util.HexFormat;

/// The parts that every document of a run begins with.
public final class ModelJson {
    private ModelJson() {}

    /// Which model, and how it was run.
    public static void model(JsonWriter json, Model model, String arithmetic, String backend) {
        Transformer t = model.transformer();
        var spec = t.heads();
        json.name("model").beginObject();
        json.field("name", model.name()).field("path", model.path().toString());
        json.field("family", model.architecture().name());
        json.field("layers", t.layers())
                .field("heads", spec.map(AttentionSpec::heads).orElse(0));
        json.field("kv_heads", spec.map(AttentionSpec::kvHeads).orElse(0))
                .field("head_dim", spec.map(AttentionSpec::headDim).orElse(0));
        json.field("dim", t.dim()).field("vocab", t.vocab()).field("context", t.context());
        json.field("arithmetic", arithmetic).field("backend", backend);
        json.endObject();
    }

    /// The tokens of the text.
    public static void tokens(JsonWriter json, Prompt prompt) {
        tokens(json, prompt, new int[0], new int[0]);
    }

    /// The tokens of the text, with the word and the sentence that each belongs to.
    ///
    /// @param words [tokens], or empty
    /// @param sentences [tokens], or empty
    public static void tokens(JsonWriter json, Prompt prompt, int[] words, int[] sentences) {
        json.name("tokens").beginArray();
        for (Prompt.Label l : prompt.labels()) {
            json.beginObject().field("position", l.position()).field("id", l.id());
            json.field("text", l.text()).field("bytes", HexFormat.of().formatHex(l.bytes()));
            json.field("special", l.special()).field("in_text", l.position() >= prompt.added());
            if (words.length > 0) {
                json.field("word", words[l.position()]).field("sentence", sentences[l.position()]);
            }
            json.endObject();
        }
        json.endArray();
    }
}
