package clearhead.tokenizer.template;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import clearhead.tokenizer.SharedData;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.ZonedDateTime;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

/// Against what transformers and jinja2 made of the same templates (tools/golden/chat_templates.py).
class TemplateTest {
    private static Value.Mapping expected(String file) {
        try (InputStream in = Objects.requireNonNull(TemplateTest.class.getResourceAsStream(file))) {
            return (Value.Mapping) Value.json(new String(in.readAllBytes(), StandardCharsets.UTF_8));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static Value get(Value of, String key) {
        return Operators.item(of, Value.of(key), key);
    }

    private static String text(Value of, String key) {
        return Printing.text(get(of, key));
    }

    private static Map<String, Value> names(Value... mappings) {
        var names = new LinkedHashMap<String, Value>();
        for (Value mapping : mappings) {
            ((Value.Mapping) mapping).entries().forEach((key, value) -> names.put(Printing.text(key), value));
        }
        return names;
    }

    private static void check(String source, Map<String, Value> names, Value wanted, ZonedDateTime now) {
        if (get(wanted, "error") instanceof Value.Undefined) {
            assertEquals(text(wanted, "text"), Template.parse(source).render(names, now, Limits.DEFAULT));
            return;
        }
        var failure = assertThrows(
                TemplateException.class, () -> Template.parse(source).render(names, now, Limits.DEFAULT));
        assertEquals(get(wanted, "raised").isTrue(), failure.isRaised(), failure.getMessage());
        if (failure.isRaised()) {
            assertEquals(text(wanted, "error"), failure.getMessage());
        } else {
            assertTrue(failure.getMessage().startsWith("line "), failure.getMessage());
        }
    }

    @TestFactory
    Stream<DynamicTest> small() {
        Value file = expected("small.json");
        var now = ZonedDateTime.parse(text(file, "now"));
        return get(file, "cases").iterated().stream()
                .map(c -> DynamicTest.dynamicTest(
                        text(c, "template"), () -> check(text(c, "template"), Map.of(), c, now)));
    }

    @TestFactory
    Stream<DynamicTest> templatesOfPublicModels() {
        Path folder = SharedData.path("vectors/chat-templates");
        Value file = expected("public.json");
        var now = ZonedDateTime.parse(text(file, "now"));
        return names(get(file, "templates")).entrySet().stream()
                .flatMap(template -> names(template.getValue()).entrySet().stream()
                        .map(chat -> DynamicTest.dynamicTest(template.getKey() + ", " + chat.getKey(), () -> {
                            String source = Files.readString(folder.resolve(template.getKey()));
                            Value names = get(get(file, "chats"), chat.getKey());
                            check(source, names(names, get(file, "names")), chat.getValue(), now);
                        })));
    }

    private static void refused(String why, String source, Limits limits) {
        long start = System.nanoTime();
        var failure = assertThrows(
                TemplateException.class, () -> Template.parse(source).render(Map.of(), ZonedDateTime.now(), limits));
        assertTrue(failure.getMessage().contains(why), failure.getMessage());
        assertTrue(System.nanoTime() - start < 60_000_000_000L);
    }

    @Test
    void whatGrowsWithoutEndIsStopped() {
        var limits = new Limits(1_000_000, 1 << 20, 100, Duration.ofMinutes(1));
        String doubled =
                "{% set ns = namespace(s='x') %}{% for i in range(100) %}{% set ns.s = ns.s + ns.s %}{% endfor %}";
        refused("grows beyond", doubled, limits);
        refused("grows beyond", doubled.replace("'x'", "[1]"), limits);
        refused("grows beyond", "{{ 'x' * 1000000000000 }}", limits);
        refused("grows beyond", "{{ [1] * 1000000000000 }}", limits);
        refused("grows beyond", "{{ 'x'|indent(100000000) }}", limits);
        refused("grows beyond", "{{ 'x'.ljust(100000000) }}", limits);
        refused("grows beyond", "{% for i in range(99999) %}{{ 'xxxxxxxxxxxxxxxxxxxxx' }}{% endfor %}", limits);
        refused("steps", "{% for i in range(99999) %}{% for i in range(99999) %}{% endfor %}{% endfor %}", limits);
        refused("nested deeper", "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}", limits);
        refused("more than 100000", "{{ range(1000000000) }}", limits);
        refused("nested deeper", "{{ " + "(".repeat(100_000) + "1" + ")".repeat(100_000) + " }}", limits);
        refused("nested deeper", "{% if 1 %}".repeat(100_000), limits);
        refused("64 bits", "{{ 10 ** 100 }}", limits);
        refused("64 bits", "{{ 99999999999999999999 }}", limits);
        refused(
                "after",
                "{% for i in range(99999) %}{% for i in range(99999) %}{% endfor %}{% endfor %}",
                new Limits(Long.MAX_VALUE, 1 << 20, 100, Duration.ofMillis(50)));
    }

    @Test
    void nothingOutsideIsReached() {
        for (String name :
                new String[] {"self", "__class__", "request", "config", "cycler", "lipsum", "open", "import"}) {
            assertEquals(
                    "False", Template.parse("{{ " + name + " is defined }}").render(Map.of()), name);
        }
        refused("cannot be called", "{{ ''.getClass() }}", Limits.DEFAULT);
        refused("tag \"include\"", "{% include '/etc/passwd' %}", Limits.DEFAULT);
        refused("tag \"import\"", "{% import 'x' as y %}", Limits.DEFAULT);
    }
}
