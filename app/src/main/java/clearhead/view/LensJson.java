package clearhead.view;

import clearhead.inspect.Lens;
import clearhead.io.JsonWriter;
import java.util.List;
import java.util.OptionalInt;
import java.util.stream.IntStream;

/// A grid of the [Lens] as fields of an open JSON object: `query` to `rows` of docs/json.md.
public final class LensJson {
    private final JsonWriter json;
    private final Prompt prompt;

    public LensJson(JsonWriter json, Prompt prompt) {
        this.json = json;
        this.prompt = prompt;
    }

    /// @param query the position that the sentence is about
    /// @param positions columns of the grid
    /// @param grid [places][positions]
    public void write(
            int query, int[] positions, List<Lens.Place> places, OptionalInt watched, List<List<Lens.Cell>> grid) {
        json.field("query", query);
        column(positions, query)
                .ifPresent(i -> json.field(
                        "sentence",
                        PredictWords.sentence(
                                prompt,
                                places,
                                grid.stream().map(row -> row.get(i)).toList())));
        json.name("positions").value(positions);
        watched.ifPresent(id -> {
            json.name("watched").beginObject();
            PredictJson.token(json, prompt, id);
            json.endObject();
        });
        json.name("rows").beginArray();
        for (int row = 0; row < places.size(); row++) {
            Lens.Place place = places.get(row);
            json.beginObject().field("site", place.site().label()).field("layer", place.layer());
            json.field("label", place.label());
            json.name("cells").beginArray();
            grid.get(row).forEach(this::cell);
            json.endArray().endObject();
        }
        json.endArray();
    }

    private void cell(Lens.Cell cell) {
        json.beginObject().field("position", cell.position()).field("id", cell.id());
        json.field("text", prompt.label(cell.id()).text());
        json.field("logit", cell.logit()).field("probability", cell.probability());
        json.field("divergence", cell.divergence());
        cell.watched()
                .ifPresent(w -> json.field("watched_rank", w.rank())
                        .field("watched_logit", w.logit())
                        .field("watched_probability", w.probability()));
        json.endObject();
    }

    /// Which column a position has, if it has one.
    public static OptionalInt column(int[] positions, int query) {
        return IntStream.range(0, positions.length)
                .filter(i -> positions[i] == query)
                .findFirst();
    }
}
