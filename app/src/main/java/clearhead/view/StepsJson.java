package clearhead.view;

import clearhead.inspect.LogitEffect;
import clearhead.inspect.Parity;
import clearhead.inspect.Steps;
import clearhead.inspect.WrittenOut;
import clearhead.io.JsonWriter;
import java.util.List;
import java.util.Locale;

/// [Steps] as JSON: the schema is in docs/json.md.
public final class StepsJson {
    /// Tokens told of the effect on the logits, in each of most likely, falling and rising.
    private static final int TOLD = 20;

    private final JsonWriter json;
    private final Prompt prompt;

    public StepsJson(JsonWriter json, Prompt prompt) {
        this.json = json;
        this.prompt = prompt;
    }

    public void write(Steps s) {
        Steps.Place p = s.place();
        json.beginObject();
        json.name("place").beginObject();
        json.field("layer", p.layer()).field("head", p.head()).field("kv_head", p.kvHead());
        json.field("shared_by", p.sharedBy()).field("query", p.query()).field("key", p.key());
        json.field("heads", p.heads()).field("kv_heads", p.kvHeads());
        json.field("head_dim", p.headDim()).field("dim", p.dim()).field("scale", p.scale());
        json.endObject();
        input("query_input", s.queryInput());
        input("key_input", s.keyInput());
        projection("q", s.query());
        projection("k", s.key());
        projection("v", s.value());
        json.name("rotations").beginArray();
        s.rotations().forEach(this::rotation);
        json.endArray();
        json.name("products").beginObject();
        json.name("q").value(s.products().query()).name("k").value(s.products().key());
        json.name("products").value(s.products().products());
        json.field("sum", s.products().sum()).field("score", s.products().score());
        json.endObject();
        softmax(s.softmax());
        weighted(s.weighted());
        json.name("output").beginObject();
        json.name("head")
                .value(s.output().head())
                .name("norm_of_head")
                .value(s.output().norms());
        json.name("bias")
                .value(s.output().bias())
                .name("attention")
                .value(s.output().run());
        json.field("difference", s.output().difference()).endObject();
        json.name("sum").beginObject();
        json.name("residual").value(s.sum().residual());
        json.name("attention")
                .value(s.sum().attention())
                .name("sum")
                .value(s.sum().run());
        json.field("difference", s.sum().difference()).endObject();
        json.name("effect").beginObject();
        effect(json.name("direct"), s.effect().direct());
        effect(json.name("total"), s.effect().total());
        json.field("difference", s.effect().difference()).endObject();
        json.field("largest_relative_difference", s.largestRelativeDifference());
        json.endObject();
    }

    /// One element written out in full.
    public static void written(JsonWriter json, WrittenOut w) {
        json.beginObject().field("of", w.of().name().toLowerCase(Locale.ROOT));
        json.field("position", w.token()).field("index", w.index());
        json.field("sum", w.sum()).field("bias", w.bias()).field("run", w.run());
        json.field("difference", Math.abs(w.sum() - w.run()));
        var products = new double[w.x().length];
        for (int i = 0; i < products.length; i++) {
            products[i] = w.x()[i] * w.weight()[i];
        }
        json.name("x").value(w.x()).name("weight").value(w.weight());
        json.name("products").value(products).endObject();
    }

    private void input(String name, Steps.Input in) {
        json.name(name).beginObject();
        json.field("position", in.token()).field("norm", in.norm());
        json.field("mean", in.mean()).field("mean_square", in.meanSquare());
        json.field("eps", in.eps()).field("divisor", in.divisor());
        json.name("residual").value(in.residual()).name("weight").value(in.weight());
        json.name("bias").value(in.bias()).name("x").value(in.run());
        json.field("difference", in.difference()).endObject();
    }

    private void projection(String name, Steps.Projection p) {
        json.name(name).beginObject();
        json.field("position", p.token()).field("head", p.head());
        json.name("vector").value(p.run());
        if (p.normed().length > 0) {
            json.name("normed").value(p.normed());
        }
        json.name("elements").beginArray();
        for (Steps.Element e : p.elements()) {
            json.beginObject().field("index", e.index()).field("sum", e.sum()).field("bias", e.bias());
            json.name("largest_products").beginArray();
            for (Steps.Product product : e.largest()) {
                json.beginObject().field("index", product.index()).field("x", product.x());
                json.field("weight", product.weight()).field("product", product.product());
                json.endObject();
            }
            json.endArray().endObject();
        }
        json.endArray().field("difference", p.difference()).endObject();
    }

    private void rotation(Steps.Rotation r) {
        json.beginObject().field("of", r.of()).field("position", r.position());
        json.name("before").value(r.before()).name("after").value(r.run());
        json.name("pairs").beginArray();
        for (Steps.Pair p : r.pairs()) {
            json.beginObject().field("first", p.first()).field("second", p.second());
            json.field("angle", p.angle()).field("cos", p.cos()).field("sin", p.sin());
            json.field("a", p.a()).field("b", p.b());
            json.field("turned_a", r.run()[p.first()]).field("turned_b", r.run()[p.second()]);
            json.endObject();
        }
        json.endArray().field("difference", r.difference()).endObject();
    }

    private void softmax(Steps.Softmax m) {
        json.name("softmax").beginObject();
        json.name("keys").beginArray();
        for (Steps.Cell c : m.cells()) {
            json.beginObject().field("position", c.key()).field("dot", c.dot());
            json.field("masked", c.masked()).field("score", c.score());
            json.field("shifted", c.shifted()).field("exp", c.exp()).field("weight", c.weight());
            json.endObject();
        }
        json.endArray();
        json.field("max", m.max()).field("sum", m.sum()).field("lse", m.lse());
        json.field("run_lse", m.runLse()).field("difference", m.difference()).endObject();
    }

    private void weighted(Steps.Weighted w) {
        json.name("weighted").beginObject();
        json.name("keys").beginArray();
        for (Steps.Part part : w.parts()) {
            json.beginObject().field("position", part.key()).field("weight", part.weight());
            json.name("value")
                    .value(part.value())
                    .name("product")
                    .value(part.product())
                    .endObject();
        }
        json.endArray();
        json.field("other_keys", w.restKeys()).name("rest").value(w.rest());
        json.name("sum").value(w.sum()).name("z").value(w.run());
        json.field("difference", w.difference());
        parity(json.name("parity"), w.parity());
        json.endObject();
    }

    public static void parity(JsonWriter json, Parity parity) {
        json.beginObject().field("holds", parity.holds());
        json.field("largest_difference", parity.largestDifference());
        json.field("largest_value", parity.largestValue()).field("relative", parity.relative());
        json.field("tolerance", Parity.TOLERANCE);
        json.field("rows", parity.rows()).field("of", parity.of()).endObject();
    }

    private void effect(JsonWriter at, LogitEffect effect) {
        at.beginObject();
        changes("most_likely", effect.top(TOLD));
        changes("falling_without", effect.falling(TOLD));
        changes("rising_without", effect.rising(TOLD));
        at.field("divergence", effect.divergence()).endObject();
    }

    private void changes(String name, List<LogitEffect.Change> changes) {
        json.name(name).beginArray();
        changes.forEach(c -> change(json, prompt, c, "with", "without"));
        json.endArray();
    }

    public static void change(JsonWriter json, Prompt prompt, LogitEffect.Change c, String before, String after) {
        json.beginObject()
                .field("id", c.id())
                .field("text", prompt.label(c.id()).text());
        json.field("logit_" + before, c.logitBefore()).field("logit_" + after, c.logitAfter());
        json.field("probability_" + before, c.probabilityBefore());
        json.field("probability_" + after, c.probabilityAfter()).endObject();
    }
}
