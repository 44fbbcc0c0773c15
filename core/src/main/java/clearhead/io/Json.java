package clearhead.io;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/// A JSON value. Reading is strict: a size limit, a nesting limit, no duplicate keys, no extensions,
/// nothing after the value. Typed accessors name the place in the document when something else is
/// there: `config.json: $.rope_scaling.factor: wanted a number, found "2"`.
///
/// Numbers that JSON cannot write (NaN and the infinities) are the strings `"NaN"`, `"Infinity"` and
/// `"-Infinity"`; [Obj#real] and [Arr#real] take them back.
public sealed interface Json {

    /// Bytes of the largest document that [#read(Path)] accepts.
    long MAX_BYTES = 32L << 20;

    /// An object with its fields in document order.
    ///
    /// @param at where it stands, such as `config.json: $.rope_scaling`
    record Obj(String at, Map<String, Json> fields) implements Json {

        /// Whether the field is there and not null.
        public boolean has(String name) {
            return fields.get(name) instanceof Json value && !(value instanceof Null);
        }

        /// The field, if it is there and not null.
        public Optional<Json> find(String name) {
            return has(name) ? Optional.of(get(name)) : Optional.empty();
        }

        /// The field, which must be there.
        public Json get(String name) {
            Json value = fields.get(name);
            if (value == null) {
                throw new ModelFileException(at, "wanted a field \"" + name + "\", found none");
            }
            return value;
        }

        public String text(String name) {
            return Json.text(place(name), get(name));
        }

        public String text(String name, String otherwise) {
            return has(name) ? text(name) : otherwise;
        }

        public int integer(String name) {
            return Json.integer(place(name), get(name));
        }

        public int integer(String name, int otherwise) {
            return has(name) ? integer(name) : otherwise;
        }

        public long longInteger(String name) {
            return Json.longInteger(place(name), get(name));
        }

        public double real(String name) {
            return Json.real(place(name), get(name));
        }

        public double real(String name, double otherwise) {
            return has(name) ? real(name) : otherwise;
        }

        public boolean bool(String name) {
            return Json.bool(place(name), get(name));
        }

        public boolean bool(String name, boolean otherwise) {
            return has(name) ? bool(name) : otherwise;
        }

        public Obj object(String name) {
            return Json.object(place(name), get(name));
        }

        public Arr array(String name) {
            return Json.array(place(name), get(name));
        }

        /// A complaint about a field, for checks that go beyond its type.
        public ModelFileException wrong(String name, String problem) {
            return new ModelFileException(place(name), problem);
        }

        private String place(String name) {
            return at + "." + name;
        }
    }

    /// An array.
    ///
    /// @param at where it stands
    record Arr(String at, List<Json> items) implements Json {

        public int size() {
            return items.size();
        }

        public Json get(int index) {
            if (index < 0 || index >= items.size()) {
                throw new ModelFileException(at, "wanted an item " + index + ", found " + items.size() + " items");
            }
            return items.get(index);
        }

        public String text(int index) {
            return Json.text(place(index), get(index));
        }

        public int integer(int index) {
            return Json.integer(place(index), get(index));
        }

        public long longInteger(int index) {
            return Json.longInteger(place(index), get(index));
        }

        public double real(int index) {
            return Json.real(place(index), get(index));
        }

        public Obj object(int index) {
            return Json.object(place(index), get(index));
        }

        public Arr array(int index) {
            return Json.array(place(index), get(index));
        }

        /// All items, which must be integers.
        public int[] integers() {
            var values = new int[size()];
            for (int i = 0; i < values.length; i++) {
                values[i] = integer(i);
            }
            return values;
        }

        /// All items, which must be numbers.
        public double[] reals() {
            var values = new double[size()];
            for (int i = 0; i < values.length; i++) {
                values[i] = real(i);
            }
            return values;
        }

        /// All items, which must be strings.
        public List<String> texts() {
            var values = new ArrayList<String>(size());
            for (int i = 0; i < size(); i++) {
                values.add(text(i));
            }
            return Collections.unmodifiableList(values);
        }

        private String place(int index) {
            return at + "[" + index + "]";
        }
    }

    /// A string.
    record Text(String value) implements Json {}

    /// A number, as it was written.
    record Num(String digits) implements Json {}

    /// `true` or `false`.
    record Bool(boolean value) implements Json {}

    /// `null`.
    record Null() implements Json {}

    /// Reads a file of at most [#MAX_BYTES].
    static Json read(Path file) {
        return JsonReader.read(file, MAX_BYTES);
    }

    /// Reads a file that holds one object.
    static Obj readObject(Path file) {
        return object(file.toString() + ": $", read(file));
    }

    /// Reads text.
    ///
    /// @param source what error messages call it
    static Json parse(String source, String text) {
        return JsonReader.parse(source, text);
    }

    /// Reads text that holds one object.
    static Obj parseObject(String source, String text) {
        return object(source + ": $", parse(source, text));
    }

    /// A value from Java's own: `Map` with string keys, `Iterable`, arrays of numbers, `CharSequence`,
    /// `Number`, `Boolean`, `null`, or a [Json].
    static Json of(@Nullable Object value) {
        return JsonWriter.toJson("$", value);
    }

    /// An object of these fields, in the map's order; values as in [#of].
    static Obj object(Map<String, ?> fields) {
        return (Obj) of(new LinkedHashMap<String, Object>(fields));
    }

    /// The document on one line, or indented by two spaces.
    default String toText(boolean indent) {
        return JsonWriter.toText(this, indent);
    }

    private static String text(String at, Json value) {
        if (value instanceof Text(String text)) {
            return text;
        }
        throw wanted(at, "a string", value);
    }

    private static long longInteger(String at, Json value) {
        if (value instanceof Num(String digits)) {
            try {
                return Long.parseLong(digits);
            } catch (NumberFormatException e) {
                // 1e3 and 16.0 are integers in other people's writers
                double real = Double.parseDouble(digits);
                if (real == Math.rint(real) && Math.abs(real) <= 1L << 53) {
                    return (long) real;
                }
            }
        }
        throw wanted(at, "an integer", value);
    }

    private static int integer(String at, Json value) {
        long whole = longInteger(at, value);
        if (whole != (int) whole) {
            throw wanted(at, "an integer of 32 bits", value);
        }
        return (int) whole;
    }

    private static double real(String at, Json value) {
        return switch (value) {
            case Num(String digits) -> Double.parseDouble(digits);
            case Text(String s) when s.equals("NaN") -> Double.NaN;
            case Text(String s) when s.equals("Infinity") -> Double.POSITIVE_INFINITY;
            case Text(String s) when s.equals("-Infinity") -> Double.NEGATIVE_INFINITY;
            case Text _, Bool _, Null _, Obj _, Arr _ -> throw wanted(at, "a number", value);
        };
    }

    private static boolean bool(String at, Json value) {
        if (value instanceof Bool(boolean truth)) {
            return truth;
        }
        throw wanted(at, "true or false", value);
    }

    private static Obj object(String at, Json value) {
        if (value instanceof Obj object) {
            return object;
        }
        throw wanted(at, "an object", value);
    }

    private static Arr array(String at, Json value) {
        if (value instanceof Arr array) {
            return array;
        }
        throw wanted(at, "an array", value);
    }

    private static ModelFileException wanted(String at, String what, Json found) {
        String shown = switch (found) {
            case Text(String s) -> '"' + (s.length() > 40 ? s.substring(0, 40) + "…" : s) + '"';
            case Num(String digits) -> digits;
            case Bool(boolean truth) -> Boolean.toString(truth);
            case Null() -> "null";
            case Obj _ -> "an object";
            case Arr _ -> "an array";
        };
        return new ModelFileException(at, "wanted " + what + ", found " + shown);
    }
}
