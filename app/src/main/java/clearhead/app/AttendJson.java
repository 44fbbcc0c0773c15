package clearhead.app;

import clearhead.inspect.AttentionRow;
import clearhead.inspect.Look;
import clearhead.inspect.NextTokens;
import clearhead.inspect.Parity;
import clearhead.inspect.Steps;
import clearhead.io.JsonWriter;
import clearhead.view.ModelJson;
import clearhead.view.Prompt;
import clearhead.view.StepsJson;
import java.io.Writer;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.Optional;

/// What `attend` shows, as JSON: the schema is in docs/json.md.
final class AttendJson {
    private final OpenModel open;
    private final Prompt prompt;
    private final Look look;
    private final Parity parity;
    private final int next;

    AttendJson(OpenModel open, Prompt prompt, Look look, Parity parity, int next) {
        this.open = open;
        this.prompt = prompt;
        this.look = look;
        this.parity = parity;
        this.next = next;
    }

    void write(Writer to, Optional<Steps> steps) {
        try (var json = JsonWriter.to(to, true)) {
            json.beginObject().field("command", "attend");
            ModelJson.model(json, open.model(), open.arithmetic(), open.backend());
            ModelJson.tokens(json, prompt);
            json.field("layer", look.layer()).field("head", look.head());
            json.field("query", look.query());
            json.field("sentence", AttendText.sentence(prompt, look));
            row(json);
            json.name("next").beginArray();
            for (NextTokens.Choice c :
                    NextTokens.top(look.logits(), open.model().isDecoder() ? next : 0)) {
                Prompt.Label label = prompt.label(c.id());
                json.beginObject().field("id", c.id()).field("text", label.text());
                json.field("bytes", HexFormat.of().formatHex(label.bytes()));
                json.field("logit", c.logit())
                        .field("probability", c.probability())
                        .endObject();
            }
            json.endArray();
            StepsJson.parity(json.name("parity"), parity);
            json.name("pattern").beginArray();
            for (int i = 0; i < look.pattern().queries(); i++) {
                double[] weights = look.pattern().row(look.head(), i).weights();
                json.value(Arrays.copyOf(weights, look.pattern().visible(i)));
            }
            json.endArray();
            steps.ifPresent(s -> {
                json.name("steps");
                new StepsJson(json, prompt).write(s);
            });
            json.endObject();
        }
    }

    private void row(JsonWriter json) {
        AttentionRow row = look.row();
        json.name("row").beginObject();
        json.field("lse", row.lse()).field("entropy", row.entropy());
        json.name("keys").beginArray();
        for (int key : row.ranked()) {
            json.beginObject().field("position", key);
            json.field("text", prompt.labels().get(key).text());
            json.field("score", row.scores()[key])
                    .field("weight", row.weights()[key])
                    .endObject();
        }
        json.endArray().endObject();
    }
}
