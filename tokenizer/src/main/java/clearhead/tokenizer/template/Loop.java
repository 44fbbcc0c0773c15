package clearhead.tokenizer.template;

import java.util.List;

/// What a `for` knows of itself: the name `loop` in its body.
final class Loop {
    private final List<Value> values;
    int index;

    Loop(List<Value> values) {
        this.values = values;
    }

    Value value() {
        int last = values.size() - 1;
        var known = new java.util.LinkedHashMap<String, Value>();
        known.put("index", Value.of(index + 1L));
        known.put("index0", Value.of((long) index));
        known.put("revindex", Value.of(last - index + 1L));
        known.put("revindex0", Value.of((long) last - index));
        known.put("first", Value.of(index == 0));
        known.put("last", Value.of(index == last));
        known.put("length", Value.of((long) values.size()));
        if (index > 0) {
            known.put("previtem", values.get(index - 1));
        }
        if (index < last) {
            known.put("nextitem", values.get(index + 1));
        }
        int here = index;
        known.put("cycle", new Value.Callable("cycle", (frame, arguments) -> {
            if (arguments.positions().isEmpty()) {
                throw new TemplateException("loop.cycle needs values to choose from");
            }
            return arguments.positions().get(here % arguments.positions().size());
        }));
        return new Value.Space(known);
    }
}
