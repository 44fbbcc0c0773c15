package clearhead.tokenizer;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/// Every scanner against the regular expression that it stands for.
final class SplitRuleTest {
    private static final int ROUNDS = Integer.getInteger("clearhead.random", 20_000);

    private static final String GPT2 =
            "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+";

    /// Splits one after the other, each inside the pieces of the one before.
    private static List<Pattern> oracle(SplitRule rule) {
        List<String> steps = switch (rule) {
            case NONE -> List.of("(?s).+");
            case GPT2 -> List.of(GPT2);
            case GPT2_DIGITS -> List.of("\\p{N}", GPT2);
            case CL100K ->
                List.of("'(?i:[sdmt]|ll|ve|re)|[^\\r\\n\\p{L}\\p{N}]?+\\p{L}++"
                        + "|\\p{N}{1,3}+| ?[^\\s\\p{L}\\p{N}]++[\\r\\n]*+|\\s++\\z"
                        + "|\\s*[\\r\\n]|\\s+(?!\\S)|\\s");
            case LLAMA3, QWEN2, O200K ->
                List.of(TokenizerJsonParts.PATTERNS.entrySet().stream()
                        .filter(e -> e.getValue() == rule)
                        .findFirst()
                        .orElseThrow()
                        .getKey());
            case FALCON -> List.of("[\\p{P}\\$\\+<=>\\^~\\|`]+", GPT2, "[0-9][0-9][0-9]");
            case DEEPSEEK ->
                List.of(
                        "[\\r\\n]",
                        "\\s?" + DeepSeekSplit.letters() + "+",
                        "\\s?[!-/:-~\\uFF01-\\uFF0F\\uFF1A-\\uFF5E\\u2018-\\u201F\\u3000-\\u3002]+",
                        "\\s+\\z",
                        "[\\u4E00-\\u9FA5\\u0800-\\u4E00\\uAC00-\\uD7FF]+",
                        "\\p{N}+");
        };
        int flags = Pattern.UNICODE_CHARACTER_CLASS | Pattern.UNICODE_CASE;
        return steps.stream().map(step -> Pattern.compile(step, flags)).toList();
    }

    private static List<String> byRegex(List<Pattern> steps, String text) {
        var pieces = List.of(text);
        for (Pattern step : steps) {
            var smaller = new ArrayList<String>();
            for (String piece : pieces) {
                var matcher = step.matcher(piece);
                int at = 0;
                while (matcher.find()) {
                    if (matcher.start() > at) {
                        smaller.add(piece.substring(at, matcher.start()));
                    }
                    smaller.add(matcher.group());
                    at = matcher.end();
                }
                if (at < piece.length()) {
                    smaller.add(piece.substring(at));
                }
            }
            pieces = smaller;
        }
        return pieces;
    }

    static List<String> byScanner(SplitRule rule, String text) {
        byte[] utf8 = text.getBytes(StandardCharsets.UTF_8);
        byte[] padded = Arrays.copyOf(utf8, utf8.length + CharClass.PADDING);
        var pieces = new ArrayList<String>();
        int at = 0;
        while (at < utf8.length) {
            int end = rule.end(padded, at, utf8.length);
            assertTrue(end > at && end <= utf8.length, text);
            pieces.add(new String(utf8, at, end - at, StandardCharsets.UTF_8));
            at = end;
        }
        return pieces;
    }

    @ParameterizedTest
    @EnumSource
    void cutsWhereTheRegexCuts(SplitRule rule) {
        List<Pattern> steps = oracle(rule);
        var random = new Random(rule.ordinal());
        String common = " \t\n\r''sStTrReEvVmMlLdDaAbZ019/!.,-$+<=>^~|`“\u017f\u0301\u0a3e\u00a0\u3000\u0085\u2028"
                + "\u02b0\u01c5éßñ日ひ한½²ⅷΑαЖж\u200b\u0000ー々";
        for (int round = 0; round < ROUNDS; round++) {
            var text = new StringBuilder();
            int length = 1 + random.nextInt(14);
            while (text.length() < length) {
                if (random.nextInt(8) > 0) {
                    text.append(common.charAt(random.nextInt(common.length())));
                } else {
                    int c = random.nextInt(random.nextBoolean() ? 0x3000 : 0x110000);
                    text.appendCodePoint(c >= 0xD800 && c < 0xE000 || !known(c) ? 0x1F642 : c);
                }
            }
            String s = text.toString();
            assertEquals(
                    byRegex(steps, s),
                    byScanner(rule, s),
                    () -> rule + " " + Arrays.toString(s.codePoints().toArray()));
        }
    }

    /// Whether the running JDK says of the character what the table says; a JDK with another Unicode
    /// version differs in some.
    private static boolean known(int c) {
        return CharClass.of(c) == UnicodeTable.flags(c);
    }

    @Test
    void tableIsUnicode16() {
        Assumptions.assumeTrue(Runtime.version().feature() >= 24, "JDK with Unicode 16");
        for (int c = 0; c < 0x110000; c++) {
            assertEquals(UnicodeTable.flags(c), CharClass.of(c), Integer.toHexString(c));
        }
    }

    @Test
    void readsBytesThatAreNotUtf8AsSymbols() {
        var random = new Random(5);
        var text = new byte[40 + CharClass.PADDING];
        for (int round = 0; round < ROUNDS; round++) {
            int length = 1 + random.nextInt(24);
            Arrays.fill(text, (byte) 0);
            for (int i = 0; i < length; i++) {
                text[i] = (byte) (random.nextInt(3) == 0 ? random.nextInt(128) : random.nextInt(256));
            }
            for (SplitRule rule : SplitRule.values()) {
                for (int at = 0; at < length; ) {
                    int end = rule.end(text, at, length);
                    assertTrue(end > at && end <= length, Arrays.toString(text));
                    at = end;
                }
            }
            byte[] exact = Arrays.copyOf(text, length);
            int invalid = Utf8.firstInvalid(exact);
            String decoded = new String(exact, StandardCharsets.UTF_8);
            assertEquals(invalid < 0, Arrays.equals(exact, decoded.getBytes(StandardCharsets.UTF_8)));
        }
    }
}
