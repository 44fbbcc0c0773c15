package clearhead.tokenizer.template;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// What a template does, one after the other.
sealed interface Statement {
    /// How a block ended.
    enum Outcome {
        DONE,
        BREAK,
        CONTINUE
    }

    Outcome run(Frame frame);

    static Outcome run(List<Statement> statements, Frame frame) {
        for (Statement statement : statements) {
            frame.step();
            Outcome outcome = statement.run(frame);
            if (outcome != Outcome.DONE) {
                return outcome;
            }
        }
        return Outcome.DONE;
    }

    record Data(String text) implements Statement {
        @Override
        public Outcome run(Frame frame) {
            frame.write(text);
            return Outcome.DONE;
        }
    }

    record Output(Expression expression, int line) implements Statement {
        @Override
        public Outcome run(Frame frame) {
            try {
                frame.write(Printing.text(expression.value(frame)));
            } catch (TemplateException e) {
                throw e.at(line);
            }
            return Outcome.DONE;
        }
    }

    record If(List<Expression> conditions, List<List<Statement>> blocks, List<Statement> otherwise)
            implements Statement {
        @Override
        public Outcome run(Frame frame) {
            for (int i = 0; i < conditions.size(); i++) {
                if (conditions.get(i).value(frame).isTrue()) {
                    return Statement.run(blocks.get(i), frame);
                }
            }
            return Statement.run(otherwise, frame);
        }
    }

    /// @param targets one name, or several that take the parts of each element
    record For(
            List<String> targets,
            Expression over,
            Optional<Expression> condition,
            List<Statement> body,
            List<Statement> otherwise,
            int line)
            implements Statement {
        @Override
        public Outcome run(Frame frame) {
            List<Value> all;
            try {
                all = over.value(frame).iterated();
            } catch (TemplateException e) {
                throw e.at(line);
            }
            if (condition.isPresent()) {
                var kept = new ArrayList<Value>();
                for (Value value : all) {
                    Frame inner = frame.inner();
                    assign(inner, targets, value, line);
                    frame.step();
                    if (condition.get().value(inner).isTrue()) {
                        kept.add(value);
                    }
                }
                all = kept;
            }
            if (all.isEmpty()) {
                return Statement.run(otherwise, frame.inner());
            }
            frame.enter();
            try {
                var loop = new Loop(all);
                for (int i = 0; i < all.size(); i++) {
                    frame.step();
                    Frame inner = frame.inner();
                    loop.index = i;
                    inner.set("loop", loop.value());
                    assign(inner, targets, all.get(i), line);
                    if (Statement.run(body, inner) == Outcome.BREAK) {
                        break;
                    }
                }
            } finally {
                frame.leave();
            }
            return Outcome.DONE;
        }
    }

    /// `set` of names, or of an attribute of a namespace.
    record Set(List<String> targets, Optional<String> attribute, Expression expression, int line) implements Statement {
        @Override
        public Outcome run(Frame frame) {
            Value value = expression.value(frame);
            if (attribute.isPresent()) {
                setAttribute(frame, targets.get(0), attribute.get(), value, line);
            } else {
                assign(frame, targets, value, line);
            }
            return Outcome.DONE;
        }
    }

    /// `set` of a name to the text of a block.
    record SetBlock(String target, Optional<String> attribute, List<Statement> body, List<Filtering> filters, int line)
            implements Statement {
        @Override
        public Outcome run(Frame frame) {
            Value text = filtered(frame, frame.captured(inner -> Statement.run(body, inner)), filters);
            if (attribute.isPresent()) {
                setAttribute(frame, target, attribute.get(), text, line);
            } else {
                frame.set(target, text);
            }
            return Outcome.DONE;
        }
    }

    /// `filter` of a block.
    record FilterBlock(List<Statement> body, List<Filtering> filters) implements Statement {
        @Override
        public Outcome run(Frame frame) {
            String text = frame.captured(inner -> Statement.run(body, inner));
            frame.write(Printing.text(filtered(frame, text, filters)));
            return Outcome.DONE;
        }
    }

    /// A filter and its arguments.
    record Filtering(String name, List<Expression> positions, Map<String, Expression> names, int line) {}

    private static Value filtered(Frame frame, String text, List<Filtering> filters) {
        Expression expression = new Expression.Constant(Value.of(text));
        for (Filtering filter : filters) {
            expression = new Expression.Filter(expression, filter.name, filter.positions, filter.names, filter.line);
        }
        return expression.value(frame);
    }

    /// @param defaults of the last parameters
    record Macro(String name, List<String> parameters, List<Expression> defaults, List<Statement> body, int line)
            implements Statement {
        @Override
        public Outcome run(Frame frame) {
            frame.set(name, value(frame));
            return Outcome.DONE;
        }

        /// @param defined where names that are not parameters are looked up
        Value.Callable value(Frame defined) {
            return new Value.Callable(name, (caller, arguments) -> {
                Frame frame = defined.inner();
                for (int i = 0; i < parameters.size(); i++) {
                    String parameter = parameters.get(i);
                    Optional<Value> given = arguments.get(i, parameter);
                    int fallback = i - (parameters.size() - defaults.size());
                    Value otherwise = given.isPresent() || fallback < 0
                            ? new Value.Undefined(parameter)
                            : defaults.get(fallback).value(frame);
                    frame.set(parameter, given.orElse(otherwise));
                }
                arguments.names().forEach((key, value) -> {
                    if (key.equals("caller")) {
                        frame.set(key, value);
                    } else if (!parameters.contains(key)) {
                        throw new TemplateException("the macro \"" + name + "\" has no parameter \"" + key + "\"");
                    }
                });
                if (arguments.positions().size() > parameters.size()) {
                    throw new TemplateException("the macro \"" + name + "\" takes " + parameters.size()
                            + " arguments, got " + arguments.positions().size());
                }
                return Value.of(frame.captured(inner -> Statement.run(body, inner)));
            });
        }
    }

    /// `call` of a macro with a block that it may ask for as `caller()`.
    record CallBlock(Expression.Call call, Macro caller) implements Statement {
        @Override
        public Outcome run(Frame frame) {
            var names = new java.util.LinkedHashMap<>(call.names());
            names.put("caller", new Expression.Constant(caller.value(frame)));
            var with = new Expression.Call(call.function(), call.positions(), names, call.line());
            frame.write(Printing.text(with.value(frame)));
            return Outcome.DONE;
        }
    }

    record Leave(Outcome outcome) implements Statement {
        @Override
        public Outcome run(Frame frame) {
            return outcome;
        }
    }

    private static void assign(Frame frame, List<String> targets, Value value, int line) {
        if (targets.size() == 1) {
            frame.set(targets.get(0), value);
            return;
        }
        List<Value> parts;
        try {
            parts = value.iterated();
        } catch (TemplateException e) {
            throw e.at(line);
        }
        if (parts.size() != targets.size()) {
            throw new TemplateException(
                    "line " + line + ": " + targets.size() + " names take " + parts.size() + " values");
        }
        for (int i = 0; i < parts.size(); i++) {
            frame.set(targets.get(i), parts.get(i));
        }
    }

    private static void setAttribute(Frame frame, String target, String attribute, Value value, int line) {
        if (!(frame.get(target) instanceof Value.Space space)) {
            throw new TemplateException("line " + line + ": only a namespace's attributes can be set, \"" + target
                    + "\" is " + frame.get(target).named());
        }
        space.attributes().put(attribute, value);
    }
}
