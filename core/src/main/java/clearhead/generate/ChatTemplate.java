package clearhead.generate;

import clearhead.model.Model;
import clearhead.tokenizer.Special;
import clearhead.tokenizer.Tokenizer;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.IntStream;

/// Messages as a model wants them. So far ChatML: `<|im_start|>role⏎content<|im_end|>⏎`.
///
/// @param system what the template puts first when the first message is none of the system; may be
///     empty
public record ChatTemplate(Tokenizer tokenizer, String system) {
    private static final String START = "<|im_start|>";
    private static final String END = "<|im_end|>";
    private static final Pattern DEFAULT_SYSTEM =
            Pattern.compile("<\\|im_start\\|>system(?:\\\\n|\\n)((?:(?!<\\|im_)[^'\"{}])*)<\\|im_end\\|>");

    /// @param role `system`, `user` or `assistant`
    public record Message(String role, String content) {}

    /// @throws IllegalArgumentException if the model has no template, or none of this kind
    public static ChatTemplate of(Model model) {
        String template = model.chatTemplate()
                .orElseThrow(() -> new IllegalArgumentException("model " + model.name()
                        + " has no chat template, so it is none to"
                        + " chat with; `generate` continues text"));
        Tokenizer tokenizer = model.tokenizer();
        boolean chatMl = template.contains(START)
                && template.contains(END)
                && tokenizer.specialTokens().containsKey(START)
                && tokenizer.specialTokens().containsKey(END);
        if (!chatMl) {
            throw new IllegalArgumentException("the chat template of model " + model.name()
                    + " is not understood yet; so far only ChatML (<|im_start|>) is");
        }
        Matcher system = DEFAULT_SYSTEM.matcher(template);
        return new ChatTemplate(tokenizer, system.find() ? system.group(1) : "");
    }

    /// The prompt for the next reply. Names of special tokens in a message are text.
    public int[] encode(List<Message> messages) {
        IntStream ids = IntStream.empty();
        if (!system.isEmpty()
                && !messages.isEmpty()
                && !messages.getFirst().role.equals("system")) {
            ids = IntStream.concat(ids, message(new Message("system", system)));
        }
        for (Message message : messages) {
            ids = IntStream.concat(ids, message(message));
        }
        ids = IntStream.concat(ids, mark(START));
        return IntStream.concat(ids, text("assistant\n")).toArray();
    }

    private IntStream message(Message message) {
        var begin = IntStream.concat(mark(START), text(message.role + "\n" + message.content));
        return IntStream.concat(begin, IntStream.concat(mark(END), text("\n")));
    }

    private IntStream mark(String name) {
        return IntStream.of(tokenizer.id(name).orElseThrow());
    }

    private IntStream text(String text) {
        return IntStream.of(tokenizer.encode(text, Special.TEXT));
    }
}
