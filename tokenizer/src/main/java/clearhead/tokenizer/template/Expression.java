package clearhead.tokenizer.template;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// What stands in a tag and has a value.
sealed interface Expression {
    Value value(Frame frame);

    record Constant(Value value) implements Expression {
        @Override
        public Value value(Frame frame) {
            return value;
        }
    }

    record Name(String name) implements Expression {
        @Override
        public Value value(Frame frame) {
            return frame.get(name);
        }
    }

    record ItemList(List<Expression> items, boolean isTuple) implements Expression {
        @Override
        public Value value(Frame frame) {
            var values = new ArrayList<Value>();
            for (Expression item : items) {
                values.add(item.value(frame));
            }
            return new Value.Items(values, isTuple ? Value.Items.Kind.TUPLE : Value.Items.Kind.LIST);
        }
    }

    /// @param keys as many as values
    record Dictionary(List<Expression> keys, List<Expression> values) implements Expression {
        @Override
        public Value value(Frame frame) {
            var map = new LinkedHashMap<Value, Value>();
            for (int i = 0; i < keys.size(); i++) {
                map.put(
                        Operators.hashable(keys.get(i).value(frame)),
                        values.get(i).value(frame));
            }
            return new Value.Mapping(map);
        }
    }

    /// `object.name`: a method or attribute, else an item.
    record Attribute(Expression object, String name, int line) implements Expression {
        @Override
        public Value value(Frame frame) {
            Value of = object.value(frame);
            return Methods.of(of, name).orElseGet(() -> item(of, new Value.Text(name), name, line));
        }
    }

    /// `object[key]`: an item, else a method or attribute.
    record Item(Expression object, Expression key, int line) implements Expression {
        @Override
        public Value value(Frame frame) {
            Value of = object.value(frame);
            Value at = key.value(frame);
            Value found = item(of, at, Printing.text(at), line);
            if (found instanceof Value.Undefined && at instanceof Value.Text text) {
                return Methods.of(of, text.value()).orElse(found);
            }
            return found;
        }
    }

    private static Value item(Value of, Value at, String name, int line) {
        try {
            return Operators.item(of, at, name);
        } catch (TemplateException e) {
            throw e.at(line);
        }
    }

    record Slice(Expression object, Optional<Expression> from, Optional<Expression> to, Optional<Expression> step)
            implements Expression {
        @Override
        public Value value(Frame frame) {
            return Operators.slice(
                    object.value(frame),
                    from.map(e -> e.value(frame)),
                    to.map(e -> e.value(frame)),
                    step.map(e -> e.value(frame)));
        }
    }

    record Call(Expression function, List<Expression> positions, Map<String, Expression> names, int line)
            implements Expression {
        @Override
        public Value value(Frame frame) {
            Value called = function.value(frame);
            if (!(called instanceof Value.Callable)) {
                String name = function instanceof Name n ? n.name : function instanceof Attribute a ? a.name : "";
                throw new TemplateException("line " + line + ": \"" + name + "\" is " + called.named()
                        + " and cannot be called; it may be a function that chat templates do not have");
            }
            Arguments arguments = arguments(frame, positions, names);
            frame.enter();
            try {
                return ((Value.Callable) called).body().call(frame, arguments);
            } catch (TemplateException e) {
                throw e.at(line);
            } finally {
                frame.leave();
            }
        }
    }

    static Arguments arguments(Frame frame, List<Expression> positions, Map<String, Expression> names) {
        var values = new ArrayList<Value>();
        for (Expression position : positions) {
            values.add(position.value(frame));
        }
        var named = new LinkedHashMap<String, Value>();
        names.forEach((name, value) -> named.put(name, value.value(frame)));
        return new Arguments(values, named);
    }

    record Filter(Expression of, String name, List<Expression> positions, Map<String, Expression> names, int line)
            implements Expression {
        @Override
        public Value value(Frame frame) {
            Value value = of.value(frame);
            try {
                return Filters.apply(frame, name, value, arguments(frame, positions, names));
            } catch (TemplateException e) {
                throw e.at(line);
            }
        }
    }

    record Test(Expression of, String name, List<Expression> positions, boolean not, int line) implements Expression {
        @Override
        public Value value(Frame frame) {
            Value value = of.value(frame);
            try {
                return Value.of(Tests.holds(name, value, arguments(frame, positions, Map.of())) != not);
            } catch (TemplateException e) {
                throw e.at(line);
            }
        }
    }

    record Binary(String operator, Expression left, Expression right, int line) implements Expression {
        @Override
        public Value value(Frame frame) {
            frame.step();
            Value a = left.value(frame);
            if (operator.equals("and")) {
                return a.isTrue() ? right.value(frame) : a;
            } else if (operator.equals("or")) {
                return a.isTrue() ? a : right.value(frame);
            }
            try {
                return Operators.binary(frame, operator, a, right.value(frame));
            } catch (TemplateException e) {
                throw e.at(line);
            }
        }
    }

    /// a < b <= c: every two neighbours must agree.
    record Comparison(Expression first, List<String> operators, List<Expression> others, int line)
            implements Expression {
        @Override
        public Value value(Frame frame) {
            frame.step();
            Value left = first.value(frame);
            try {
                for (int i = 0; i < operators.size(); i++) {
                    Value right = others.get(i).value(frame);
                    if (!Operators.compares(operators.get(i), left, right)) {
                        return Value.of(false);
                    }
                    left = right;
                }
            } catch (TemplateException e) {
                throw e.at(line);
            }
            return Value.of(true);
        }
    }

    record Not(Expression of) implements Expression {
        @Override
        public Value value(Frame frame) {
            return Value.of(!of.value(frame).isTrue());
        }
    }

    record Negative(Expression of, int line) implements Expression {
        @Override
        public Value value(Frame frame) {
            Value value = of.value(frame);
            if (value instanceof Value.Real real) {
                return Value.of(-real.value());
            }
            return Operators.binary(frame, "-", Value.of(0), value);
        }
    }

    record Conditional(Expression condition, Expression then, Optional<Expression> otherwise) implements Expression {
        @Override
        public Value value(Frame frame) {
            if (condition.value(frame).isTrue()) {
                return then.value(frame);
            }
            return otherwise.isPresent() ? otherwise.get().value(frame) : new Value.Undefined("else");
        }
    }
}
