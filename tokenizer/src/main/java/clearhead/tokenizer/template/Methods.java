package clearhead.tokenizer.template;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/// Methods of Python's texts, dictionaries and lists that change nothing.
final class Methods {
    private Methods() {}

    /// The method, or the attribute of a namespace, of this name.
    static Optional<Value> of(Value object, String name) {
        if (object instanceof Value.Text text) {
            return method(name, (frame, a) -> text(frame, text.value(), name, a), TEXT);
        } else if (object instanceof Value.Mapping mapping) {
            return method(name, (frame, a) -> mapping(mapping, name, a), MAPPING);
        } else if (object instanceof Value.Items items) {
            return method(name, (frame, a) -> items(items, name, a), ITEMS);
        } else if (object instanceof Value.Space space) {
            return Optional.ofNullable(space.attributes().get(name));
        }
        return Optional.empty();
    }

    private static final List<String> TEXT = List.of(
            "strip",
            "lstrip",
            "rstrip",
            "split",
            "rsplit",
            "splitlines",
            "startswith",
            "endswith",
            "upper",
            "lower",
            "title",
            "capitalize",
            "replace",
            "find",
            "rfind",
            "count",
            "join",
            "isdigit",
            "isalpha",
            "isalnum",
            "isspace",
            "isupper",
            "islower",
            "removeprefix",
            "removesuffix",
            "zfill",
            "ljust",
            "rjust",
            "format");
    private static final List<String> MAPPING = List.of("items", "keys", "values", "get");
    private static final List<String> ITEMS = List.of("index", "count");

    private static Optional<Value> method(String name, Value.Body body, List<String> known) {
        return known.contains(name) ? Optional.of(new Value.Callable(name, body)) : Optional.empty();
    }

    private static Value mapping(Value.Mapping of, String name, Arguments a) {
        Map<Value, Value> entries = of.entries();
        return switch (name) {
            case "items" -> {
                var pairs = new ArrayList<Value>();
                entries.forEach((key, value) -> pairs.add(Value.Items.tuple(key, value)));
                yield new Value.Items(pairs);
            }
            case "keys" -> new Value.Items(new ArrayList<>(entries.keySet()));
            case "values" -> new Value.Items(new ArrayList<>(entries.values()));
            default -> {
                a.atMost(2, "get", "default");
                Value found = entries.get(Operators.hashable(a.require(0, "key", "get")));
                yield found == null ? a.get(1, "default").orElse(Value.NONE) : found;
            }
        };
    }

    private static Value items(Value.Items of, String name, Arguments a) {
        Value wanted = a.atMost(1, name).require(0, "value", name);
        long count = 0;
        for (int i = 0; i < of.values().size(); i++) {
            if (Operators.equal(of.values().get(i), wanted)) {
                if (name.equals("index")) {
                    return Value.of((long) i);
                }
                count++;
            }
        }
        if (name.equals("index")) {
            throw new TemplateException(Printing.text(wanted) + " is not in the list");
        }
        return Value.of(count);
    }

    private static String string(Arguments a, int position, String name, String of) {
        Value value = a.require(position, name, of);
        if (!(value instanceof Value.Text text)) {
            throw new TemplateException(of + " needs a text as \"" + name + "\", found " + value.named());
        }
        return text.value();
    }

    private static Value text(Frame frame, String s, String name, Arguments a) {
        return switch (name) {
            case "strip", "lstrip", "rstrip" -> {
                Optional<Value> chars = a.atMost(1, name).get(0, "chars").filter(v -> !(v instanceof Value.None));
                Optional<String> set = chars.map(v -> string(a, 0, "chars", name));
                yield Value.of(strip(s, set, !name.equals("rstrip"), !name.equals("lstrip")));
            }
            case "split", "rsplit" -> split(s, a.atMost(2, name, "sep", "maxsplit"), name.equals("rsplit"));
            case "splitlines" -> {
                var lines = new ArrayList<Value>();
                String[] parts = s.split("\r\n|\r|\n", -1);
                for (int i = 0; i < parts.length; i++) {
                    if (i < parts.length - 1 || !parts[i].isEmpty()) {
                        lines.add(Value.of(parts[i]));
                    }
                }
                yield new Value.Items(lines);
            }
            case "startswith", "endswith" -> Value.of(affix(s, a.atMost(1, name).require(0, "prefix", name), name));
            case "upper" -> Value.of(s.toUpperCase(Locale.ROOT));
            case "lower" -> Value.of(s.toLowerCase(Locale.ROOT));
            case "title" -> Value.of(title(s));
            case "capitalize" -> Value.of(capitalize(s));
            case "replace" -> {
                String old = string(a.atMost(3, name), 0, "old", name);
                String other = string(a, 1, "new", name);
                long count = a.get(2, "count").map(Operators::index).orElse(-1L);
                yield Value.of(replace(frame, s, old, other, count));
            }
            case "find" -> Value.of((long) points(s, s.indexOf(string(a, 0, "sub", name))));
            case "rfind" -> Value.of((long) points(s, s.lastIndexOf(string(a, 0, "sub", name))));
            case "count" -> {
                String part = string(a, 0, "sub", name);
                long count = 0;
                for (int i = s.indexOf(part); i >= 0 && !part.isEmpty(); i = s.indexOf(part, i + part.length())) {
                    count++;
                }
                yield Value.of(part.isEmpty() ? s.codePointCount(0, s.length()) + 1L : count);
            }
            case "join" -> {
                var parts = new ArrayList<String>();
                long size = 0;
                for (Value value : a.require(0, "iterable", name).iterated()) {
                    if (!(value instanceof Value.Text text)) {
                        throw new TemplateException("join needs texts, found " + value.named());
                    }
                    parts.add(text.value());
                    size += text.value().length() + s.length();
                    frame.fits(size);
                }
                yield Value.of(String.join(s, parts));
            }
            case "isdigit" -> Value.of(all(s, Character::isDigit));
            case "isalpha" -> Value.of(all(s, Character::isLetter));
            case "isalnum" -> Value.of(all(s, Character::isLetterOrDigit));
            case "isspace" -> Value.of(all(s, Methods::isSpace));
            case "isupper" ->
                Value.of(
                        s.chars().anyMatch(Character::isUpperCase) && !s.chars().anyMatch(Character::isLowerCase));
            case "islower" ->
                Value.of(
                        s.chars().anyMatch(Character::isLowerCase) && !s.chars().anyMatch(Character::isUpperCase));
            case "removeprefix" -> {
                String prefix = string(a, 0, "prefix", name);
                yield Value.of(s.startsWith(prefix) ? s.substring(prefix.length()) : s);
            }
            case "removesuffix" -> {
                String suffix = string(a, 0, "suffix", name);
                yield Value.of(s.endsWith(suffix) ? s.substring(0, s.length() - suffix.length()) : s);
            }
            case "zfill", "ljust", "rjust" -> {
                long width = Operators.index(a.require(0, "width", name));
                frame.fits(width);
                String fill = name.equals("zfill")
                        ? "0"
                        : a.get(1, "fillchar").map(Printing::text).orElse(" ");
                int missing = (int) Math.max(0, width - s.codePointCount(0, s.length()));
                boolean signed = name.equals("zfill") && (s.startsWith("-") || s.startsWith("+"));
                String pad = fill.repeat(missing);
                yield Value.of(name.equals("ljust") ? s + pad : signed ? s.charAt(0) + pad + s.substring(1) : pad + s);
            }
            default -> Value.of(format(frame, s, a));
        };
    }

    /// `"{} of {name}".format(…)`, without format specifications.
    private static String format(Frame frame, String s, Arguments a) {
        var out = new StringBuilder();
        int next = 0;
        for (int i = 0; i < s.length(); i++) {
            char c = s.charAt(i);
            if ((c == '{' || c == '}') && i + 1 < s.length() && s.charAt(i + 1) == c) {
                out.append(c);
                i++;
            } else if (c == '{') {
                int close = s.indexOf('}', i);
                if (close < 0) {
                    throw new TemplateException("format: \"{\" has no \"}\"");
                }
                String field = s.substring(i + 1, close);
                if (!field.matches("[A-Za-z_0-9]*")) {
                    throw new TemplateException("format: \"{" + field + "}\" is more than a name or number");
                }
                boolean number = field.isEmpty() || Character.isDigit(field.charAt(0));
                int position = field.isEmpty() ? next++ : number ? Integer.parseInt(field) : Integer.MAX_VALUE;
                out.append(Printing.text(a.get(position, field)
                        .orElseThrow(() -> new TemplateException("format: nothing is given for \"{" + field + "}\""))));
                frame.fits(out.length());
                i = close;
            } else {
                out.append(c);
            }
        }
        return out.toString();
    }

    private static int points(String s, int at) {
        return at < 0 ? -1 : s.codePointCount(0, at);
    }

    private static boolean affix(String s, Value with, String name) {
        if (with instanceof Value.Items items) {
            return items.values().stream().anyMatch(v -> affix(s, v, name));
        } else if (with instanceof Value.Text text) {
            return name.equals("startswith") ? s.startsWith(text.value()) : s.endsWith(text.value());
        }
        throw new TemplateException(name + " needs a text, found " + with.named());
    }

    private static boolean all(String s, java.util.function.IntPredicate test) {
        return !s.isEmpty() && s.codePoints().allMatch(test);
    }

    static boolean isSpace(int c) {
        return Character.isWhitespace(c) || Character.isSpaceChar(c) || c == 0x85;
    }

    /// @param set characters to take away; blanks of every kind if there is none
    static String strip(String s, Optional<String> set, boolean left, boolean right) {
        int from = 0;
        int to = s.length();
        while (left && from < to && strips(s.codePointAt(from), set)) {
            from += Character.charCount(s.codePointAt(from));
        }
        while (right && to > from && strips(s.codePointBefore(to), set)) {
            to -= Character.charCount(s.codePointBefore(to));
        }
        return s.substring(from, to);
    }

    private static boolean strips(int c, Optional<String> set) {
        return set.isPresent() ? set.get().indexOf(c) >= 0 : isSpace(c);
    }

    private static Value split(String s, Arguments a, boolean fromRight) {
        Optional<Value> separator = a.get(0, "sep").filter(v -> !(v instanceof Value.None));
        long most = a.get(1, "maxsplit").map(Operators::index).orElse(-1L);
        var parts = new ArrayList<Value>();
        if (separator.isPresent()) {
            String by = string(new Arguments(List.of(separator.get()), Map.of()), 0, "sep", "split");
            if (by.isEmpty()) {
                throw new TemplateException("split needs a separator that is not empty");
            }
            String rest = s;
            while (most != 0) {
                int at = fromRight ? rest.lastIndexOf(by) : rest.indexOf(by);
                if (at < 0) {
                    break;
                }
                String before = rest.substring(0, at);
                String after = rest.substring(at + by.length());
                parts.add(fromRight ? 0 : parts.size(), Value.of(fromRight ? after : before));
                rest = fromRight ? before : after;
                most--;
            }
            parts.add(fromRight ? 0 : parts.size(), Value.of(rest));
            return new Value.Items(parts);
        }
        String rest = strip(s, Optional.empty(), true, true);
        while (!rest.isEmpty()) {
            int cut = most == 0 ? -1 : space(rest, fromRight);
            if (cut < 0) {
                parts.add(fromRight ? 0 : parts.size(), Value.of(rest));
                break;
            }
            String part = fromRight ? rest.substring(cut + 1) : rest.substring(0, cut);
            parts.add(fromRight ? 0 : parts.size(), Value.of(part));
            String left = fromRight ? rest.substring(0, cut) : rest.substring(cut);
            rest = strip(left, Optional.empty(), !fromRight, fromRight);
            most--;
        }
        return new Value.Items(parts);
    }

    private static int space(String s, boolean last) {
        for (int i = last ? s.length() - 1 : 0; i >= 0 && i < s.length(); i += last ? -1 : 1) {
            if (isSpace(s.charAt(i))) {
                return i;
            }
        }
        return -1;
    }

    static String replace(Frame frame, String s, String old, String other, long count) {
        var out = new StringBuilder();
        int at = 0;
        long left = count < 0 ? Long.MAX_VALUE : count;
        if (old.isEmpty()) {
            for (int i = 0; i < s.length() && left > 0; left--) {
                out.append(other).appendCodePoint(s.codePointAt(i));
                i += Character.charCount(s.codePointAt(i));
                at = i;
                frame.fits(out.length());
            }
            return left > 0
                    ? out.append(other).toString()
                    : out.append(s, at, s.length()).toString();
        }
        for (int i = s.indexOf(old); i >= 0 && left > 0; i = s.indexOf(old, at), left--) {
            out.append(s, at, i).append(other);
            at = i + old.length();
            frame.fits(out.length());
        }
        return out.append(s, at, s.length()).toString();
    }

    static String capitalize(String s) {
        if (s.isEmpty()) {
            return s;
        }
        int end = s.offsetByCodePoints(0, 1);
        return s.substring(0, end).toUpperCase(Locale.ROOT) + s.substring(end).toLowerCase(Locale.ROOT);
    }

    /// Every letter that follows no letter in upper case, all others in lower case.
    static String title(String s) {
        var out = new StringBuilder();
        boolean inside = false;
        for (int i = 0; i < s.length(); ) {
            int c = s.codePointAt(i);
            out.appendCodePoint(inside ? Character.toLowerCase(c) : Character.toTitleCase(c));
            inside = Character.isLetter(c);
            i += Character.charCount(c);
        }
        return out.toString();
    }
}
