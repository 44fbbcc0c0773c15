package clearhead.view;

import clearhead.inspect.Alignment;
import clearhead.inspect.Change;
import clearhead.inspect.Comparison;
import clearhead.inspect.HeadSweep;
import clearhead.inspect.LogitEffect;
import clearhead.inspect.NextTokens;
import clearhead.inspect.PatchGrid;
import clearhead.io.JsonWriter;
import java.util.List;

/// What changes do to a run, as JSON: the schema is in docs/json.md. Every method writes fields into
/// an object that is open.
public final class ChangesJson {
    private ChangesJson() {}

    /// `changes`: text and words of each.
    public static void changes(JsonWriter json, Prompt prompt, List<Change> changes) {
        var words = new ChangeWords(prompt);
        json.name("changes").value(changes.stream().map(Change::text).toList());
        json.name("changes_in_words").value(changes.stream().map(words::of).toList());
    }

    /// `divergence`, `tokens`.
    ///
    /// @param prompt that names tokens
    public static void effect(JsonWriter json, Prompt prompt, LogitEffect effect, int top) {
        json.field("divergence", effect.divergence());
        json.name("tokens").beginArray();
        effect.top(top).forEach(c -> StepsJson.change(json, prompt, c, "before", "after"));
        json.endArray();
    }

    /// One head of a sweep, an object.
    public static void head(JsonWriter json, Prompt prompt, HeadSweep.Effect e) {
        json.beginObject().field("layer", e.layer()).field("head", e.head());
        json.field("divergence", e.divergence());
        StepsJson.change(json.name("best"), prompt, e.best(), "before", "after");
        json.name("tokens").beginArray();
        e.top().forEach(c -> StepsJson.change(json, prompt, c, "before", "after"));
        json.endArray().endObject();
    }

    /// `site, head, layers, positions, from, a, b, unpatched, source, patched, share`.
    public static void grid(JsonWriter json, Prompt prompt, PatchGrid.Grid grid) {
        PatchGrid.Plan plan = grid.plan();
        json.field("site", plan.site().label());
        plan.head().ifPresent(h -> json.field("head", h));
        json.name("layers").value(plan.layers());
        json.name("positions").value(plan.positions());
        json.name("from").value(plan.from());
        token(json.name("a"), prompt, grid.a());
        token(json.name("b"), prompt, grid.b());
        json.field("unpatched", grid.unpatched()).field("source", grid.source());
        json.name("patched").beginArray();
        for (double[] row : grid.patched()) {
            json.value(row);
        }
        json.endArray().name("share").beginArray();
        for (int l = 0; l < plan.layers().length; l++) {
            json.beginArray();
            for (int p = 0; p < plan.positions().length; p++) {
                json.value(grid.share(l, p));
            }
            json.endArray();
        }
        json.endArray();
    }

    /// `alignment, rows, of, heads, arrows, divergence, tokens`.
    ///
    /// @param a names A's tokens
    /// @param b names B's tokens
    public static void comparison(
            JsonWriter json, Prompt a, Prompt b, Comparison c, double[] logitsA, double[] logitsB, int top) {
        alignment(json, c.alignment());
        json.field("rows", c.rows()).field("of", c.of());
        json.name("heads").beginArray();
        for (Comparison.Head h : c.heads()) {
            json.beginObject().field("layer", h.layer()).field("head", h.head());
            json.field("distance", h.distance()).field("largest", h.largest());
            json.field("entropy_a", h.entropyA())
                    .field("entropy_b", h.entropyB())
                    .endObject();
        }
        json.endArray().name("arrows").beginArray();
        for (Comparison.Arrow w : c.arrows()) {
            json.beginObject().field("layer", w.layer()).field("head", w.head());
            json.field("query_span", w.query()).field("key_span", w.key());
            Alignment.Span query = c.alignment().spans().get(w.query());
            Alignment.Span key = c.alignment().spans().get(w.key());
            json.field("query_a", query.toA() - 1).field("query_b", query.toB() - 1);
            json.field("key_a", key.toA() - 1).field("key_b", key.toB() - 1);
            json.field("a", w.a()).field("b", w.b()).field("difference", w.difference());
            json.endObject();
        }
        json.endArray();
        c.effect().ifPresent(effect -> effect(json, a, effect, top));
        next(json.name("next_a"), a, logitsA, top);
        next(json.name("next_b"), b, logitsB, top);
    }

    /// `alignment`: `[kind, from_a, to_a, from_b, to_b]`, ends exclusive.
    private static void alignment(JsonWriter json, Alignment alignment) {
        json.name("alignment").beginArray();
        for (Alignment.Span s : alignment.spans()) {
            json.beginArray().value(kind(s.kind()));
            json.value(s.fromA()).value(s.toA()).value(s.fromB()).value(s.toB()).endArray();
        }
        json.endArray();
    }

    private static String kind(Alignment.Kind kind) {
        return switch (kind) {
            case SAME -> "same";
            case REPLACED -> "replaced";
            case ONLY_A -> "only_a";
            case ONLY_B -> "only_b";
        };
    }

    private static void next(JsonWriter json, Prompt prompt, double[] logits, int top) {
        json.beginArray();
        for (NextTokens.Choice c : NextTokens.top(logits, top)) {
            json.beginObject().field("id", c.id());
            json.field("text", prompt.label(c.id()).text());
            json.field("logit", c.logit()).field("probability", c.probability()).endObject();
        }
        json.endArray();
    }

    private static void token(JsonWriter json, Prompt prompt, int id) {
        json.beginObject()
                .field("id", id)
                .field("text", prompt.label(id).text())
                .endObject();
    }
}
