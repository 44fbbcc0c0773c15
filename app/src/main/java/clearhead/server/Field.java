package clearhead.server;

import clearhead.io.Json;

/// A field of a POST's JSON body: its name, meaning and type.
///
/// @param needed whether it must be there
record Field(String name, Type type, String meaning, boolean needed) {
    /// What a field may be, in the words of JSON Schema.
    enum Type {
        TEXT("string", "a text"),
        NUMBER("number", "a number"),
        WHOLE("integer", "a whole number"),
        TRUTH("boolean", "true or false"),
        TEXTS("array", "an array of texts"),
        WHOLES("array", "an array of whole numbers"),
        OBJECT("object", "an object"),
        /// Checked by the handler.
        ANY("", "anything");

        final String schema;
        final String words;

        Type(String schema, String words) {
            this.schema = schema;
            this.words = words;
        }

        boolean fits(Json value) {
            return switch (this) {
                case TEXT -> value instanceof Json.Text;
                case NUMBER, WHOLE -> value instanceof Json.Num;
                case TRUTH -> value instanceof Json.Bool;
                case TEXTS, WHOLES -> value instanceof Json.Arr;
                case OBJECT -> value instanceof Json.Obj;
                case ANY -> true;
            };
        }
    }

    /// A field that must be there.
    static Field needed(String name, Type type, String meaning) {
        return new Field(name, type, meaning, true);
    }

    static Field optional(String name, Type type, String meaning) {
        return new Field(name, type, meaning, false);
    }
}
