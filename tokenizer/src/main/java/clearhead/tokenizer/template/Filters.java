package clearhead.tokenizer.template;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/// What may follow `|`.
final class Filters {
    private Filters() {}

    static Value apply(Frame frame, String name, Value value, Arguments a) {
        frame.step();
        return switch (name) {
            case "trim" -> {
                Optional<String> chars =
                        a.atMost(1, name, "chars").get(0, "chars").map(Printing::text);
                boolean markup = value instanceof Value.Text text && text.isMarkup();
                yield new Value.Text(Methods.strip(Printing.text(value), chars, true, true), markup);
            }
            case "upper" -> Value.of(Printing.text(value).toUpperCase(Locale.ROOT));
            case "lower" -> Value.of(Printing.text(value).toLowerCase(Locale.ROOT));
            case "title" -> Value.of(Methods.title(Printing.text(value)));
            case "capitalize" -> Value.of(Methods.capitalize(Printing.text(value)));
            case "string" -> value instanceof Value.Text ? value : Value.of(Printing.text(value));
            case "safe" -> new Value.Text(Printing.text(value), true);
            case "escape", "e" ->
                value instanceof Value.Text text && text.isMarkup()
                        ? value
                        : new Value.Text(escape(Printing.text(value)), true);
            case "forceescape" -> new Value.Text(escape(Printing.text(value)), true);
            case "length", "count" -> {
                if (value instanceof Value.Items items) {
                    items.counted("length");
                }
                yield Value.of((long) value.iterated().size());
            }
            case "list" -> new Value.Items(new ArrayList<>(value.iterated()));
            case "first" -> {
                List<Value> all = value.iterated();
                yield all.isEmpty() ? new Value.Undefined("first of nothing") : all.get(0);
            }
            case "last" -> {
                if (value instanceof Value.Items items) {
                    items.counted("last");
                }
                List<Value> all = value.iterated();
                yield all.isEmpty() ? new Value.Undefined("last of nothing") : all.get(all.size() - 1);
            }
            case "default", "d" -> {
                a.atMost(2, name, "default_value", "boolean");
                boolean empty = a.get(1, "boolean").map(Value::isTrue).orElse(false) && !value.isTrue();
                yield value instanceof Value.Undefined || empty
                        ? a.get(0, "default_value").orElse(Value.of(""))
                        : value;
            }
            case "join" -> join(frame, value, a.atMost(2, name, "d", "attribute"));
            case "replace" -> {
                String old =
                        Printing.text(a.atMost(3, name, "old", "new", "count").require(0, "old", name));
                String other = Printing.text(a.require(1, "new", name));
                long count = a.get(2, "count")
                        .filter(v -> !(v instanceof Value.None))
                        .map(Operators::index)
                        .orElse(-1L);
                yield Value.of(Methods.replace(frame, Printing.text(value), old, other, count));
            }
            case "tojson" -> json(value, a);
            case "indent" -> indent(frame, Printing.text(value), a);
            case "items" -> {
                if (value instanceof Value.Undefined) {
                    yield new Value.Items(List.of());
                } else if (!(value instanceof Value.Mapping)) {
                    throw new TemplateException("items needs a dictionary, found " + value.named());
                }
                yield Methods.of(value, "items")
                        .map(m -> ((Value.Callable) m).body().call(frame, Arguments.NONE))
                        .orElseThrow();
            }
            case "dictsort" -> dictsort(value, a);
            case "map" -> map(frame, value, a);
            case "select", "reject" -> select(frame, value, a, name.equals("select"), false);
            case "selectattr", "rejectattr" -> select(frame, value, a, name.equals("selectattr"), true);
            case "unique" -> unique(value);
            case "reverse" -> reverse(value);
            case "sort" -> sort(value, a);
            case "sum" -> {
                Value sum = a.get(1, "start").orElse(Value.of(0L));
                for (Value each : value.iterated()) {
                    sum = Operators.binary(frame, "+", sum, attribute(each, a.get(0, "attribute")));
                }
                yield sum;
            }
            case "min", "max" -> {
                Comparator<Value> order = Operators::compare;
                yield value.iterated().stream()
                        .max(name.equals("max") ? order : order.reversed())
                        .orElse(new Value.Undefined(name + " of nothing"));
            }
            case "abs" ->
                value instanceof Value.Real r
                        ? Value.of(Math.abs(r.value()))
                        : Value.of(Math.abs(Operators.index(value)));
            case "int" -> whole(value, a);
            case "float" -> real(value, a);
            case "round" -> round(value, a);
            case "attr" ->
                Methods.of(value, Printing.text(a.require(0, "name", name)))
                        .orElse(new Value.Undefined(Printing.text(a.require(0, "name", name))));
            case "wordcount" -> Value.of((long) Printing.text(value).strip().split("\\s+").length);
            case "batch", "slice", "groupby", "format", "truncate", "urlencode", "wordwrap", "xmlattr" ->
                throw new TemplateException("the filter \"" + name + "\" is not among those that chat templates use");
            default -> throw new TemplateException("there is no filter \"" + name + "\"");
        };
    }

    static String escape(String text) {
        return text.replace("&", "&amp;")
                .replace("<", "&lt;")
                .replace(">", "&gt;")
                .replace("'", "&#39;")
                .replace("\"", "&#34;");
    }

    private static Value generator(List<Value> values) {
        return new Value.Items(values, Value.Items.Kind.GENERATOR);
    }

    private static Value attribute(Value of, Optional<Value> path) {
        if (path.isEmpty() || path.get() instanceof Value.None) {
            return of;
        } else if (Operators.isWhole(path.get())) {
            return Operators.item(of, path.get(), "item");
        }
        Value found = of;
        for (String part : Printing.text(path.get()).split("\\.")) {
            boolean number = part.matches("[0-9]{1,9}");
            Value at = number ? Value.of(Long.parseLong(part)) : Value.of(part);
            found = Operators.item(found, at, part);
        }
        return found;
    }

    private static Value join(Frame frame, Value value, Arguments a) {
        String between = a.get(0, "d").map(Printing::text).orElse("");
        var out = new StringBuilder();
        boolean first = true;
        for (Value each : value.iterated()) {
            out.append(first ? "" : between).append(Printing.text(attribute(each, a.get(1, "attribute"))));
            frame.fits(out.length());
            first = false;
        }
        return Value.of(out.toString());
    }

    private static Value json(Value value, Arguments a) {
        a.atMost(4, "tojson", "ensure_ascii", "indent", "separators", "sort_keys");
        boolean ascii = a.get(0, "ensure_ascii").map(Value::isTrue).orElse(false);
        Optional<Value> indent = a.get(1, "indent").filter(v -> !(v instanceof Value.None));
        int width = indent.map(v -> (int) Math.max(0, Math.min(64, Operators.index(v))))
                .orElse(-1);
        String comma = width < 0 ? ", " : ",";
        String colon = ": ";
        Optional<Value> separators = a.get(2, "separators").filter(v -> !(v instanceof Value.None));
        if (separators.isPresent()) {
            List<Value> two = separators.get().iterated();
            if (two.size() != 2) {
                throw new TemplateException("tojson needs two separators, got " + two.size());
            }
            comma = Printing.text(two.get(0));
            colon = Printing.text(two.get(1));
        }
        boolean sorted = a.get(3, "sort_keys").map(Value::isTrue).orElse(false);
        return Value.of(Printing.json(value, width, comma, colon, ascii, sorted));
    }

    private static Value indent(Frame frame, String text, Arguments a) {
        a.atMost(3, "indent", "width", "first", "blank");
        Value width = a.get(0, "width").orElse(Value.of(4L));
        if (Operators.isWhole(width)) {
            frame.fits(Operators.index(width));
        }
        String by = width instanceof Value.Text t ? t.value() : " ".repeat((int) Math.max(0, Operators.index(width)));
        boolean first = a.get(1, "first").map(Value::isTrue).orElse(false);
        boolean blank = a.get(2, "blank").map(Value::isTrue).orElse(false);
        String[] lines = text.split("\n", -1);
        var out = new StringBuilder();
        for (int i = 0; i < lines.length; i++) {
            out.append(i > 0 ? "\n" : "");
            if (i == 0 ? first : blank || !lines[i].isEmpty()) {
                out.append(by);
            }
            out.append(lines[i]);
            frame.fits(out.length());
        }
        return Value.of(out.toString());
    }

    private static Value dictsort(Value value, Arguments a) {
        if (!(value instanceof Value.Mapping mapping)) {
            throw new TemplateException("dictsort needs a dictionary, found " + value.named());
        }
        boolean sensitive = a.get(0, "case_sensitive").map(Value::isTrue).orElse(false);
        boolean byValue = a.get(1, "by").map(Printing::text).orElse("key").equals("value");
        boolean reverse = a.get(2, "reverse").map(Value::isTrue).orElse(false);
        var entries = new ArrayList<>(mapping.entries().entrySet());
        Comparator<Map.Entry<Value, Value>> order = (x, y) -> Operators.compare(
                folded(byValue ? x.getValue() : x.getKey(), sensitive),
                folded(byValue ? y.getValue() : y.getKey(), sensitive));
        entries.sort(reverse ? order.reversed() : order);
        var pairs = new ArrayList<Value>();
        entries.forEach(entry -> pairs.add(Value.Items.tuple(entry.getKey(), entry.getValue())));
        return new Value.Items(pairs);
    }

    private static Value folded(Value value, boolean sensitive) {
        return !sensitive && value instanceof Value.Text text
                ? Value.of(text.value().toLowerCase(Locale.ROOT))
                : value;
    }

    private static Value map(Frame frame, Value value, Arguments a) {
        var mapped = new ArrayList<Value>();
        if (!value.isTrue()) {
            return generator(mapped);
        }
        if (a.names().containsKey("attribute")) {
            Optional<Value> path = Optional.of(a.require(9, "attribute", "map"));
            for (Value each : value.iterated()) {
                Value found = attribute(each, path);
                boolean missing = found instanceof Value.Undefined && a.names().containsKey("default");
                mapped.add(missing ? a.require(9, "default", "map") : found);
            }
            return generator(mapped);
        }
        String filter = Printing.text(a.require(0, "filter", "map"));
        for (Value each : value.iterated()) {
            mapped.add(apply(frame, filter, each, a.rest()));
        }
        return generator(mapped);
    }

    /// @param keep what passes the test, or what does not
    private static Value select(Frame frame, Value value, Arguments a, boolean keep, boolean byAttribute) {
        Arguments test = a;
        Optional<Value> path = Optional.empty();
        if (byAttribute) {
            path = Optional.of(a.require(0, "attribute", "selectattr"));
            test = a.rest();
        }
        var kept = new ArrayList<Value>();
        if (!value.isTrue()) {
            return generator(kept);
        }
        for (Value each : value.iterated()) {
            frame.step();
            Value asked = attribute(each, path);
            boolean passes = test.positions().isEmpty()
                    ? asked.isTrue()
                    : Tests.holds(Printing.text(test.positions().get(0)), asked, test.rest());
            if (passes == keep) {
                kept.add(each);
            }
        }
        return generator(kept);
    }

    private static Value unique(Value value) {
        var kept = new LinkedHashMap<Value, Value>();
        for (Value each : value.iterated()) {
            kept.putIfAbsent(folded(Operators.hashable(each), false), each);
        }
        return generator(new ArrayList<>(kept.values()));
    }

    private static Value reverse(Value value) {
        if (value instanceof Value.Text text) {
            return Value.of(new StringBuilder(text.value()).reverse().toString());
        }
        var all = new ArrayList<>(value.iterated());
        java.util.Collections.reverse(all);
        return generator(all);
    }

    private static Value sort(Value value, Arguments a) {
        a.atMost(3, "sort", "reverse", "case_sensitive", "attribute");
        boolean sensitive = a.get(1, "case_sensitive").map(Value::isTrue).orElse(false);
        Optional<Value> path = a.get(2, "attribute");
        Comparator<Value> order = (x, y) ->
                Operators.compare(folded(attribute(x, path), sensitive), folded(attribute(y, path), sensitive));
        var all = new ArrayList<>(value.iterated());
        all.sort(a.get(0, "reverse").map(Value::isTrue).orElse(false) ? order.reversed() : order);
        return new Value.Items(all);
    }

    private static Value whole(Value value, Arguments a) {
        Value otherwise = a.get(0, "default").orElse(Value.of(0L));
        if (value instanceof Value.Real r) {
            return Double.isFinite(r.value()) ? Value.of((long) r.value()) : otherwise;
        } else if (Operators.isWhole(value)) {
            return Value.of(Operators.whole(value));
        } else if (value instanceof Value.Text text) {
            String digits = text.value().strip();
            try {
                return Value.of(Long.parseLong(digits));
            } catch (NumberFormatException e) {
                try {
                    return Value.of((long) Double.parseDouble(digits));
                } catch (NumberFormatException none) {
                    return otherwise;
                }
            }
        }
        return otherwise;
    }

    private static Value real(Value value, Arguments a) {
        Value otherwise = a.get(0, "default").orElse(Value.of(0.0));
        if (Operators.isNumber(value)) {
            return Value.of(Operators.number(value));
        } else if (value instanceof Value.Text text) {
            try {
                return Value.of(Double.parseDouble(text.value().strip()));
            } catch (NumberFormatException e) {
                return otherwise;
            }
        }
        return otherwise;
    }

    private static Value round(Value value, Arguments a) {
        if (!Operators.isNumber(value)) {
            throw new TemplateException("round needs a number, found " + value.named());
        }
        double factor = Math.pow(10, a.get(0, "precision").map(Operators::index).orElse(0L));
        double x = Operators.number(value) * factor;
        return Value.of(switch (a.get(1, "method").map(Printing::text).orElse("common")) {
                    case "ceil" -> Math.ceil(x);
                    case "floor" -> Math.floor(x);
                    default -> Math.rint(x);
                }
                / factor);
    }
}
