package clearhead.tokenizer.template;

import clearhead.tokenizer.template.Token.Kind;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/// Statements of a template from its tokens; [ExpressionParser] reads what stands inside the tags.
final class Parser extends ExpressionParser {
    private int loops;

    private Parser(List<Token> tokens) {
        super(tokens);
    }

    static List<Statement> parse(List<Token> tokens) {
        var parser = new Parser(tokens);
        List<Statement> statements = parser.block(Set.of());
        if (parser.token().kind() != Kind.END) {
            throw parser.unexpected("the end of the template");
        }
        return statements;
    }

    /// Statements up to a tag with one of these names, which is left where it is.
    private List<Statement> block(Set<String> ends) {
        deeper();
        var statements = new ArrayList<Statement>();
        while (true) {
            Token token = token();
            switch (token.kind()) {
                case DATA -> {
                    statements.add(new Statement.Data(token.text()));
                    next();
                }
                case OUTPUT_BEGIN -> {
                    next();
                    statements.add(new Statement.Output(tuple(), token.line()));
                    expect(Kind.OUTPUT_END);
                }
                case BLOCK_BEGIN -> {
                    Token name = peek(1);
                    if (ends.contains(name.text())) {
                        shallower();
                        return statements;
                    }
                    next();
                    statements.add(statement());
                }
                default -> {
                    if (!ends.isEmpty()) {
                        throw unexpected("\"" + String.join("\" or \"", ends) + "\"");
                    }
                    shallower();
                    return statements;
                }
            }
        }
    }

    private Statement statement() {
        Token word = expect(Kind.NAME);
        switch (word.text()) {
            case "if":
                return ifs();
            case "for":
                return loop(word.line());
            case "set":
                return set(word.line());
            case "macro":
                return macro(word.line());
            case "call":
                return call(word.line());
            case "filter":
                return filterBlock();
            case "break":
            case "continue":
                if (loops == 0) {
                    throw new TemplateException("line " + word.line() + ": \"" + word.text() + "\" outside of a loop");
                }
                expect(Kind.BLOCK_END);
                return new Statement.Leave(
                        word.text().equals("break") ? Statement.Outcome.BREAK : Statement.Outcome.CONTINUE);
            case "generation": {
                expect(Kind.BLOCK_END);
                List<Statement> body = block(Set.of("endgeneration"));
                end("endgeneration");
                return new Statement.If(List.of(new Expression.Constant(Value.of(true))), List.of(body), List.of());
            }
            default:
                throw new TemplateException("line " + word.line() + ": the tag \"" + word.text()
                        + "\" is not one of those that chat templates may use (if, for, set, macro, call, filter,"
                        + " break, continue, raw, generation)");
        }
    }

    private void end(String name) {
        expect(Kind.BLOCK_BEGIN);
        Token word = expect(Kind.NAME);
        if (!word.text().equals(name)) {
            throw new TemplateException("line " + word.line() + ": wanted \"" + name + "\", found " + word.shown());
        }
        expect(Kind.BLOCK_END);
    }

    private Statement ifs() {
        var conditions = new ArrayList<Expression>();
        var blocks = new ArrayList<List<Statement>>();
        List<Statement> otherwise = List.of();
        conditions.add(tuple());
        expect(Kind.BLOCK_END);
        while (true) {
            List<Statement> body = block(Set.of("elif", "else", "endif"));
            if (blocks.size() < conditions.size()) {
                blocks.add(body);
            } else {
                otherwise = body;
            }
            expect(Kind.BLOCK_BEGIN);
            Token word = expect(Kind.NAME);
            boolean last = blocks.size() == conditions.size() && !otherwise.isEmpty();
            if (word.text().equals("elif") && !last) {
                conditions.add(tuple());
                expect(Kind.BLOCK_END);
            } else if (word.text().equals("else") && !last) {
                expect(Kind.BLOCK_END);
                otherwise = block(Set.of("endif"));
                end("endif");
                return new Statement.If(conditions, blocks, otherwise);
            } else {
                expect(Kind.BLOCK_END);
                return new Statement.If(conditions, blocks, otherwise);
            }
        }
    }

    private List<String> targets() {
        boolean bracket = token().is(Kind.OPERATOR, "(");
        if (bracket) {
            next();
        }
        var names = new ArrayList<String>();
        names.add(expect(Kind.NAME).text());
        while (accept(",")) {
            if (token().kind() != Kind.NAME || token().is(Kind.NAME, "in")) {
                break;
            }
            names.add(expect(Kind.NAME).text());
        }
        if (bracket) {
            operator(")");
        }
        return names;
    }

    private Statement loop(int line) {
        List<String> targets = targets();
        word("in");
        Expression over = tupleWithoutCondition();
        Optional<Expression> condition = Optional.empty();
        if (token().is(Kind.NAME, "if")) {
            next();
            condition = Optional.of(expression());
        }
        if (token().is(Kind.NAME, "recursive")) {
            throw new TemplateException(
                    "line " + line + ": recursive loops are not among those that chat templates use");
        }
        expect(Kind.BLOCK_END);
        loops++;
        List<Statement> body = block(Set.of("else", "endfor"));
        loops--;
        List<Statement> otherwise = List.of();
        if (peek(1).is(Kind.NAME, "else")) {
            end("else");
            otherwise = block(Set.of("endfor"));
        }
        end("endfor");
        return new Statement.For(targets, over, condition, body, otherwise, line);
    }

    private Statement set(int line) {
        List<String> targets = targets();
        Optional<String> attribute = Optional.empty();
        if (targets.size() == 1 && accept(".")) {
            attribute = Optional.of(expect(Kind.NAME).text());
        }
        if (accept("=")) {
            Expression value = tuple();
            expect(Kind.BLOCK_END);
            return new Statement.Set(targets, attribute, value, line);
        }
        List<Statement.Filtering> filters = filterings();
        expect(Kind.BLOCK_END);
        List<Statement> body = block(Set.of("endset"));
        end("endset");
        return new Statement.SetBlock(targets.get(0), attribute, body, filters, line);
    }

    private List<Statement.Filtering> filterings() {
        var filters = new ArrayList<Statement.Filtering>();
        while (accept("|")) {
            filters.add(filtering());
        }
        return filters;
    }

    private Statement.Filtering filtering() {
        Token name = expect(Kind.NAME);
        var positions = new ArrayList<Expression>();
        var names = new LinkedHashMap<String, Expression>();
        if (accept("(")) {
            arguments(positions, names);
        }
        return new Statement.Filtering(name.text(), positions, names, name.line());
    }

    private Statement filterBlock() {
        var filters = new ArrayList<Statement.Filtering>();
        filters.add(filtering());
        filters.addAll(filterings());
        expect(Kind.BLOCK_END);
        List<Statement> body = block(Set.of("endfilter"));
        end("endfilter");
        return new Statement.FilterBlock(body, filters);
    }

    private Statement.Macro macro(int line) {
        String name = expect(Kind.NAME).text();
        operator("(");
        var parameters = new ArrayList<String>();
        var defaults = new ArrayList<Expression>();
        parameters(parameters, defaults);
        return new Statement.Macro(name, parameters, defaults, body("endmacro"), line);
    }

    private void parameters(List<String> parameters, List<Expression> defaults) {
        while (!accept(")")) {
            Token name = expect(Kind.NAME);
            parameters.add(name.text());
            if (accept("=")) {
                defaults.add(expression());
            } else if (!defaults.isEmpty()) {
                throw new TemplateException("line " + name.line() + ": the parameter \"" + name.text()
                        + "\" has no default, but one before it has");
            }
            if (!token().is(Kind.OPERATOR, ")")) {
                operator(",");
            }
        }
    }

    private List<Statement> body(String end) {
        expect(Kind.BLOCK_END);
        int around = loops;
        loops = 0;
        List<Statement> body = block(Set.of(end));
        loops = around;
        end(end);
        return body;
    }

    private Statement call(int line) {
        var parameters = new ArrayList<String>();
        var defaults = new ArrayList<Expression>();
        if (accept("(")) {
            parameters(parameters, defaults);
        }
        if (!(expression() instanceof Expression.Call call)) {
            throw new TemplateException("line " + line + ": \"call\" needs a macro that is called");
        }
        var caller = new Statement.Macro("caller", parameters, defaults, body("endcall"), line);
        return new Statement.CallBlock(call, caller);
    }
}
