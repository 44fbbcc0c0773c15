package clearhead.tokenizer.template;

import java.util.Locale;

/// What may follow `is`.
final class Tests {
    private Tests() {}

    static boolean holds(String name, Value value, Arguments a) {
        return switch (name) {
            case "defined" -> !(value instanceof Value.Undefined);
            case "undefined" -> value instanceof Value.Undefined;
            case "none" -> value instanceof Value.None;
            case "boolean" -> value instanceof Value.Bool;
            case "true" -> value instanceof Value.Bool b && b.value();
            case "false" -> value instanceof Value.Bool b && !b.value();
            case "integer" -> value instanceof Value.Int;
            case "float" -> value instanceof Value.Real;
            case "number" -> Operators.isNumber(value);
            case "string" -> value instanceof Value.Text;
            case "mapping" -> value instanceof Value.Mapping;
            case "sequence" ->
                value instanceof Value.Items
                        || value instanceof Value.Text
                        || value instanceof Value.Mapping
                        || value instanceof Value.Undefined;
            case "iterable" ->
                value instanceof Value.Items
                        || value instanceof Value.Text
                        || value instanceof Value.Mapping
                        || value instanceof Value.Undefined;
            case "callable" -> value instanceof Value.Callable;
            case "even" -> Operators.index(value) % 2 == 0;
            case "odd" -> Operators.index(value) % 2 != 0;
            case "divisibleby" -> {
                long by = Operators.index(a.require(0, "num", name));
                if (by == 0) {
                    throw new TemplateException("a division by zero");
                }
                yield Operators.index(value) % by == 0;
            }
            case "eq", "equalto", "==" -> Operators.equal(value, a.require(0, "other", name));
            case "ne", "!=" -> !Operators.equal(value, a.require(0, "other", name));
            case "lt", "lessthan" -> Operators.compare(value, a.require(0, "other", name)) < 0;
            case "le" -> Operators.compare(value, a.require(0, "other", name)) <= 0;
            case "gt", "greaterthan" -> Operators.compare(value, a.require(0, "other", name)) > 0;
            case "ge" -> Operators.compare(value, a.require(0, "other", name)) >= 0;
            case "in" -> Operators.contains(a.require(0, "seq", name), value);
            case "sameas" -> value.equals(a.require(0, "other", name));
            case "lower" -> cased(value, Printing.text(value).toLowerCase(Locale.ROOT));
            case "upper" -> cased(value, Printing.text(value).toUpperCase(Locale.ROOT));
            default -> throw new TemplateException("there is no test \"" + name + "\"");
        };
    }

    private static boolean cased(Value value, String wanted) {
        String text = Printing.text(value);
        return text.equals(wanted) && text.chars().anyMatch(Character::isLetter);
    }
}
