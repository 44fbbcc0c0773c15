package clearhead.tokenizer.template;

import clearhead.tokenizer.JsonText;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// JSON into values of templates.
final class JsonValues {
    private JsonValues() {}

    static Value read(String text) {
        return of(JsonText.parse("JSON", text));
    }

    private static Value of(@Nullable Object plain) {
        if (plain == null) {
            return Value.NONE;
        } else if (plain instanceof Boolean b) {
            return Value.of(b.booleanValue());
        } else if (plain instanceof Long l) {
            return Value.of(l.longValue());
        } else if (plain instanceof Double d) {
            return Value.of(d.doubleValue());
        } else if (plain instanceof String s) {
            return Value.of(s);
        } else if (plain instanceof List<?> list) {
            var values = new ArrayList<Value>();
            for (Object element : list) {
                values.add(of(element));
            }
            return new Value.Items(values);
        }
        var entries = new LinkedHashMap<Value, Value>();
        ((Map<?, ?>) plain).forEach((key, value) -> entries.put(Value.of(String.valueOf(key)), of(value)));
        return new Value.Mapping(entries);
    }
}
