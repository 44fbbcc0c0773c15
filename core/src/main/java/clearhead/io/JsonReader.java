package clearhead.io;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import tools.jackson.core.JacksonException;
import tools.jackson.core.JsonParser;
import tools.jackson.core.JsonToken;
import tools.jackson.core.StreamReadConstraints;
import tools.jackson.core.StreamReadFeature;
import tools.jackson.core.TokenStreamFactory;
import tools.jackson.core.json.JsonFactory;
import tools.jackson.core.json.JsonReadFeature;

/// Strict reading of JSON from files that nobody vouches for.
final class JsonReader {
    private static final int MAX_DEPTH = 100;

    /// A value costs up to 100 bytes of heap and may take 2 bytes in the document.
    private static final int MAX_VALUES = 2_000_000;

    private static final JsonFactory FACTORY = JsonFactory.builder()
            .streamReadConstraints(StreamReadConstraints.builder()
                    .maxNestingDepth(MAX_DEPTH)
                    .maxNumberLength(400)
                    .maxNameLength(1 << 20)
                    .maxStringLength((int) Json.MAX_BYTES)
                    .build())
            .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
            .disable(TokenStreamFactory.Feature.CANONICALIZE_PROPERTY_NAMES)
            .disable(TokenStreamFactory.Feature.INTERN_PROPERTY_NAMES)
            .build();

    /// Also takes bare `Infinity` and `NaN`, which Python writes into configurations.
    private static final JsonFactory AS_PYTHON_WRITES =
            FACTORY.rebuild().enable(JsonReadFeature.ALLOW_NON_NUMERIC_NUMBERS).build();

    private final String source;
    private final JsonParser parser;
    private int values;

    private JsonReader(String source, JsonParser parser) {
        this.source = source;
        this.parser = parser;
    }

    static Json read(Path file, long maxBytes) {
        try {
            long size = Files.size(file);
            if (size > maxBytes) {
                throw new ModelFileException(file, "wanted at most " + maxBytes + " bytes of JSON, found " + size);
            }
            byte[] bytes = Files.readAllBytes(file);
            String text = decode(file.toString(), ByteBuffer.wrap(bytes));
            return parse(file.toString(), AS_PYTHON_WRITES.createParser(text));
        } catch (IOException e) {
            throw new ModelFileException(file, "cannot be read: " + MappedFile.reason(e), e);
        }
    }

    /// Text of UTF-8 in a mapped file; anything else is refused.
    static String decode(String source, MemorySegment utf8) {
        return decode(source, ByteBuffer.wrap(utf8.toArray(ValueLayout.JAVA_BYTE)));
    }

    private static String decode(String source, ByteBuffer utf8) {
        try {
            return StandardCharsets.UTF_8
                    .newDecoder()
                    .onMalformedInput(CodingErrorAction.REPORT)
                    .onUnmappableCharacter(CodingErrorAction.REPORT)
                    .decode(utf8)
                    .toString();
        } catch (CharacterCodingException e) {
            throw new ModelFileException(source, "wanted UTF-8, found other bytes", e);
        }
    }

    static Json parse(String source, String text) {
        return parse(source, parser(text));
    }

    private static Json parse(String source, JsonParser opened) {
        try (var parser = opened) {
            var reader = new JsonReader(source, parser);
            parser.nextToken();
            Json value = reader.value(source + ": $");
            if (parser.nextToken() != null) {
                throw new ModelFileException(source, "wanted the end after the JSON value, found more");
            }
            return value;
        } catch (JacksonException e) {
            throw notJson(source, e);
        }
    }

    static JsonParser parser(String text) {
        return FACTORY.createParser(text);
    }

    static ModelFileException notJson(String source, JacksonException e) {
        return new ModelFileException(source, "not valid JSON: " + e.getOriginalMessage(), e);
    }

    private Json value(String at) {
        if (++values > MAX_VALUES) {
            throw new ModelFileException(source, "wanted at most " + MAX_VALUES + " JSON values, found more");
        }
        JsonToken token = parser.currentToken();
        if (token == null) {
            throw new ModelFileException(source, "wanted a JSON value, found the end");
        }
        return switch (token) {
            case START_OBJECT -> object(at);
            case START_ARRAY -> array(at);
            case VALUE_STRING -> new Json.Text(parser.getString());
            case VALUE_NUMBER_INT -> new Json.Num(parser.getString());
            case VALUE_NUMBER_FLOAT ->
                parser.isNaN() ? new Json.Text(parser.getString()) : new Json.Num(parser.getString());
            case VALUE_TRUE -> new Json.Bool(true);
            case VALUE_FALSE -> new Json.Bool(false);
            case VALUE_NULL -> new Json.Null();
            case END_OBJECT, END_ARRAY, PROPERTY_NAME, VALUE_EMBEDDED_OBJECT, NOT_AVAILABLE ->
                throw new ModelFileException(at, "wanted a JSON value, found " + token);
        };
    }

    private Json.Obj object(String at) {
        Map<String, Json> fields = new LinkedHashMap<>();
        while (parser.nextToken() == JsonToken.PROPERTY_NAME) {
            String name = parser.currentName();
            parser.nextToken();
            fields.put(name, value(at + "." + name));
        }
        return new Json.Obj(at, Collections.unmodifiableMap(fields));
    }

    private Json.Arr array(String at) {
        List<Json> items = new ArrayList<>();
        while (parser.nextToken() != JsonToken.END_ARRAY) {
            items.add(value(at + "[]"));
        }
        return new Json.Arr(at, Collections.unmodifiableList(items));
    }
}
