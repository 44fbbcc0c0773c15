package clearhead.view;

import clearhead.inspect.HeadLabel;
import clearhead.inspect.HeadMap;
import clearhead.inspect.HeadMetric;
import clearhead.inspect.HeadMetrics;
import clearhead.inspect.HeadScan;
import clearhead.io.JsonWriter;

/// A [HeadMap] as fields of an open JSON object: `position` to `random` of docs/json.md.
public final class HeadsJson {
    private final JsonWriter json;
    private final HeadMap map;

    public HeadsJson(JsonWriter json, HeadMap map) {
        this.json = json;
        this.map = map;
    }

    /// @param prompt the text
    /// @param metric what the sentence is about
    public void write(Prompt prompt, HeadMetric metric) {
        HeadScan text = map.text();
        json.field("position", text.position());
        json.name("predicted").beginObject();
        PredictJson.token(json, prompt, text.predicted());
        json.endObject();
        json.field("sentence", HeadWords.sentence(map, text, metric));
        json.name("metrics").beginArray();
        for (HeadMetric m : HeadMetric.values()) {
            json.beginObject().field("name", m.label()).field("title", m.title());
            json.field("definition", m.definition()).field("formula", m.formula());
            json.field("paper", m.paper()).field("unit", m.unit());
            bound("least", m.least());
            bound("most", m.most());
            json.endObject();
        }
        json.endArray().name("label_rules").beginArray();
        for (HeadLabel l : HeadLabel.values()) {
            json.beginObject().field("name", l.label()).field("title", l.title());
            json.field("definition", l.definition()).field("formula", l.formula());
            json.field("threshold", l.threshold()).field("least_rows", HeadLabel.ROWS);
            json.field("decided_on", l.repeated() ? "random" : "text").endObject();
        }
        json.endArray().name("text").beginObject();
        scan(text);
        json.endObject();
        map.random().ifPresent(r -> {
            json.name("random").beginObject();
            json.field("seed", r.tokens().seed()).field("period", r.tokens().period());
            json.field("lead", r.tokens().lead()).name("ids").value(r.tokens().ids());
            scan(r.scan());
            json.endObject();
        });
    }

    /// Infinite bounds are none.
    private void bound(String name, double value) {
        if (Double.isFinite(value)) {
            json.field(name, value);
        } else {
            json.name(name).nullValue();
        }
    }

    private void scan(HeadScan scan) {
        json.field("tokens", scan.tokens()).name("rows").beginObject();
        for (HeadMetric m : HeadMetric.values()) {
            json.field(m.label(), scan.rows().getOrDefault(m, 0));
        }
        json.endObject().name("uniform");
        values(scan.uniform());
        json.name("heads").beginArray();
        for (HeadMetrics h : scan.heads()) {
            json.beginObject().field("layer", h.layer()).field("head", h.head()).name("labels");
            json.value(map.labels(scan, h.layer(), h.head()).stream()
                    .map(HeadLabel::label)
                    .toList());
            json.name("values");
            values(h);
            json.name("evidence").beginObject();
            for (HeadLabel l : HeadLabel.values()) {
                HeadLabel.Evidence e = map.evidence(scan, l, h.layer(), h.head());
                if (e.rows() > 0) {
                    json.name(l.label()).beginObject().field("weight", e.weight());
                    json.field("uniform", e.uniform()).field("share", e.share());
                    json.field("rows", e.rows()).endObject();
                }
            }
            json.endObject().endObject();
        }
        json.endArray();
    }

    private void values(HeadMetrics head) {
        json.beginObject();
        head.values().forEach((metric, value) -> json.field(metric.label(), value));
        json.endObject();
    }
}
