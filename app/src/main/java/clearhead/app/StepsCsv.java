package clearhead.app;

import clearhead.inspect.LogitEffect;
import clearhead.inspect.Steps;
import java.io.IOException;
import java.io.Writer;

/// [Steps] as rows `step,name,token,index,value`: `token` is a position in the text (or an id of the
/// vocabulary in step `effect`), `index` an element of a vector; empty where there is none. Numbers
/// read back to the same doubles.
final class StepsCsv {
    private final Steps s;

    StepsCsv(Steps steps) {
        this.s = steps;
    }

    void write(Writer out) throws IOException {
        out.write("step,name,token,index,value\n");
        Steps.Place p = s.place();
        row(out, "place", "layer", p.layer());
        row(out, "place", "head", p.head());
        row(out, "place", "kv_head", p.kvHead());
        row(out, "place", "query", p.query());
        row(out, "place", "key", p.key());
        row(out, "place", "scale", p.scale());
        input(out, "query_input", s.queryInput());
        input(out, "key_input", s.keyInput());
        projection(out, "q", s.query());
        projection(out, "k", s.key());
        projection(out, "v", s.value());
        for (Steps.Rotation r : s.rotations()) {
            rotation(out, r);
        }
        vector(out, "products", "q", p.query(), s.products().query());
        vector(out, "products", "k", p.key(), s.products().key());
        vector(out, "products", "product", p.key(), s.products().products());
        row(out, "products", "sum", s.products().sum());
        row(out, "products", "score", s.products().score());
        softmax(out);
        weighted(out);
        vector(out, "output", "head", p.query(), s.output().head());
        vector(out, "output", "norm_of_head", p.query(), s.output().norms());
        vector(out, "output", "bias", p.query(), s.output().bias());
        vector(out, "output", "attention", p.query(), s.output().run());
        row(out, "output", "difference", s.output().difference());
        vector(out, "sum", "residual", p.query(), s.sum().residual());
        vector(out, "sum", "attention", p.query(), s.sum().attention());
        vector(out, "sum", "sum", p.query(), s.sum().run());
        row(out, "sum", "difference", s.sum().difference());
        effect(out, "effect_direct", s.effect().direct());
        effect(out, "effect_total", s.effect().total());
        row(out, "effect_direct", "difference", s.effect().difference());
    }

    private void input(Writer out, String step, Steps.Input in) throws IOException {
        row(out, step, "mean", in.mean());
        row(out, step, "mean_square", in.meanSquare());
        row(out, step, "eps", in.eps());
        row(out, step, "divisor", in.divisor());
        vector(out, step, "residual", in.token(), in.residual());
        vector(out, step, "weight", in.token(), in.weight());
        vector(out, step, "bias", in.token(), in.bias());
        vector(out, step, "x", in.token(), in.run());
        row(out, step, "difference", in.difference());
    }

    private void projection(Writer out, String step, Steps.Projection projection) throws IOException {
        vector(out, step, "run", projection.token(), projection.run());
        for (Steps.Element e : projection.elements()) {
            row(out, step, "sum", projection.token(), e.index(), e.sum());
            row(out, step, "bias", projection.token(), e.index(), e.bias());
            for (Steps.Product product : e.largest()) {
                String of = "[" + e.index() + "]";
                row(out, step, "x" + of, projection.token(), product.index(), product.x());
                row(out, step, "weight" + of, projection.token(), product.index(), product.weight());
                row(out, step, "product" + of, projection.token(), product.index(), product.product());
            }
        }
        vector(out, step, "normed", projection.token(), projection.normed());
        row(out, step, "difference", projection.difference());
    }

    private void rotation(Writer out, Steps.Rotation r) throws IOException {
        String step = "rotation_" + r.of();
        vector(out, step, "before", r.position(), r.before());
        for (Steps.Pair pair : r.pairs()) {
            row(out, step, "second_of_pair", r.position(), pair.first(), pair.second());
            row(out, step, "angle", r.position(), pair.first(), pair.angle());
            row(out, step, "cos", r.position(), pair.first(), pair.cos());
            row(out, step, "sin", r.position(), pair.first(), pair.sin());
        }
        vector(out, step, "after", r.position(), r.run());
        row(out, step, "difference", r.difference());
    }

    private void softmax(Writer out) throws IOException {
        for (Steps.Cell c : s.softmax().cells()) {
            row(out, "softmax", "dot", c.key(), c.dot());
            row(out, "softmax", "score", c.key(), c.score());
            row(out, "softmax", "shifted", c.key(), c.shifted());
            row(out, "softmax", "exp", c.key(), c.exp());
            row(out, "softmax", "weight", c.key(), c.weight());
        }
        row(out, "softmax", "max", s.softmax().max());
        row(out, "softmax", "sum", s.softmax().sum());
        row(out, "softmax", "lse", s.softmax().lse());
        row(out, "softmax", "run_lse", s.softmax().runLse());
        row(out, "softmax", "difference", s.softmax().difference());
    }

    private void weighted(Writer out) throws IOException {
        for (Steps.Part part : s.weighted().parts()) {
            row(out, "weighted", "weight", part.key(), part.weight());
            vector(out, "weighted", "value", part.key(), part.value());
            vector(out, "weighted", "product", part.key(), part.product());
        }
        vector(out, "weighted", "rest", s.place().query(), s.weighted().rest());
        vector(out, "weighted", "sum", s.place().query(), s.weighted().sum());
        vector(out, "weighted", "z", s.place().query(), s.weighted().run());
        row(out, "weighted", "difference", s.weighted().difference());
    }

    private void effect(Writer out, String step, LogitEffect effect) throws IOException {
        for (int id = 0; id < effect.before().length; id++) {
            row(out, step, "logit_with", id, effect.before()[id]);
            row(out, step, "logit_without", id, effect.after()[id]);
        }
        row(out, step, "divergence", effect.divergence());
    }

    private static void vector(Writer out, String step, String name, int token, double[] v) throws IOException {
        for (int i = 0; i < v.length; i++) {
            row(out, step, name, token, i, v[i]);
        }
    }

    private static void row(Writer out, String step, String name, double value) throws IOException {
        out.write(step + "," + name + ",,," + number(value) + "\n");
    }

    private static void row(Writer out, String step, String name, int token, double value) throws IOException {
        out.write(step + "," + name + "," + token + ",," + number(value) + "\n");
    }

    private static void row(Writer out, String step, String name, int token, int index, double value)
            throws IOException {
        out.write(step + "," + name + "," + token + "," + index + "," + number(value) + "\n");
    }

    private static String number(double value) {
        return value == Math.rint(value) && Math.abs(value) < 1e9
                ? Long.toString((long) value)
                : Double.toString(value);
    }
}
