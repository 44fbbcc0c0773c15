package clearhead.tokenizer.template;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/// A value of a template: the types of Python that templates meet.
public sealed interface Value {
    Value NONE = new None();

    /// Python's `None`, and JSON's null.
    record None() implements Value {}

    /// A name or attribute that does not exist: false, empty, and an error when more is asked of it.
    ///
    /// @param name for the error
    record Undefined(String name) implements Value {}

    record Bool(boolean value) implements Value {}

    record Int(long value) implements Value {}

    record Real(double value) implements Value {}

    /// A text.
    ///
    /// @param isMarkup whether it went through `safe` or `escape`: what is then added to it is
    ///     escaped, as by Python's markupsafe
    record Text(String value, boolean isMarkup) implements Value {
        Text(String value) {
            this(value, false);
        }

        @Override
        public boolean equals(Object other) {
            return other instanceof Text text && value.equals(text.value);
        }

        @Override
        public int hashCode() {
            return value.hashCode();
        }
    }

    /// A list, or what is nearly one.
    record Items(List<Value> values, Kind kind) implements Value {
        enum Kind {
            LIST,
            /// It prints with round brackets, and is no list's equal.
            TUPLE,
            /// What filters such as `map` give: it can be run through, but has no length and no JSON before
            /// `list` makes a list of it.
            GENERATOR
        }

        Items(List<Value> values) {
            this(values, Kind.LIST);
        }

        static Items tuple(Value... values) {
            return new Items(List.of(values), Kind.TUPLE);
        }

        boolean isTuple() {
            return kind == Kind.TUPLE;
        }

        /// @throws TemplateException if it has no elements by number yet
        Items counted(String what) {
            if (kind == Kind.GENERATOR) {
                throw new TemplateException(what + " needs a list: add \"| list\" behind the filter that made it");
            }
            return this;
        }
    }

    /// A dictionary, in order.
    record Mapping(Map<Value, Value> entries) implements Value {}

    /// `namespace(…)`: the one thing whose attributes a template can set.
    record Space(Map<String, Value> attributes) implements Value {}

    /// A function, macro or method.
    record Callable(String name, Body body) implements Value {}

    /// What a callable does.
    @FunctionalInterface
    interface Body {
        Value call(Frame frame, Arguments arguments);
    }

    static Value of(boolean value) {
        return new Bool(value);
    }

    static Value of(long value) {
        return new Int(value);
    }

    static Value of(double value) {
        return new Real(value);
    }

    static Value of(String value) {
        return new Text(value);
    }

    static Value of(List<? extends Value> values) {
        return new Items(List.copyOf(values));
    }

    /// A dictionary with keys of text.
    static Value of(Map<String, ? extends Value> entries) {
        var map = new LinkedHashMap<Value, Value>();
        entries.forEach((key, value) -> map.put(new Text(key), value));
        return new Mapping(map);
    }

    /// The value of a JSON text.
    ///
    /// @throws clearhead.tokenizer.TokenizerException if it is not JSON
    static Value json(String text) {
        return JsonValues.read(text);
    }

    /// Python's `bool(value)`.
    default boolean isTrue() {
        if (this instanceof Bool b) {
            return b.value;
        } else if (this instanceof Int i) {
            return i.value != 0;
        } else if (this instanceof Real r) {
            return r.value != 0;
        } else if (this instanceof Text t) {
            return !t.value.isEmpty();
        } else if (this instanceof Items items) {
            return items.kind == Items.Kind.GENERATOR || !items.values.isEmpty();
        } else if (this instanceof Mapping mapping) {
            return !mapping.entries.isEmpty();
        }
        return !(this instanceof None) && !(this instanceof Undefined);
    }

    /// What kind of thing it is, for errors.
    default String named() {
        if (this instanceof None) {
            return "None";
        } else if (this instanceof Undefined u) {
            return "undefined \"" + u.name + "\"";
        } else if (this instanceof Bool) {
            return "a truth value";
        } else if (this instanceof Int || this instanceof Real) {
            return "a number";
        } else if (this instanceof Text) {
            return "a text";
        } else if (this instanceof Items) {
            return "a list";
        } else if (this instanceof Mapping) {
            return "a dictionary";
        } else if (this instanceof Space) {
            return "a namespace";
        }
        return "a function";
    }

    /// What a `for` runs through: elements, keys, or characters.
    default List<Value> iterated() {
        if (this instanceof Items items) {
            return items.values;
        } else if (this instanceof Mapping mapping) {
            return new ArrayList<>(mapping.entries.keySet());
        } else if (this instanceof Text text) {
            var characters = new ArrayList<Value>();
            text.value.codePoints().forEach(c -> characters.add(new Text(Character.toString(c))));
            return characters;
        } else if (this instanceof Undefined) {
            return List.of();
        }
        throw new TemplateException("cannot run through " + named());
    }
}
