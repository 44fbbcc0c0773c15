package clearhead.tokenizer.template;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/// Python's operators on the values of templates.
final class Operators {
    private Operators() {}

    static Value binary(Frame frame, String operator, Value a, Value b) {
        if (operator.equals("~")) {
            return joined(frame, Printing.text(a), Printing.text(b));
        }
        if (isWhole(a) && isWhole(b)) {
            return whole(operator, whole(a), whole(b));
        }
        if (isNumber(a) && isNumber(b)) {
            return real(operator, number(a), number(b));
        }
        if (operator.equals("+") && a instanceof Value.Text x && b instanceof Value.Text y) {
            boolean markup = x.isMarkup() || y.isMarkup();
            String left = markup && !x.isMarkup() ? Filters.escape(x.value()) : x.value();
            String right = markup && !y.isMarkup() ? Filters.escape(y.value()) : y.value();
            frame.fits((long) left.length() + right.length());
            return new Value.Text(left + right, markup);
        }
        if (operator.equals("+") && a instanceof Value.Items x && b instanceof Value.Items y) {
            x.counted("+");
            y.counted("+");
            frame.fits((long) x.values().size() + y.values().size());
            var all = new ArrayList<>(x.values());
            all.addAll(y.values());
            return new Value.Items(all, x.kind());
        }
        if (operator.equals("*") && isWhole(a) && !isNumber(b)) {
            return repeated(frame, b, whole(a));
        }
        if (operator.equals("*") && isWhole(b)) {
            return repeated(frame, a, whole(b));
        }
        throw cannot(operator, a, b);
    }

    private static TemplateException cannot(String operator, Value a, Value b) {
        return new TemplateException("\"" + operator + "\" does not work on " + a.named() + " and " + b.named());
    }

    private static Value joined(Frame frame, String a, String b) {
        frame.fits((long) a.length() + b.length());
        return Value.of(a + b);
    }

    private static Value repeated(Frame frame, Value of, long times) {
        int count = (int) Math.max(0, Math.min(times, Integer.MAX_VALUE));
        if (of instanceof Value.Text text) {
            frame.fits(text.value().length() * (long) count);
            return Value.of(text.value().repeat(count));
        } else if (of instanceof Value.Items items) {
            frame.fits(items.values().size() * (long) count);
            var all = new ArrayList<Value>();
            for (int i = 0; i < count; i++) {
                all.addAll(items.values());
            }
            return new Value.Items(all);
        }
        throw cannot("*", of, Value.of(times));
    }

    private static Value whole(String operator, long a, long b) {
        try {
            return switch (operator) {
                case "+" -> Value.of(Math.addExact(a, b));
                case "-" -> Value.of(Math.subtractExact(a, b));
                case "*" -> Value.of(Math.multiplyExact(a, b));
                case "/" -> Value.of((double) a / notZero(b));
                case "//" -> Value.of(Math.floorDiv(a, notZero(b)));
                case "%" -> Value.of(Math.floorMod(a, notZero(b)));
                case "**" -> b < 0 ? Value.of(Math.pow(a, b)) : Value.of(power(a, b));
                default -> throw cannot(operator, Value.of(a), Value.of(b));
            };
        } catch (ArithmeticException e) {
            throw new TemplateException(
                    "the result of " + a + " " + operator + " " + b + " is larger than 64 bits hold");
        }
    }

    private static long power(long a, long b) {
        long result = 1;
        for (long i = 0; i < b && result != 0 && !(result == 1 && a == 1); i++) {
            result = Math.multiplyExact(result, a);
            if (a == -1 && i > 0) {
                return b % 2 == 0 ? 1 : -1;
            }
        }
        return result;
    }

    private static long notZero(long divisor) {
        if (divisor == 0) {
            throw new TemplateException("a division by zero");
        }
        return divisor;
    }

    private static Value real(String operator, double a, double b) {
        if (b == 0 && (operator.equals("/") || operator.equals("//") || operator.equals("%"))) {
            throw new TemplateException("a division by zero");
        }
        return switch (operator) {
            case "+" -> Value.of(a + b);
            case "-" -> Value.of(a - b);
            case "*" -> Value.of(a * b);
            case "/" -> Value.of(a / b);
            case "//" -> Value.of(Math.floor(a / b));
            case "%" -> Value.of(a - b * Math.floor(a / b));
            case "**" -> Value.of(Math.pow(a, b));
            default -> throw cannot(operator, Value.of(a), Value.of(b));
        };
    }

    static boolean compares(String operator, Value a, Value b) {
        return switch (operator) {
            case "==" -> equal(a, b);
            case "!=" -> !equal(a, b);
            case "in" -> contains(b, a);
            case "not in" -> !contains(b, a);
            case "<" -> compare(a, b) < 0;
            case ">" -> compare(a, b) > 0;
            case "<=" -> compare(a, b) <= 0;
            default -> compare(a, b) >= 0;
        };
    }

    /// As Python's ==: 1, 1.0 and True are equal.
    static boolean equal(Value a, Value b) {
        if (isNumber(a) && isNumber(b)) {
            return isWhole(a) && isWhole(b) ? whole(a) == whole(b) : number(a) == number(b);
        }
        if (a instanceof Value.Items x && b instanceof Value.Items y) {
            if (x.values().size() != y.values().size() || x.kind() != y.kind()) {
                return false;
            }
            for (int i = 0; i < x.values().size(); i++) {
                if (!equal(x.values().get(i), y.values().get(i))) {
                    return false;
                }
            }
            return true;
        }
        if (a instanceof Value.Mapping x && b instanceof Value.Mapping y) {
            if (x.entries().size() != y.entries().size()) {
                return false;
            }
            for (var entry : x.entries().entrySet()) {
                Value other = y.entries().get(entry.getKey());
                if (other == null || !equal(entry.getValue(), other)) {
                    return false;
                }
            }
            return true;
        }
        if (a instanceof Value.Undefined && b instanceof Value.Undefined) {
            return true;
        }
        return a.equals(b);
    }

    static int compare(Value a, Value b) {
        if (isNumber(a) && isNumber(b)) {
            return isWhole(a) && isWhole(b) ? Long.compare(whole(a), whole(b)) : Double.compare(number(a), number(b));
        }
        if (a instanceof Value.Text x && b instanceof Value.Text y) {
            int[] left = x.value().codePoints().toArray();
            int[] right = y.value().codePoints().toArray();
            return java.util.Arrays.compare(left, right);
        }
        if (a instanceof Value.Items x && b instanceof Value.Items y) {
            for (int i = 0; i < Math.min(x.values().size(), y.values().size()); i++) {
                if (!equal(x.values().get(i), y.values().get(i))) {
                    return compare(x.values().get(i), y.values().get(i));
                }
            }
            return Integer.compare(x.values().size(), y.values().size());
        }
        throw cannot("<", a, b);
    }

    static boolean contains(Value in, Value what) {
        if (in instanceof Value.Text text) {
            if (!(what instanceof Value.Text part)) {
                throw cannot("in", what, in);
            }
            return text.value().contains(part.value());
        } else if (in instanceof Value.Mapping mapping) {
            return mapping.entries().containsKey(hashable(what));
        }
        for (Value value : in.iterated()) {
            if (equal(value, what)) {
                return true;
            }
        }
        return false;
    }

    /// As a key of a dictionary: numbers that are equal are one key.
    static Value hashable(Value key) {
        if (key instanceof Value.Bool b) {
            return Value.of(b.value() ? 1L : 0L);
        } else if (key instanceof Value.Real r && r.value() == Math.rint(r.value()) && Math.abs(r.value()) < 1e15) {
            return Value.of((long) r.value());
        }
        return key;
    }

    /// `of[at]`, undefined where there is none.
    static Value item(Value of, Value at, String name) {
        if (of instanceof Value.Mapping mapping) {
            Value found = mapping.entries().get(hashable(at));
            return found == null ? new Value.Undefined(name) : found;
        } else if (of instanceof Value.Space space && at instanceof Value.Text text) {
            Value found = space.attributes().get(text.value());
            return found == null ? new Value.Undefined(name) : found;
        } else if (of instanceof Value.Items items && isWhole(at)) {
            int size = items.counted("a number in brackets").values().size();
            long i = whole(at) < 0 ? whole(at) + size : whole(at);
            return i >= 0 && i < size ? items.values().get((int) i) : new Value.Undefined(name);
        } else if (of instanceof Value.Text text && isWhole(at)) {
            int[] points = text.value().codePoints().toArray();
            long i = whole(at) < 0 ? whole(at) + points.length : whole(at);
            return i >= 0 && i < points.length
                    ? Value.of(Character.toString(points[(int) i]))
                    : new Value.Undefined(name);
        } else if (of instanceof Value.Undefined undefined) {
            throw new TemplateException("\"" + undefined.name() + "\" is undefined, so it has no \"" + name + "\"");
        }
        return new Value.Undefined(name);
    }

    /// Python's slices, of texts and lists.
    static Value slice(Value of, Optional<Value> from, Optional<Value> to, Optional<Value> by) {
        boolean isText = of instanceof Value.Text;
        if (!isText && !(of instanceof Value.Items)) {
            throw new TemplateException("cannot cut a piece out of " + of.named());
        }
        if (of instanceof Value.Items items) {
            items.counted("a slice");
        }
        List<Value> values = of.iterated();
        int size = values.size();
        long step =
                by.filter(v -> !(v instanceof Value.None)).map(v -> index(v)).orElse(1L);
        if (step == 0) {
            throw new TemplateException("a slice cannot go on by 0");
        }
        boolean up = step > 0;
        long first = bound(from, size, up ? 0 : size - 1L, up);
        long end = bound(to, size, up ? size : -1L, up);
        var cut = new ArrayList<Value>();
        for (long i = first; up ? i < end : i > end; i += step) {
            cut.add(values.get((int) i));
        }
        if (!isText) {
            return new Value.Items(cut, ((Value.Items) of).kind());
        }
        var text = new StringBuilder();
        cut.forEach(c -> text.append(((Value.Text) c).value()));
        return Value.of(text.toString());
    }

    private static long bound(Optional<Value> given, int size, long otherwise, boolean up) {
        if (given.isEmpty() || given.get() instanceof Value.None) {
            return otherwise;
        }
        long i = index(given.get());
        long at = i < 0 ? i + size : i;
        return up ? Math.max(0, Math.min(at, size)) : Math.max(-1, Math.min(at, size - 1L));
    }

    static long index(Value value) {
        if (!isWhole(value)) {
            throw new TemplateException("wanted a whole number, found " + value.named());
        }
        return whole(value);
    }

    static boolean isWhole(Value value) {
        return value instanceof Value.Int || value instanceof Value.Bool;
    }

    static boolean isNumber(Value value) {
        return isWhole(value) || value instanceof Value.Real;
    }

    static long whole(Value value) {
        return value instanceof Value.Int i ? i.value() : ((Value.Bool) value).value() ? 1 : 0;
    }

    static double number(Value value) {
        return value instanceof Value.Real r ? r.value() : whole(value);
    }
}
