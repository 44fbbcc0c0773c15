package clearhead.tokenizer.template;

import clearhead.tokenizer.template.Token.Kind;
import java.util.ArrayList;
import java.util.List;

/// Cuts a template into tokens, with jinja2's `trim_blocks` (a newline after a tag goes) and
/// `lstrip_blocks` (blanks before a tag that begins its line go), and `-` and `+` at the ends of tags.
final class Lexer {
    private static final String[] OPERATORS = {
        "//", "**", "==", "!=", "<=", ">=", "+", "-", "*", "/", "%", "~", "<", ">", "=", "(", ")", "[", "]", "{", "}",
        ",", ".", ":", "|"
    };

    private final String source;
    private final List<Token> tokens = new ArrayList<>();
    private int at;
    private int line = 1;

    private Lexer(String source) {
        this.source = source;
    }

    static List<Token> tokens(String text) {
        String unix = text.replace("\r\n", "\n").replace('\r', '\n');
        // jinja2 drops one newline at the end of a template.
        return new Lexer(unix.endsWith("\n") ? unix.substring(0, unix.length() - 1) : unix).run();
    }

    private List<Token> run() {
        boolean stripNext = false;
        boolean trimNewline = false;
        while (true) {
            int tag = nextTag(at);
            boolean end = tag < 0;
            String data = source.substring(at, end ? source.length() : tag);
            int lines = count(data);
            boolean lineBegins = at == 0;
            if (trimNewline && data.startsWith("\n")) {
                data = data.substring(1);
                lineBegins = true;
            }
            if (stripNext) {
                data = data.stripLeading();
            }
            char kind = end ? ' ' : source.charAt(tag + 1);
            char sign = end || tag + 2 >= source.length() ? ' ' : source.charAt(tag + 2);
            if (sign == '-') {
                data = data.stripTrailing();
            } else if (!end && kind != '{' && sign != '+') {
                data = withoutIndent(data, lineBegins);
            }
            if (!data.isEmpty()) {
                tokens.add(new Token(Kind.DATA, data, line));
            }
            line += lines;
            if (end) {
                tokens.add(new Token(Kind.END, "", line));
                return tokens;
            }
            at = tag + 2;
            if (sign == '-' || sign == '+') {
                at++;
            }
            stripNext = false;
            trimNewline = false;
            if (kind == '#') {
                int close = source.indexOf("#}", at);
                if (close < 0) {
                    throw new TemplateException("line " + line + ": the comment has no end \"#}\"");
                }
                line += count(source.substring(at, close));
                stripNext = close > at && source.charAt(close - 1) == '-';
                trimNewline = !(close > at && source.charAt(close - 1) == '+');
                at = close + 2;
            } else {
                boolean block = kind == '%';
                tokens.add(new Token(block ? Kind.BLOCK_BEGIN : Kind.OUTPUT_BEGIN, "", line));
                int first = tokens.size();
                char last = inside(block ? "%}" : "}}");
                stripNext = last == '-';
                trimNewline = block && last != '+';
                tokens.add(new Token(block ? Kind.BLOCK_END : Kind.OUTPUT_END, "", line));
                if (block && tokens.size() == first + 2 && tokens.get(first).is(Kind.NAME, "raw")) {
                    tokens.subList(first - 1, tokens.size()).clear();
                    raw(stripNext, trimNewline);
                    stripNext = rawStrips;
                    trimNewline = true;
                }
            }
        }
    }

    private boolean rawStrips;

    /// Everything up to `{% endraw %}` as it is.
    private void raw(boolean strip, boolean trim) {
        var end = java.util.regex.Pattern.compile("\\{%([-+]?)\\s*endraw\\s*([-+]?)%}")
                .matcher(source);
        if (!end.find(at)) {
            throw new TemplateException("line " + line + ": \"raw\" has no \"endraw\"");
        }
        String data = source.substring(at, end.start());
        line += count(data);
        at = end.end();
        if (trim && data.startsWith("\n")) {
            data = data.substring(1);
        }
        if (strip) {
            data = data.stripLeading();
        }
        if (end.group(1).equals("-")) {
            data = data.stripTrailing();
        } else if (!end.group(1).equals("+")) {
            data = withoutIndent(data, false);
        }
        if (!data.isEmpty()) {
            tokens.add(new Token(Kind.DATA, data, line));
        }
        rawStrips = end.group(2).equals("-");
    }

    private int nextTag(int from) {
        for (int i = source.indexOf('{', from); i >= 0; i = source.indexOf('{', i + 1)) {
            if (i + 1 < source.length() && "{%#".indexOf(source.charAt(i + 1)) >= 0) {
                return i;
            }
        }
        return -1;
    }

    private static int count(String text) {
        return (int) text.chars().filter(c -> c == '\n').count();
    }

    /// Without the blanks at its end, if nothing else stands before them on their line.
    ///
    /// @param lineBegins whether the text begins at the start of a line
    private static String withoutIndent(String data, boolean lineBegins) {
        int end = data.length();
        while (end > 0 && (data.charAt(end - 1) == ' ' || data.charAt(end - 1) == '\t')) {
            end--;
        }
        boolean own = end == 0 ? lineBegins : data.charAt(end - 1) == '\n';
        return own ? data.substring(0, end) : data;
    }

    /// Tokens up to the end of a tag.
    ///
    /// @return the sign before the end, or a blank
    private char inside(String close) {
        int depth = 0;
        while (true) {
            while (at < source.length() && Character.isWhitespace(source.charAt(at))) {
                line += source.charAt(at) == '\n' ? 1 : 0;
                at++;
            }
            if (at >= source.length()) {
                throw new TemplateException("line " + line + ": the tag has no end \"" + close + "\"");
            }
            char c = source.charAt(at);
            if (depth == 0 || close.equals("%}")) {
                if (source.startsWith(close, at) && depth == 0) {
                    at += 2;
                    return ' ';
                }
                if ((c == '-' || c == '+') && source.startsWith(close, at + 1)) {
                    at += 3;
                    return c;
                }
            }
            if (Character.isLetter(c) || c == '_') {
                int end = at;
                while (end < source.length()
                        && (Character.isLetterOrDigit(source.charAt(end)) || source.charAt(end) == '_')) {
                    end++;
                }
                add(Kind.NAME, source.substring(at, end), end);
            } else if (c >= '0' && c <= '9') {
                number();
            } else if (c == '"' || c == '\'') {
                string(c);
            } else {
                String operator = operator();
                depth += "([{".contains(operator) ? 1 : ")]}".contains(operator) ? -1 : 0;
                add(Kind.OPERATOR, operator, at + operator.length());
            }
        }
    }

    private void add(Kind kind, String text, int end) {
        tokens.add(new Token(kind, text, line));
        at = end;
    }

    private String operator() {
        for (String operator : OPERATORS) {
            if (source.startsWith(operator, at)) {
                return operator;
            }
        }
        throw new TemplateException(
                "line " + line + ": the character \"" + Character.toString(source.codePointAt(at)) + "\" in a tag");
    }

    private void number() {
        int end = at;
        while (end < source.length() && (isDigit(end) || source.charAt(end) == '_')) {
            end++;
        }
        boolean real = false;
        if (end + 1 < source.length() && source.charAt(end) == '.' && isDigit(end + 1)) {
            real = true;
            end++;
            while (end < source.length() && isDigit(end)) {
                end++;
            }
        }
        if (end < source.length() && (source.charAt(end) == 'e' || source.charAt(end) == 'E')) {
            int digits = end + 1;
            if (digits < source.length() && "+-".indexOf(source.charAt(digits)) >= 0) {
                digits++;
            }
            if (digits < source.length() && isDigit(digits)) {
                real = true;
                end = digits;
                while (end < source.length() && isDigit(end)) {
                    end++;
                }
            }
        }
        add(real ? Kind.REAL : Kind.INTEGER, source.substring(at, end).replace("_", ""), end);
    }

    private boolean isDigit(int i) {
        return source.charAt(i) >= '0' && source.charAt(i) <= '9';
    }

    private void string(char quote) {
        var text = new StringBuilder();
        int start = line;
        int i = at + 1;
        while (true) {
            if (i >= source.length()) {
                throw new TemplateException("line " + start + ": the text has no end " + quote);
            }
            char c = source.charAt(i);
            if (c == quote) {
                break;
            }
            line += c == '\n' ? 1 : 0;
            if (c == '\\' && i + 1 < source.length()) {
                i = escape(i + 1, text);
            } else {
                text.append(c);
                i++;
            }
        }
        tokens.add(new Token(Kind.STRING, text.toString(), start));
        at = i + 1;
    }

    /// Python's escapes.
    ///
    /// @return where the text goes on
    private int escape(int i, StringBuilder text) {
        char c = source.charAt(i);
        switch (c) {
            case 'n' -> text.append('\n');
            case 't' -> text.append('\t');
            case 'r' -> text.append('\r');
            case 'b' -> text.append('\b');
            case 'f' -> text.append('\f');
            case 'v' -> text.append('\u000b');
            case 'a' -> text.append('\u0007');
            case '0' -> text.append('\0');
            case '\\', '\'', '"' -> text.append(c);
            case '\n' -> {}
            case 'x', 'u', 'U' -> {
                int digits = c == 'x' ? 2 : c == 'u' ? 4 : 8;
                try {
                    text.appendCodePoint(Integer.parseInt(source.substring(i + 1, i + 1 + digits), 16));
                } catch (IllegalArgumentException | IndexOutOfBoundsException e) {
                    throw new TemplateException("line " + line + ": \"\\" + c + "\" needs " + digits + " hex digits");
                }
                return i + 1 + digits;
            }
            default -> text.append('\\').append(c);
        }
        return i + 1;
    }
}
