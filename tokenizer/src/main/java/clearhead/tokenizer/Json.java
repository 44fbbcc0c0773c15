package clearhead.tokenizer;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.core.JsonParser;
import tools.jackson.core.JsonToken;
import tools.jackson.core.ObjectReadContext;
import tools.jackson.core.StreamReadConstraints;
import tools.jackson.core.TokenStreamFactory;
import tools.jackson.core.json.JsonFactory;

/// One value of a JSON file that is not trusted, with the place it stands at, so that every
/// complaint can name it. Depth and lengths are limited; a key that stands twice is an error.
///
/// @param file what to call the file
/// @param path where the value stands, e.g. `model.vocab`
/// @param value Map, List, String, Long, Double, Boolean or null
record Json(String file, String path, @Nullable Object value) {

    private static final JsonFactory FACTORY = JsonFactory.builder()
            .disable(TokenStreamFactory.Feature.CANONICALIZE_PROPERTY_NAMES)
            .streamReadConstraints(StreamReadConstraints.builder()
                    .maxNestingDepth(64)
                    .maxNameLength(1 << 16)
                    .maxStringLength(1 << 24)
                    .maxNumberLength(64)
                    .build())
            .build();

    static Json parse(String file, byte[] content) {
        try (JsonParser parser = FACTORY.createParser(ObjectReadContext.empty(), content)) {
            parser.nextToken();
            Object value = read(parser, file);
            if (parser.nextToken() != null) {
                throw new TokenizerException(file + ": more text follows after the JSON value");
            }
            return new Json(file, "", value);
        } catch (JacksonException e) {
            var at = e.getLocation();
            throw new TokenizerException(
                    file
                            + ": not valid JSON at line "
                            + (at == null ? 0 : at.getLineNr())
                            + ", column "
                            + (at == null ? 0 : at.getColumnNr())
                            + ": "
                            + e.getOriginalMessage(),
                    e);
        }
    }

    private static @Nullable Object read(JsonParser parser, String file) {
        JsonToken token = parser.currentToken();
        if (token == null) {
            throw new TokenizerException(file + ": the file ends where a JSON value should be");
        }
        return switch (token) {
            case START_OBJECT -> {
                var map = new LinkedHashMap<String, @Nullable Object>();
                while (parser.nextToken() == JsonToken.PROPERTY_NAME) {
                    String key = parser.currentName();
                    parser.nextToken();
                    if (map.containsKey(key)) {
                        throw new TokenizerException(file + ": the key " + quoted(key) + " stands twice");
                    }
                    map.put(key, read(parser, file));
                }
                yield map;
            }
            case START_ARRAY -> {
                var list = new ArrayList<@Nullable Object>();
                while (parser.nextToken() != JsonToken.END_ARRAY) {
                    list.add(read(parser, file));
                }
                yield list;
            }
            case VALUE_STRING -> parser.getString();
            // No number that matters here is beyond a long; some files have 1e30 as an integer.
            case VALUE_NUMBER_INT -> {
                boolean isLong = parser.getNumberType() != JsonParser.NumberType.BIG_INTEGER;
                yield isLong ? (Object) parser.getLongValue() : (Object) parser.getDoubleValue();
            }
            case VALUE_NUMBER_FLOAT -> parser.getDoubleValue();
            case VALUE_TRUE -> true;
            case VALUE_FALSE -> false;
            case VALUE_NULL -> null;
            default -> throw new TokenizerException(file + ": unexpected " + token);
        };
    }

    static String quoted(String text) {
        return '"' + (text.length() > 60 ? text.substring(0, 60) + "…" : text) + '"';
    }

    TokenizerException wanted(String what) {
        String found = value == null
                ? "null"
                : value instanceof String text
                        ? quoted(text)
                        : value instanceof Map ? "an object" : value instanceof List ? "a list" : value.toString();
        return new TokenizerException(
                file + ": " + (path.isEmpty() ? "the whole" : path) + ": wanted " + what + ", found " + found);
    }

    boolean isNull() {
        return value == null;
    }

    /// The value of a key; absent is null.
    Json get(String key) {
        return new Json(file, path.isEmpty() ? key : path + "." + key, map().get(key));
    }

    Map<String, @Nullable Object> map() {
        if (!(value instanceof Map<?, ?> map)) {
            throw wanted("an object");
        }
        @SuppressWarnings("unchecked") // read() makes no other maps
        var typed = (Map<String, @Nullable Object>) map;
        return typed;
    }

    boolean isList() {
        return value instanceof List;
    }

    List<Json> list() {
        if (!(value instanceof List<?> list)) {
            throw wanted("a list");
        }
        var items = new ArrayList<Json>(list.size());
        for (Object item : list) {
            items.add(new Json(file, path + "[" + items.size() + "]", item));
        }
        return items;
    }

    /// The list as it is, for lists so long that a record for each item would cost time.
    List<?> items() {
        if (!(value instanceof List<?> list)) {
            throw wanted("a list");
        }
        return list;
    }

    /// The item of that list, for a complaint.
    Json item(int i) {
        return new Json(file, path + "[" + i + "]", items().get(i));
    }

    String text() {
        if (!(value instanceof String text)) {
            throw wanted("a text");
        }
        return text;
    }

    String text(String absent) {
        return value == null ? absent : text();
    }

    boolean flag(boolean absent) {
        if (value == null) {
            return absent;
        }
        if (!(value instanceof Boolean flag)) {
            throw wanted("true or false");
        }
        return flag;
    }

    /// An integer in `[0, limit)`.
    int index(int limit) {
        if (!(value instanceof Long number) || number < 0 || number >= limit) {
            throw wanted("an integer from 0 to " + (limit - 1));
        }
        return number.intValue();
    }

    /// Complains about a key that has a value and is none of these.
    void onlyKeys(String... known) {
        for (var entry : map().entrySet()) {
            if (entry.getValue() != null && !List.of(known).contains(entry.getKey())) {
                throw new TokenizerException(file
                        + ": "
                        + (path.isEmpty() ? "" : path + ": ")
                        + "this library does not know the key "
                        + quoted(entry.getKey()));
            }
        }
    }
}
