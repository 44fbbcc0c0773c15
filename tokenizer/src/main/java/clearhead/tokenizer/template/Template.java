package clearhead.tokenizer.template;

import java.time.ZonedDateTime;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/// A chat template that was read, to be rendered as often as wanted, by any thread.
public final class Template {
    private static final long LONGEST_RANGE = 100_000;

    private final List<Statement> statements;

    private Template(List<Statement> statements) {
        this.statements = statements;
    }

    /// @throws TemplateException with the line, if it is not a template or uses what chat templates
    ///     may not
    public static Template parse(String source) {
        return new Template(Parser.parse(Lexer.tokens(source)));
    }

    /// With the usual limits and the time of now.
    public String render(Map<String, ? extends Value> names) {
        return render(names, ZonedDateTime.now(), Limits.DEFAULT);
    }

    /// @param names what the template may use, such as `messages`
    /// @param now what `strftime_now` tells
    /// @throws TemplateException with the line, if it cannot be rendered, refuses its input, or
    ///     exceeds the limits
    public String render(Map<String, ? extends Value> names, ZonedDateTime now, Limits limits) {
        Frame globals = Frame.outermost(limits);
        functions(globals, now);
        Frame frame = globals.inner();
        names.forEach(frame::set);
        try {
            Statement.run(statements, frame);
        } catch (StackOverflowError e) {
            throw new TemplateException("calls are nested too deeply");
        }
        return frame.written();
    }

    private static void functions(Frame frame, ZonedDateTime now) {
        function(frame, "raise_exception", (f, a) -> {
            throw new TemplateException(Printing.text(a.require(0, "message", "raise_exception")), true);
        });
        function(
                frame,
                "strftime_now",
                (f, a) -> Value.of(Dates.format(now, Printing.text(a.require(0, "format", "strftime_now")))));
        function(frame, "namespace", (f, a) -> {
            var attributes = new LinkedHashMap<String, Value>();
            a.positions().forEach(p -> copy(p, attributes));
            attributes.putAll(a.names());
            return new Value.Space(attributes);
        });
        function(frame, "dict", (f, a) -> {
            var attributes = new LinkedHashMap<String, Value>();
            a.positions().forEach(p -> copy(p, attributes));
            attributes.putAll(a.names());
            return Value.of(attributes);
        });
        function(frame, "range", (f, a) -> range(f, a.atMost(3, "range")));
    }

    private static void function(Frame frame, String name, Value.Body body) {
        frame.set(name, new Value.Callable(name, body));
    }

    private static void copy(Value from, Map<String, Value> into) {
        if (!(from instanceof Value.Mapping mapping)) {
            throw new TemplateException("wanted a dictionary, found " + from.named());
        }
        mapping.entries().forEach((key, value) -> into.put(Printing.text(key), value));
    }

    private static Value range(Frame frame, Arguments a) {
        long first = a.positions().size() > 1 ? Operators.index(a.positions().get(0)) : 0;
        long end = Operators.index(a.require(a.positions().size() > 1 ? 1 : 0, "stop", "range"));
        long step = a.positions().size() > 2 ? Operators.index(a.positions().get(2)) : 1;
        if (step == 0) {
            throw new TemplateException("range cannot go on by 0");
        }
        var numbers = new ArrayList<Value>();
        for (long i = first; step > 0 ? i < end : i > end; i += step) {
            if (numbers.size() >= LONGEST_RANGE) {
                throw new TemplateException("a range of more than " + LONGEST_RANGE + " numbers");
            }
            frame.step();
            numbers.add(Value.of(i));
        }
        return new Value.Items(numbers);
    }
}
