package clearhead.tokenizer;

/// What to do about special tokens when a text is encoded.
public enum Special {
    /// Names of special tokens in the text are text; nothing is added.
    TEXT(false, false),
    /// Names of special tokens in the text become these tokens.
    PARSE(true, false),
    /// The beginning and end tokens are added where the vocabulary asks for them.
    ADD(false, true),
    /// Both.
    PARSE_AND_ADD(true, true);

    private final boolean parse;
    private final boolean add;

    Special(boolean parse, boolean add) {
        this.parse = parse;
        this.add = add;
    }

    /// Whether names of special tokens in the text become these tokens.
    public boolean parse() {
        return parse;
    }

    /// Whether beginning and end tokens are added where the vocabulary asks for them.
    public boolean add() {
        return add;
    }
}
