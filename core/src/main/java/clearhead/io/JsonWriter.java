package clearhead.io;

import java.io.OutputStream;
import java.io.StringWriter;
import java.io.Writer;
import java.lang.reflect.Array;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.core.JsonGenerator;
import tools.jackson.core.ObjectWriteContext;
import tools.jackson.core.PrettyPrinter;
import tools.jackson.core.json.JsonFactory;
import tools.jackson.core.util.DefaultIndenter;
import tools.jackson.core.util.DefaultPrettyPrinter;
import tools.jackson.core.util.Separators;

/// Writes JSON as a stream. Floats keep full precision: the shortest digits that read back to the
/// same `float` or `double`. NaN and the infinities, for which JSON has no number, become the strings
/// `"NaN"`, `"Infinity"` and `"-Infinity"`.
///
/// ```java
/// try (var json = JsonWriter.to(stream, true)) {
///     json.beginObject().field("layer", 3).name("weights").value(weights).endObject();
/// }
/// ```
public final class JsonWriter implements AutoCloseable {
    private static final JsonFactory FACTORY = JsonFactory.builder().build();

    private final JsonGenerator generator;

    private JsonWriter(JsonGenerator generator) {
        this.generator = generator;
    }

    /// Writes UTF-8 to `stream`, which is flushed and closed with this writer.
    ///
    /// @param indent one field or item a line, by two spaces; arrays of numbers stay on one line
    public static JsonWriter to(OutputStream stream, boolean indent) {
        return to(new java.io.OutputStreamWriter(stream, StandardCharsets.UTF_8), indent);
    }

    /// Writes to `writer`, which is flushed and closed with this one.
    public static JsonWriter to(Writer writer, boolean indent) {
        return new JsonWriter(FACTORY.createGenerator(context(indent), writer));
    }

    private static ObjectWriteContext context(boolean indent) {
        if (!indent) {
            return ObjectWriteContext.empty();
        }
        var separators = Separators.createDefaultInstance()
                .withObjectNameValueSpacing(Separators.Spacing.AFTER)
                .withArrayElementSpacing(Separators.Spacing.AFTER);
        var printer = new DefaultPrettyPrinter(separators)
                .withArrayIndenter(new DefaultPrettyPrinter.NopIndenter())
                .withObjectIndenter(new DefaultIndenter("  ", "\n"));
        return new ObjectWriteContext.Base() {
            @Override
            public PrettyPrinter getPrettyPrinter() {
                return printer.createInstance();
            }

            @Override
            public boolean hasPrettyPrinter() {
                return true;
            }
        };
    }

    public JsonWriter beginObject() {
        generator.writeStartObject();
        return this;
    }

    public JsonWriter endObject() {
        generator.writeEndObject();
        return this;
    }

    public JsonWriter beginArray() {
        generator.writeStartArray();
        return this;
    }

    public JsonWriter endArray() {
        generator.writeEndArray();
        return this;
    }

    /// The name of the field whose value comes next.
    public JsonWriter name(String name) {
        generator.writeName(name);
        return this;
    }

    public JsonWriter value(String text) {
        generator.writeString(text);
        return this;
    }

    public JsonWriter value(long number) {
        generator.writeNumber(number);
        return this;
    }

    public JsonWriter value(double number) {
        if (Double.isFinite(number)) {
            generator.writeNumber(number);
        } else {
            generator.writeString(Double.toString(number));
        }
        return this;
    }

    public JsonWriter value(float number) {
        if (Float.isFinite(number)) {
            generator.writeNumber(number);
        } else {
            generator.writeString(Float.toString(number));
        }
        return this;
    }

    public JsonWriter value(boolean truth) {
        generator.writeBoolean(truth);
        return this;
    }

    public JsonWriter nullValue() {
        generator.writeNull();
        return this;
    }

    public JsonWriter value(int[] numbers) {
        beginArray();
        for (int number : numbers) {
            value(number);
        }
        return endArray();
    }

    public JsonWriter value(float[] numbers) {
        beginArray();
        for (float number : numbers) {
            value(number);
        }
        return endArray();
    }

    public JsonWriter value(double[] numbers) {
        beginArray();
        for (double number : numbers) {
            value(number);
        }
        return endArray();
    }

    public JsonWriter value(List<String> texts) {
        beginArray();
        for (String text : texts) {
            value(text);
        }
        return endArray();
    }

    /// A whole value.
    public JsonWriter value(Json json) {
        switch (json) {
            case Json.Obj object -> {
                beginObject();
                object.fields().forEach((name, value) -> name(name).value(value));
                endObject();
            }
            case Json.Arr array -> {
                beginArray();
                array.items().forEach(this::value);
                endArray();
            }
            case Json.Text(String text) -> value(text);
            case Json.Num(String digits) -> generator.writeNumber(digits);
            case Json.Bool(boolean truth) -> value(truth);
            case Json.Null() -> nullValue();
        }
        return this;
    }

    public JsonWriter field(String name, String text) {
        return name(name).value(text);
    }

    public JsonWriter field(String name, long number) {
        return name(name).value(number);
    }

    public JsonWriter field(String name, double number) {
        return name(name).value(number);
    }

    public JsonWriter field(String name, float number) {
        return name(name).value(number);
    }

    public JsonWriter field(String name, boolean truth) {
        return name(name).value(truth);
    }

    /// Ends the document and closes the stream.
    @Override
    public void close() {
        generator.close();
    }

    static String toText(Json json, boolean indent) {
        var text = new StringWriter();
        try (var writer = to(text, indent)) {
            writer.value(json);
        } catch (JacksonException e) {
            throw new IllegalArgumentException("not writable as JSON: " + e.getMessage(), e);
        }
        return text.toString();
    }

    static Json toJson(String at, @Nullable Object value) {
        return switch (value) {
            case null -> new Json.Null();
            case Json json -> json;
            case CharSequence text -> new Json.Text(text.toString());
            case Boolean truth -> new Json.Bool(truth);
            case Double d when !Double.isFinite(d) -> new Json.Text(d.toString());
            case Float f when !Float.isFinite(f) -> new Json.Text(f.toString());
            case Number number -> new Json.Num(number.toString());
            case Map<?, ?> map -> {
                Map<String, Json> fields = new LinkedHashMap<>();
                map.forEach((name, v) -> fields.put((String) name, toJson(at + "." + name, v)));
                yield new Json.Obj(at, Collections.unmodifiableMap(fields));
            }
            case Iterable<?> items -> {
                List<Json> list = new ArrayList<>();
                items.forEach(item -> list.add(toJson(at + "[]", item)));
                yield new Json.Arr(at, Collections.unmodifiableList(list));
            }
            default -> {
                if (!value.getClass().isArray()) {
                    throw new IllegalArgumentException(
                            at + ": no JSON for a " + value.getClass().getName());
                }
                List<Json> list = new ArrayList<>();
                for (int i = 0; i < Array.getLength(value); i++) {
                    list.add(toJson(at + "[]", Array.get(value, i)));
                }
                yield new Json.Arr(at, Collections.unmodifiableList(list));
            }
        };
    }
}
