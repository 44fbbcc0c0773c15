package clearhead.generate;

import clearhead.model.Model;
import clearhead.tokenizer.Special;
import clearhead.tokenizer.Tokenizer;
import clearhead.tokenizer.template.Template;
import clearhead.tokenizer.template.Value;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/// Messages as a model wants them: its own template, rendered and encoded. Names of special tokens
/// that the template writes become these tokens; those that stand in a message are text, so that
/// nobody ends a turn by typing its mark.
public final class ChatTemplate {
    private final Tokenizer tokenizer;
    private final Template template;
    private final Pattern marks;

    /// @param role `system`, `user`, `assistant` or `tool`
    public record Message(String role, String content) {}

    private ChatTemplate(Tokenizer tokenizer, Template template) {
        this.tokenizer = tokenizer;
        this.template = template;
        this.marks = Pattern.compile(tokenizer.specialTokens().keySet().stream()
                .filter(name -> !name.isEmpty())
                .sorted((a, b) -> b.length() - a.length())
                .map(Pattern::quote)
                .collect(Collectors.joining("|")));
    }

    /// @throws IllegalArgumentException if the model has no template
    /// @throws clearhead.tokenizer.template.TemplateException if its template cannot be read
    public static ChatTemplate of(Model model) {
        String source = model.chatTemplate()
                .orElseThrow(() -> new IllegalArgumentException("model " + model.name()
                        + " has no chat template, so it is none to chat with; `generate` continues text"));
        return new ChatTemplate(model.tokenizer(), Template.parse(source));
    }

    /// The prompt for the next reply.
    ///
    /// @throws clearhead.tokenizer.template.TemplateException if the template refuses these messages
    public int[] encode(List<Message> messages) {
        char guard = guard(messages);
        String text = render(messages, guard);
        var ids = IntStream.builder();
        Matcher mark = marks.matcher(text);
        int from = 0;
        while (!marks.pattern().isEmpty() && mark.find()) {
            text(text.substring(from, mark.start()), guard).forEach(ids);
            ids.add(tokenizer.id(mark.group()).orElseThrow());
            from = mark.end();
        }
        text(text.substring(from), guard).forEach(ids);
        return ids.build().toArray();
    }

    /// @param guard put inside each name of a special token in what others wrote
    private String render(List<Message> messages, char guard) {
        var list = new ArrayList<Value>();
        for (Message message : messages) {
            boolean own = message.role.equals("assistant") || marks.pattern().isEmpty();

            String content = own
                    ? message.content
                    : marks.matcher(message.content)
                            .replaceAll(m -> Matcher.quoteReplacement(guarded(m.group(), guard)));
            list.add(Value.of(ordered(message.role, content)));
        }
        var names = new HashMap<String, Value>();
        names.put("messages", Value.of(list));
        names.put("add_generation_prompt", Value.of(true));
        name(tokenizer.bos(), "bos_token", names);
        name(tokenizer.eos(), "eos_token", names);
        return template.render(names);
    }

    private static Map<String, Value> ordered(String role, String content) {
        var fields = new LinkedHashMap<String, Value>();
        fields.put("role", Value.of(role));
        fields.put("content", Value.of(content));
        return fields;
    }

    private void name(OptionalInt id, String name, Map<String, Value> names) {
        if (id.isPresent()) {
            names.put(name, Value.of(tokenizer.tokenName(id.getAsInt())));
        }
    }

    /// The name with the guard behind its first character, so that it is a name no more.
    private static String guarded(String name, char guard) {
        int first = name.offsetByCodePoints(0, 1);
        return name.substring(0, first) + guard + name.substring(first);
    }

    /// A character for private use that no message has.
    private static char guard(List<Message> messages) {
        for (char c = '\uE000'; c < '\uF8FF'; c++) {
            char candidate = c;
            if (messages.stream().noneMatch(m -> m.content.indexOf(candidate) >= 0)) {
                return c;
            }
        }
        throw new IllegalArgumentException("the messages use every character for private use");
    }

    private IntStream text(String text, char guard) {
        return IntStream.of(tokenizer.encode(text.replace(String.valueOf(guard), ""), Special.TEXT));
    }
}
