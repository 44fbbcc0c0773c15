package clearhead.tokenizer.template;

import java.math.BigDecimal;
import java.util.Map;

/// Values as Python prints them, and as JSON.
final class Printing {
    private Printing() {}

    /// Python's `str(value)`; an undefined value is empty.
    static String text(Value value) {
        if (value instanceof Value.Text text) {
            return text.value();
        } else if (value instanceof Value.Undefined) {
            return "";
        }
        var out = new StringBuilder();
        represent(value, out, 0);
        return out.toString();
    }

    /// Python's `repr(value)`.
    private static void represent(Value value, StringBuilder out, int depth) {
        deep(depth);
        if (value instanceof Value.Text text) {
            quote(text.value(), out);
        } else if (value instanceof Value.None) {
            out.append("None");
        } else if (value instanceof Value.Undefined) {
            out.append("Undefined");
        } else if (value instanceof Value.Bool b) {
            out.append(b.value() ? "True" : "False");
        } else if (value instanceof Value.Int i) {
            out.append(i.value());
        } else if (value instanceof Value.Real r) {
            out.append(real(r.value()));
        } else if (value instanceof Value.Items items) {
            out.append(items.isTuple() ? '(' : '[');
            String comma = "";
            for (Value item : items.values()) {
                out.append(comma);
                represent(item, out, depth + 1);
                comma = ", ";
            }
            out.append(!items.isTuple() ? "]" : items.values().size() == 1 ? ",)" : ")");
        } else if (value instanceof Value.Mapping mapping) {
            out.append('{');
            String comma = "";
            for (Map.Entry<Value, Value> entry : mapping.entries().entrySet()) {
                out.append(comma);
                represent(entry.getKey(), out, depth + 1);
                out.append(": ");
                represent(entry.getValue(), out, depth + 1);
                comma = ", ";
            }
            out.append('}');
        } else {
            out.append('<').append(value.named()).append('>');
        }
    }

    private static void deep(int depth) {
        if (depth > 200) {
            throw new TemplateException("a value is nested deeper than 200");
        }
    }

    private static void quote(String text, StringBuilder out) {
        char quote = text.contains("'") && !text.contains("\"") ? '"' : '\'';
        out.append(quote);
        text.codePoints().forEach(c -> {
            switch (c) {
                case '\n' -> out.append("\\n");
                case '\r' -> out.append("\\r");
                case '\t' -> out.append("\\t");
                case '\\' -> out.append("\\\\");
                default -> {
                    if (c == quote) {
                        out.append('\\').append(quote);
                    } else if (c < 0x20 || c >= 0x7f && c < 0xa0 || c == 0xad) {
                        out.append(String.format("\\x%02x", c));
                    } else {
                        out.appendCodePoint(c);
                    }
                }
            }
        });
        out.append(quote);
    }

    /// Python's `repr` of a float: the shortest digits that give it back.
    static String real(double value) {
        if (Double.isNaN(value)) {
            return "nan";
        } else if (Double.isInfinite(value)) {
            return value > 0 ? "inf" : "-inf";
        } else if (value == 0) {
            return 1 / value < 0 ? "-0.0" : "0.0";
        }
        BigDecimal decimal = new BigDecimal(Double.toString(value)).stripTrailingZeros();
        String digits = decimal.unscaledValue().abs().toString();
        int exponent = digits.length() - decimal.scale() - 1;
        String sign = value < 0 ? "-" : "";
        if (exponent < -4 || exponent >= 16) {
            String fraction = digits.length() > 1 ? "." + digits.substring(1) : "";
            String power = String.format("%02d", Math.abs(exponent));
            return sign + digits.charAt(0) + fraction + "e" + (exponent < 0 ? "-" : "+") + power;
        }
        String plain = decimal.abs().toPlainString();
        return sign + (plain.contains(".") ? plain : plain + ".0");
    }

    /// Python's `json.dumps(value, ensure_ascii=…, indent=…, sort_keys=…)`.
    ///
    /// @param indent blanks of a level, negative for all in one line
    static String json(Value value, int indent, String comma, String colon, boolean ascii, boolean sorted) {
        var out = new StringBuilder();
        json(value, out, indent, comma, colon, ascii, sorted, 0);
        return out.toString();
    }

    private static void json(
            Value value,
            StringBuilder out,
            int indent,
            String comma,
            String colon,
            boolean ascii,
            boolean sorted,
            int depth) {
        deep(depth);
        if (value instanceof Value.None) {
            out.append("null");
        } else if (value instanceof Value.Bool b) {
            out.append(b.value());
        } else if (value instanceof Value.Int i) {
            out.append(i.value());
        } else if (value instanceof Value.Real r) {
            String text = real(r.value());
            out.append(text.equals("nan") ? "NaN" : text.replace("inf", "Infinity"));
        } else if (value instanceof Value.Text text) {
            jsonText(text.value(), out, ascii);
        } else if (value instanceof Value.Items items) {
            if (items.counted("tojson").values().isEmpty()) {
                out.append("[]");
                return;
            }
            out.append('[');
            for (int i = 0; i < items.values().size(); i++) {
                out.append(i > 0 ? comma : "");
                line(out, indent, depth + 1);
                json(items.values().get(i), out, indent, comma, colon, ascii, sorted, depth + 1);
            }
            line(out, indent, depth);
            out.append(']');
        } else if (value instanceof Value.Mapping mapping) {
            if (mapping.entries().isEmpty()) {
                out.append("{}");
                return;
            }
            out.append('{');
            var entries = new java.util.ArrayList<>(mapping.entries().entrySet());
            if (sorted) {
                entries.sort((a, b) -> Operators.compare(a.getKey(), b.getKey()));
            }
            for (int i = 0; i < entries.size(); i++) {
                out.append(i > 0 ? comma : "");
                line(out, indent, depth + 1);
                Value key = entries.get(i).getKey();
                String name = key instanceof Value.Text text ? text.value() : json(key, -1, ", ", ": ", ascii, false);
                jsonText(name, out, ascii);
                out.append(colon);
                json(entries.get(i).getValue(), out, indent, comma, colon, ascii, sorted, depth + 1);
            }
            line(out, indent, depth);
            out.append('}');
        } else {
            throw new TemplateException(value.named() + " cannot be written as JSON");
        }
    }

    private static void line(StringBuilder out, int indent, int depth) {
        if (indent >= 0) {
            out.append('\n').append(" ".repeat(indent * depth));
        }
    }

    private static void jsonText(String text, StringBuilder out, boolean ascii) {
        out.append('"');
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            switch (c) {
                case '"' -> out.append("\\\"");
                case '\\' -> out.append("\\\\");
                case '\n' -> out.append("\\n");
                case '\r' -> out.append("\\r");
                case '\t' -> out.append("\\t");
                case '\b' -> out.append("\\b");
                case '\f' -> out.append("\\f");
                default -> {
                    if (c < 0x20 || ascii && c > 0x7e) {
                        out.append(String.format("\\u%04x", (int) c));
                    } else {
                        out.append(c);
                    }
                }
            }
        }
        out.append('"');
    }
}
