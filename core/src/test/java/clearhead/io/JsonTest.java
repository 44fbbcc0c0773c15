package clearhead.io;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

final class JsonTest {

    @Test
    void accessorsReadWhatIsThere() {
        Json.Obj config = Json.parseObject("config.json", """
            {"layers": 4, "eps": 1e-5, "tied": true, "act": "silu", "none": null,
             "eos": [1, 2], "rope": {"factor": 2.0}, "theta": 10000.0}\
            """);
        assertEquals(4, config.integer("layers"));
        assertEquals(10000, config.integer("theta"));
        assertEquals(1e-5, config.real("eps"));
        assertTrue(config.bool("tied"));
        assertEquals("silu", config.text("act", "gelu"));
        assertEquals("gelu", config.text("none", "gelu"));
        assertEquals(2, config.array("eos").integers()[1]);
        assertEquals(2.0, config.object("rope").real("factor"));
    }

    @Test
    void errorsNameTheFileAndThePlace() {
        Json.Obj config = Json.parseObject("config.json", "{\"rope\": {\"factor\": \"x\"}, \"n\": [1, true]}");
        assertEquals(
                "config.json: $.rope.factor: wanted a number, found \"x\"",
                message(() -> config.object("rope").real("factor")));
        assertEquals(
                "config.json: $.n[1]: wanted an integer, found true",
                message(() -> config.array("n").integers()));
        assertEquals("config.json: $: wanted a field \"layers\", found none", message(() -> config.integer("layers")));
    }

    private static String message(Runnable action) {
        return String.valueOf(
                assertThrows(ModelFileException.class, action::run).getMessage());
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "{",
                "{}x",
                "{} {}",
                "{\"a\":1,\"a\":2}",
                "[1,]",
                "{'a':1}",
                "NaN",
                "01",
                "+1",
                "// c\n1",
                "\"\u0001\"",
                "tru",
                "[1 2]"
            })
    void refusesWhatIsNotJson(String text) {
        assertThrows(ModelFileException.class, () -> Json.parse("text", text));
    }

    @Test
    void refusesDeepNestingAndLongNumbers() {
        String deep = "[".repeat(100_000) + "]".repeat(100_000);
        assertThrows(ModelFileException.class, () -> Json.parse("text", deep));
        assertThrows(ModelFileException.class, () -> Json.parse("text", "1".repeat(100_000)));
        String many = "[" + "0,".repeat(2_100_000) + "0]";
        assertThrows(ModelFileException.class, () -> Json.parse("text", many));
    }

    @Test
    void writesFullPrecisionAndReadsItBack() {
        Map<String, Object> fields = new LinkedHashMap<>();
        fields.put("float", 0.1f);
        fields.put("double", 0.1 + 0.2);
        fields.put("least", Double.MIN_VALUE);
        fields.put("minus infinity", Float.NEGATIVE_INFINITY);
        fields.put("nan", Double.NaN);
        fields.put("text", "é \"\n\u2028 😀");
        fields.put("list", List.of(1, 2L, true));
        fields.put("array", new float[] {1, 0.5f});
        String text = Json.object(fields).toText(false);
        assertTrue(text.contains("\"float\":0.1,"), text);
        assertTrue(text.contains("\"array\":[1.0,0.5]"), text);
        Json.Obj back = Json.parseObject("text", text);
        assertEquals(0.1f, (float) back.real("float"));
        assertEquals(0.1 + 0.2, back.real("double"));
        assertEquals(Double.MIN_VALUE, back.real("least"));
        assertEquals(Double.NEGATIVE_INFINITY, back.real("minus infinity"));
        assertEquals(Double.NaN, back.real("nan"));
        assertEquals("é \"\n\u2028 😀", back.text("text"));
        assertEquals(text, back.toText(false));
    }

    @Test
    void indentsFieldsAndKeepsNumbersOnOneLine() {
        var bytes = new ByteArrayOutputStream();
        try (var json = JsonWriter.to(bytes, true)) {
            json.beginObject()
                    .field("layer", 3)
                    .name("w")
                    .value(new double[] {1, 2})
                    .endObject();
        }
        assertEquals("{\n  \"layer\": 3,\n  \"w\": [1.0, 2.0]\n}", bytes.toString(StandardCharsets.UTF_8));
    }
}
