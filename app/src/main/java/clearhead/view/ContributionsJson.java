package clearhead.view;

import clearhead.inspect.Contributions;
import clearhead.io.JsonWriter;
import java.util.Locale;

/// [Contributions] as fields of an open JSON object: `query` to `layers` of docs/json.md.
public final class ContributionsJson {
    private ContributionsJson() {}

    /// @param layers of the model
    public static void write(JsonWriter json, Prompt prompt, Contributions c, int layers) {
        json.field("query", c.position()).field("sentence", PredictWords.sentence(prompt, c));
        json.name("a").beginObject();
        PredictJson.token(json, prompt, c.a());
        json.endObject();
        c.b().ifPresent(b -> {
            json.name("b").beginObject();
            PredictJson.token(json, prompt, b);
            json.endObject();
        });
        json.field("divisor", c.divisor()).field("logit", c.logit());
        json.field("sum", c.sum()).field("difference", c.difference());
        json.name("parts").beginArray();
        for (Contributions.Part part : c.parts()) {
            json.beginObject().field("kind", part.kind().name().toLowerCase(Locale.ROOT));
            if (part.layer() >= 0) {
                json.field("layer", part.layer());
            }
            if (part.head() >= 0) {
                json.field("head", part.head());
            }
            json.field("name", PredictWords.name(part))
                    .field("value", part.value())
                    .endObject();
        }
        json.endArray();
        json.name("layers").beginArray();
        for (int layer = 0; layer < layers; layer++) {
            json.beginObject().field("layer", layer);
            json.field("attention", c.attention(layer))
                    .field("mlp", c.mlp(layer))
                    .endObject();
        }
        json.endArray();
    }
}
