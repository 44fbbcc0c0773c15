package clearhead.tokenizer.template;

/// A piece of a template's source.
///
/// @param text the text itself, an operator or word, or a string without its quotes
/// @param line for errors
record Token(Kind kind, String text, int line) {
    enum Kind {
        /// Text between the tags.
        DATA,
        /// `{{`
        OUTPUT_BEGIN,
        /// `}}`
        OUTPUT_END,
        /// `{%`
        BLOCK_BEGIN,
        /// `%}`
        BLOCK_END,
        NAME,
        STRING,
        INTEGER,
        REAL,
        OPERATOR,
        END
    }

    boolean is(Kind other, String wanted) {
        return kind == other && text.equals(wanted);
    }

    /// For errors.
    String shown() {
        return switch (kind) {
            case END -> "the end of the template";
            case OUTPUT_END, BLOCK_END -> "the end of the tag";
            default -> "\"" + text + "\"";
        };
    }
}
