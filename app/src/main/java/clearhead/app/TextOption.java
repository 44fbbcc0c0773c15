package clearhead.app;

import clearhead.tokenizer.Special;
import clearhead.tokenizer.Utf8;
import clearhead.view.Prompt;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Optional;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/// The text that a model reads: an argument, standard input, or ids.
final class TextOption {
    /// What happens to special tokens.
    enum Tokens {
        text(Special.TEXT),
        parse(Special.PARSE),
        add(Special.ADD),
        both(Special.PARSE_AND_ADD);

        final Special tokens;

        Tokens(Special tokens) {
            this.tokens = tokens;
        }
    }

    @Parameters(arity = "0..1", paramLabel = "TEXT", description = "What the model reads; - for standard input.")
    Optional<String> text = Optional.empty();

    @Option(
            names = "--ids",
            paramLabel = "5,6,7",
            description = "Token ids instead of a text; nothing is added to them.")
    Optional<String> ids = Optional.empty();

    @Option(
            names = "--special",
            paramLabel = "add|text|parse|both",
            defaultValue = "add",
            description = "add: put the beginning-of-sequence token in front where the model asks for"
                    + " it. text: add nothing. parse: read names of special tokens in the text as"
                    + " these tokens. both: parse and add. Default: ${DEFAULT-VALUE}.")
    Tokens special = Tokens.add;

    /// The ids given.
    int[] ids() {
        return ids("--ids", ids.orElse(""));
    }

    /// The ids given to an option.
    static int[] ids(String option, String given) {
        String list = given.strip();
        if (list.isEmpty()) {
            throw new UsageException(option + " wants at least one id, such as " + option + " 5,6,7");
        }
        return Arrays.stream(list.split("[,\\s]+", -1))
                .mapToInt(text -> id(option, text))
                .toArray();
    }

    private static int id(String option, String text) {
        try {
            return Integer.parseInt(text);
        } catch (NumberFormatException e) {
            throw new UsageException(
                    option + " wants numbers with commas between them, such as 5,6,7; found \"" + text + "\"");
        }
    }

    /// Refuses what can be refused before a model is loaded.
    void check() {
        if (ids.isPresent() && text.isPresent()) {
            throw new UsageException("give TEXT or --ids, not both");
        }
        if (ids.isPresent()) {
            ids();
        } else if (text.isEmpty()) {
            throw new UsageException("give a TEXT, - for standard input, or --ids 5,6,7");
        } else if (text.get().isEmpty()) {
            throw empty();
        }
    }

    static UsageException empty() {
        return new UsageException("the text is empty: there is nothing to look at; give at least one word, or --ids");
    }

    /// The text given.
    String read() {
        if (text.isEmpty()) {
            throw new UsageException("give a TEXT, - for standard input, or --ids 5,6,7");
        }
        if (!text.get().equals("-")) {
            return text.get();
        }
        try {
            return decode(System.in.readAllBytes(), "standard input");
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /// The tokens that a model reads.
    Prompt prompt(OpenModel open) {
        check();
        if (ids.isPresent()) {
            return Prompt.ofIds(ids(), open.tokenizer()).checked(open.model());
        }
        String read = read();
        if (read.isEmpty()) {
            throw empty();
        }
        // A model without a vocabulary says here that it wants --ids.
        return Prompt.ofText(read, open.model().tokenizer(), special.tokens).checked(open.model());
    }

    /// UTF-8 to text.
    ///
    /// @param source what the message calls it
    static String decode(byte[] utf8, String source) {
        int bad = Utf8.firstInvalid(utf8);
        if (bad >= 0) {
            throw new UsageException(String.format(
                    "%s is not UTF-8: byte %d (0x%02X) begins no character; convert it first,"
                            + " for example with iconv -t UTF-8",
                    source, bad, utf8[bad]));
        }
        return new String(utf8, StandardCharsets.UTF_8);
    }
}
