/// Text to token ids and back.
@org.jspecify.annotations.NullMarked
module clearhead.tokenizer {
    requires tools.jackson.core;
    requires static org.jspecify;

    exports clearhead.tokenizer;
    exports clearhead.tokenizer.template;
}
