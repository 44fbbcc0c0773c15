package clearhead.tokenizer.template;

import clearhead.tokenizer.template.Token.Kind;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/// Reads expressions, in jinja2's order of binding: `if else`, or, and, not, comparisons, `+ -`, `~`,
/// `* / // %`, sign, `**`, then what stands behind a value: attributes, items, calls, filters, tests.
class ExpressionParser {
    /// Tags and brackets inside each other.
    private static final int DEEPEST = 200;

    private static final Set<String> COMPARISONS = Set.of("==", "!=", "<", ">", "<=", ">=");

    private final List<Token> tokens;
    private int at;
    private int depth;

    ExpressionParser(List<Token> tokens) {
        this.tokens = tokens;
    }

    final Token token() {
        return tokens.get(at);
    }

    final Token peek(int ahead) {
        return tokens.get(Math.min(at + ahead, tokens.size() - 1));
    }

    final Token next() {
        Token token = token();
        at = Math.min(at + 1, tokens.size() - 1);
        return token;
    }

    final TemplateException unexpected(String wanted) {
        return new TemplateException("line " + token().line() + ": wanted " + wanted + ", found " + token().shown());
    }

    final Token expect(Kind kind) {
        if (token().kind() != kind) {
            throw unexpected(
                    switch (kind) {
                        case NAME -> "a name";
                        case BLOCK_BEGIN -> "a tag";
                        case BLOCK_END -> "the end of the tag \"%}\"";
                        case OUTPUT_END -> "the end of the tag \"}}\"";
                        default -> kind.toString();
                    });
        }
        return next();
    }

    final boolean accept(String operator) {
        if (token().is(Kind.OPERATOR, operator)) {
            next();
            return true;
        }
        return false;
    }

    final void operator(String operator) {
        if (!accept(operator)) {
            throw unexpected("\"" + operator + "\"");
        }
    }

    final void word(String name) {
        if (!token().is(Kind.NAME, name)) {
            throw unexpected("\"" + name + "\"");
        }
        next();
    }

    private boolean acceptWord(String name) {
        if (token().is(Kind.NAME, name)) {
            next();
            return true;
        }
        return false;
    }

    final void deeper() {
        if (++depth > DEEPEST) {
            throw new TemplateException(
                    "line " + token().line() + ": tags or brackets are nested deeper than " + DEEPEST);
        }
    }

    final void shallower() {
        depth--;
    }

    /// An expression, or several with commas between them.
    final Expression tuple() {
        return tuple(true);
    }

    /// As [#tuple] before an `if` that belongs to something else.
    final Expression tupleWithoutCondition() {
        return tuple(false);
    }

    private Expression tuple(boolean conditional) {
        Expression first = conditional ? expression() : or();
        if (!token().is(Kind.OPERATOR, ",")) {
            return first;
        }
        var items = new ArrayList<Expression>(List.of(first));
        while (accept(",")) {
            if (token().kind() == Kind.OPERATOR && ")]}".contains(token().text())
                    || token().kind() == Kind.BLOCK_END
                    || token().kind() == Kind.OUTPUT_END) {
                break;
            }
            items.add(conditional ? expression() : or());
        }
        return new Expression.ItemList(items, true);
    }

    final Expression expression() {
        deeper();
        Expression value = or();
        while (acceptWord("if")) {
            Expression condition = or();
            Optional<Expression> otherwise = acceptWord("else") ? Optional.of(expression()) : Optional.empty();
            value = new Expression.Conditional(condition, value, otherwise);
        }
        shallower();
        return value;
    }

    private Expression or() {
        Expression left = and();
        while (token().is(Kind.NAME, "or")) {
            int line = next().line();
            left = new Expression.Binary("or", left, and(), line);
        }
        return left;
    }

    private Expression and() {
        Expression left = not();
        while (token().is(Kind.NAME, "and")) {
            int line = next().line();
            left = new Expression.Binary("and", left, not(), line);
        }
        return left;
    }

    private Expression not() {
        if (acceptWord("not")) {
            deeper();
            Expression of = not();
            shallower();
            return new Expression.Not(of);
        }
        return comparison();
    }

    private Expression comparison() {
        Expression first = sum();
        var operators = new ArrayList<String>();
        var others = new ArrayList<Expression>();
        int line = token().line();
        while (true) {
            if (token().kind() == Kind.OPERATOR && COMPARISONS.contains(token().text())) {
                operators.add(next().text());
            } else if (token().is(Kind.NAME, "in")) {
                next();
                operators.add("in");
            } else if (token().is(Kind.NAME, "not") && peek(1).is(Kind.NAME, "in")) {
                next();
                next();
                operators.add("not in");
            } else {
                return operators.isEmpty() ? first : new Expression.Comparison(first, operators, others, line);
            }
            others.add(sum());
        }
    }

    private Expression sum() {
        Expression left = concatenation();
        while (token().is(Kind.OPERATOR, "+") || token().is(Kind.OPERATOR, "-")) {
            Token operator = next();
            left = new Expression.Binary(operator.text(), left, concatenation(), operator.line());
        }
        return left;
    }

    private Expression concatenation() {
        Expression left = product();
        while (token().is(Kind.OPERATOR, "~")) {
            int line = next().line();
            left = new Expression.Binary("~", left, product(), line);
        }
        return left;
    }

    private Expression product() {
        Expression left = signed();
        while (token().kind() == Kind.OPERATOR && Set.of("*", "/", "//", "%").contains(token().text())) {
            Token operator = next();
            left = new Expression.Binary(operator.text(), left, signed(), operator.line());
        }
        return left;
    }

    private Expression signed() {
        return signed(true);
    }

    private Expression signed(boolean filtered) {
        deeper();
        Expression value;
        if (token().is(Kind.OPERATOR, "-")) {
            int line = next().line();
            value = new Expression.Negative(signed(false), line);
        } else if (accept("+")) {
            value = signed(false);
        } else {
            value = postfix(primary());
        }
        if (token().is(Kind.OPERATOR, "**")) {
            int line = next().line();
            value = new Expression.Binary("**", value, signed(false), line);
        }
        if (filtered) {
            value = filters(value);
        }
        shallower();
        return value;
    }

    private Expression primary() {
        Token token = next();
        switch (token.kind()) {
            case NAME -> {
                return switch (token.text()) {
                    case "true", "True" -> new Expression.Constant(Value.of(true));
                    case "false", "False" -> new Expression.Constant(Value.of(false));
                    case "none", "None" -> new Expression.Constant(Value.NONE);
                    default -> new Expression.Name(token.text());
                };
            }
            case STRING -> {
                var text = new StringBuilder(token.text());
                while (token().kind() == Kind.STRING) {
                    text.append(next().text());
                }
                return new Expression.Constant(Value.of(text.toString()));
            }
            case INTEGER -> {
                try {
                    return new Expression.Constant(Value.of(Long.parseLong(token.text())));
                } catch (NumberFormatException e) {
                    throw new TemplateException(
                            "line " + token.line() + ": the number " + token.text() + " is larger than 64 bits hold");
                }
            }
            case REAL -> {
                return new Expression.Constant(Value.of(Double.parseDouble(token.text())));
            }
            case OPERATOR -> {
                switch (token.text()) {
                    case "(" -> {
                        if (accept(")")) {
                            return new Expression.ItemList(List.of(), true);
                        }
                        Expression inner = tuple();
                        operator(")");
                        return inner;
                    }
                    case "[" -> {
                        var items = new ArrayList<Expression>();
                        while (!accept("]")) {
                            items.add(expression());
                            if (!token().is(Kind.OPERATOR, "]")) {
                                operator(",");
                            }
                        }
                        return new Expression.ItemList(items, false);
                    }
                    case "{" -> {
                        var keys = new ArrayList<Expression>();
                        var values = new ArrayList<Expression>();
                        while (!accept("}")) {
                            keys.add(expression());
                            operator(":");
                            values.add(expression());
                            if (!token().is(Kind.OPERATOR, "}")) {
                                operator(",");
                            }
                        }
                        return new Expression.Dictionary(keys, values);
                    }
                    default -> {}
                }
            }
            default -> {}
        }
        throw new TemplateException("line " + token.line() + ": wanted a value, found " + token.shown());
    }

    private Expression postfix(Expression value) {
        while (true) {
            if (accept(".")) {
                Token name = next();
                if (name.kind() == Kind.NAME) {
                    value = new Expression.Attribute(value, name.text(), name.line());
                } else if (name.kind() == Kind.INTEGER) {
                    value = new Expression.Item(
                            value, new Expression.Constant(Value.of(Long.parseLong(name.text()))), name.line());
                } else {
                    throw new TemplateException("line " + name.line() + ": wanted a name, found " + name.shown());
                }
            } else if (accept("[")) {
                value = item(value);
            } else if (token().is(Kind.OPERATOR, "(")) {
                int line = next().line();
                var positions = new ArrayList<Expression>();
                var names = new LinkedHashMap<String, Expression>();
                arguments(positions, names);
                value = new Expression.Call(value, positions, names, line);
            } else {
                return value;
            }
        }
    }

    private Expression item(Expression value) {
        Optional<Expression> from = token().is(Kind.OPERATOR, ":") ? Optional.empty() : Optional.of(tuple());
        if (from.isPresent() && accept("]")) {
            return new Expression.Item(value, from.get(), token().line());
        }
        operator(":");
        Optional<Expression> to = Optional.empty();
        Optional<Expression> step = Optional.empty();
        if (!token().is(Kind.OPERATOR, ":") && !token().is(Kind.OPERATOR, "]")) {
            to = Optional.of(expression());
        }
        if (accept(":") && !token().is(Kind.OPERATOR, "]")) {
            step = Optional.of(expression());
        }
        operator("]");
        return new Expression.Slice(value, from, to, step);
    }

    /// After the opening bracket.
    final void arguments(List<Expression> positions, Map<String, Expression> names) {
        while (!accept(")")) {
            if (token().kind() == Kind.NAME && peek(1).is(Kind.OPERATOR, "=")) {
                String name = next().text();
                next();
                names.put(name, expression());
            } else {
                if (!names.isEmpty()) {
                    throw unexpected("an argument by name, as the one before it");
                }
                positions.add(expression());
            }
            if (!token().is(Kind.OPERATOR, ")")) {
                operator(",");
            }
        }
    }

    /// Filters, and tests after them.
    private Expression filters(Expression value) {
        while (true) {
            if (accept("|")) {
                Token name = expect(Kind.NAME);
                var positions = new ArrayList<Expression>();
                var names = new LinkedHashMap<String, Expression>();
                if (accept("(")) {
                    arguments(positions, names);
                }
                value = new Expression.Filter(value, name.text(), positions, names, name.line());
            } else if (acceptWord("is")) {
                value = test(value);
            } else {
                return value;
            }
        }
    }

    private Expression test(Expression value) {
        boolean not = acceptWord("not");
        Token name = expect(Kind.NAME);
        var positions = new ArrayList<Expression>();
        if (accept("(")) {
            arguments(positions, new LinkedHashMap<>());
        } else if (startsValue()
                && !Set.of("else", "or", "and", "is", "if", "in", "not").contains(token().text())) {
            positions.add(postfix(primary()));
        }
        return new Expression.Test(value, name.text(), positions, not, name.line());
    }

    private boolean startsValue() {
        return switch (token().kind()) {
            case NAME, STRING, INTEGER, REAL -> true;
            case OPERATOR -> token().text().equals("[") || token().text().equals("{");
            default -> false;
        };
    }
}
