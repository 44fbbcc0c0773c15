package clearhead.view;

import clearhead.inspect.Prediction;
import clearhead.io.JsonWriter;
import clearhead.sampling.Sampling;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;

/// A [Prediction] as fields of an open JSON object: `query` to `draws` of docs/json.md.
public final class PredictJson {
    private final JsonWriter json;
    private final Prompt prompt;

    public PredictJson(JsonWriter json, Prompt prompt) {
        this.json = json;
        this.prompt = prompt;
    }

    /// @param top how many of the most likely tokens
    /// @param find tokens asked for by name
    /// @param draws how often to draw; 0 leaves `draws` out
    public void write(int query, Prediction p, int top, List<Integer> find, int draws) {
        Sampling s = p.sampling();
        json.field("query", query).field("sentence", PredictWords.sentence(prompt, query, p));
        json.name("sampling").beginObject();
        json.field("temperature", s.temperature()).field("top_k", s.topK()).field("top_p", s.topP());
        json.field("min_p", s.minP()).field("repeat_penalty", s.repeatPenalty()).field("seed", s.seed());
        json.endObject();
        json.field("vocab", p.vocab()).field("lse", p.lse()).field("entropy", p.entropy());
        json.field("kept", p.kept());
        json.name("lines").beginArray();
        for (Prediction.Line line : p.lines()) {
            json.beginObject().field("rule", name(line.rule())).field("kept", line.kept());
            json.field("probability", line.probability()).endObject();
        }
        json.endArray();
        json.name("top").beginArray();
        p.top(top).forEach(this::entry);
        json.endArray();
        if (!find.isEmpty()) {
            json.name("find").beginArray();
            find.forEach(id -> entry(p.of(id)));
            json.endArray();
        }
        if (draws > 0) {
            draws(p, draws);
        }
    }

    private void entry(Prediction.Entry e) {
        json.beginObject();
        token(json, prompt, e.id());
        json.field("rank", e.rank()).field("logit", e.logit());
        json.field("probability", e.probability()).field("tempered", e.tempered());
        json.field("drawn", e.drawn()).field("cut", name(e.cut())).endObject();
    }

    /// `id`, `text` and `bytes` of a token.
    static void token(JsonWriter json, Prompt prompt, int id) {
        Prompt.Label label = prompt.label(id);
        json.field("id", id).field("text", label.text());
        json.field("bytes", HexFormat.of().formatHex(label.bytes()));
    }

    private void draws(Prediction p, int count) {
        int[] ids = p.draw(count);
        json.name("draws")
                .beginObject()
                .field("count", count)
                .field("seed", p.sampling().seed());
        json.name("ids").value(ids);
        json.name("counts").beginArray();
        for (Map.Entry<Integer, Integer> e : counted(p, ids).entrySet()) {
            Prediction.Entry entry = p.ranked(e.getKey());
            json.beginObject();
            token(json, prompt, entry.id());
            json.field("rank", entry.rank()).field("count", e.getValue());
            json.field("share", e.getValue() / (double) count)
                    .field("drawn", entry.drawn())
                    .endObject();
        }
        json.endArray().endObject();
    }

    /// How often each rank was drawn, the most likely first.
    public static Map<Integer, Integer> counted(Prediction p, int[] ids) {
        var counts = new TreeMap<Integer, Integer>();
        Arrays.stream(ids).forEach(id -> counts.merge(p.of(id).rank(), 1, Integer::sum));
        return counts;
    }

    /// `top_k`.
    static String name(Prediction.Cut cut) {
        return cut.name().toLowerCase(Locale.ROOT);
    }
}
