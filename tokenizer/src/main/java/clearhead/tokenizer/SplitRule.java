package clearhead.tokenizer;

import static clearhead.tokenizer.CharClass.LETTER;
import static clearhead.tokenizer.CharClass.LOWER;
import static clearhead.tokenizer.CharClass.NEWLINE;
import static clearhead.tokenizer.CharClass.NUMBER;
import static clearhead.tokenizer.CharClass.PUNCTUATION;
import static clearhead.tokenizer.CharClass.SPACE;
import static clearhead.tokenizer.CharClass.UPPER;
import static clearhead.tokenizer.CharClass.WORDLIKE;

/// Cuts text into the pieces inside which merges happen. Each rule is a scanner over UTF-8 that does
/// what the regular expression beside it does; tests compare the two. A rule carries no state: where
/// a piece ends depends only on the text from its start on.
enum SplitRule {
    /// No cut at all.
    NONE {
        @Override
        int end(byte[] text, int from, int limit) {
            return limit;
        }
    },

    /// GPT-2, r50k, p50k:
    /// `'(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`
    GPT2 {
        @Override
        int end(byte[] text, int from, int limit) {
            return gpt2(text, from, limit, false);
        }
    },

    /// Every `\p{N}` alone, and between them GPT-2's rule: StarCoder, SmolLM.
    GPT2_DIGITS {
        @Override
        int end(byte[] text, int from, int limit) {
            return gpt2(text, from, limit, true);
        }
    },

    /// tiktoken's cl100k:
    /// `'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*`
    /// `|\s+$|\s*[\r\n]|\s+(?!\S)|\s`
    CL100K {
        @Override
        int end(byte[] text, int from, int limit) {
            return cl100k(text, from, limit, 3, true);
        }
    },

    /// The same without `\s+$`, as Llama 3 has it: spaces after the last line break stand alone.
    LLAMA3 {
        @Override
        int end(byte[] text, int from, int limit) {
            return cl100k(text, from, limit, 3, false);
        }
    },

    /// The same with every `\p{N}` alone.
    QWEN2 {
        @Override
        int end(byte[] text, int from, int limit) {
            return cl100k(text, from, limit, 1, false);
        }
    },

    /// o200k, with U = `[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]` and L = `[\p{Ll}\p{Lm}\p{Lo}\p{M}]`:
    /// `[^\r\n\p{L}\p{N}]?U*L+(?i:'s|'t|'re|'ve|'m|'ll|'d)?`
    /// `|[^\r\n\p{L}\p{N}]?U+L*(?i:'s|'t|'re|'ve|'m|'ll|'d)?`
    /// `|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+`
    O200K {
        @Override
        int end(byte[] text, int from, int limit) {
            return o200k(text, from, limit);
        }
    },

    /// Falcon: runs of punctuation, between them GPT-2's rule, and inside its pieces every three
    /// digits `[0-9]` apart.
    FALCON {
        @Override
        int end(byte[] text, int from, int limit) {
            return falcon(text, from, limit);
        }
    },

    /// DeepSeek LLM: see [DeepSeekSplit].
    DEEPSEEK {
        @Override
        int end(byte[] text, int from, int limit) {
            return DeepSeekSplit.end(text, from, limit);
        }
    };

    /// Where the piece that starts at `from` ends.
    ///
    /// @param text with padding as [CharClass] wants it
    /// @param from less than `limit`, the start of a piece
    /// @param limit where the text ends for the rule
    /// @return more than `from`, at most `limit`
    abstract int end(byte[] text, int from, int limit);

    private static int gpt2(byte[] text, int from, int limit, boolean digitsAlone) {
        byte lead = text[from];
        if (lead == '\'') {
            int length = contraction(text, from, limit);
            if (length > 0) {
                return from + length;
            }
        }
        int at = lead == ' ' && from + 1 < limit ? from + 1 : from;
        int c = CharClass.at(text, at);
        if ((c & LETTER) != 0) {
            return letters(text, at + (c >> 8), limit);
        }
        if ((c & NUMBER) != 0) {
            if (!digitsAlone) {
                return numbers(text, at + (c >> 8), limit);
            }
            return at > from ? at : at + (c >> 8);
        }
        if ((c & SPACE) == 0) {
            return others(text, at + (c >> 8), limit);
        }
        int end = spaces(text, from, limit);
        return end < limit && digitsAlone && (CharClass.at(text, end) & NUMBER) != 0
                ? end
                : allButLast(text, from, end, limit);
    }

    private static int cl100k(byte[] text, int from, int limit, int digits, boolean lastSpaces) {
        byte lead = text[from];
        if (lead == '\'') {
            int length = anyCaseContraction(text, from, limit);
            if (length > 0) {
                return from + length;
            }
        }
        int c = CharClass.at(text, from);
        int next = from + (c >> 8);
        if ((c & LETTER) != 0) {
            return letters(text, next, limit);
        }
        if ((c & NUMBER) != 0) {
            return numbersUpTo(text, next, limit, digits);
        }
        if ((c & NEWLINE) == 0 && next < limit) {
            int after = CharClass.at(text, next);
            if ((after & LETTER) != 0) {
                return letters(text, next + (after >> 8), limit);
            }
            if (lead == ' ' && (after & WORDLIKE) == 0) {
                return newlines(text, others(text, next + (after >> 8), limit), limit);
            }
        }
        if ((c & SPACE) == 0) {
            return newlines(text, others(text, next, limit), limit);
        }
        return blank(text, from, limit, lastSpaces);
    }

    private static int o200k(byte[] text, int from, int limit) {
        int c = CharClass.at(text, from);
        int next = from + (c >> 8);
        if ((c & NUMBER) != 0) {
            return numbersUpTo(text, next, limit, 3);
        }
        if ((c & LETTER) != 0) {
            int end = mixedCase(text, from, limit);
            return suffix(text, end < 0 ? ~end : end, limit);
        }
        if ((c & NEWLINE) == 0 && next < limit) {
            int after = CharClass.at(text, next);
            if ((after & (UPPER | LOWER)) != 0) {
                int end = mixedCase(text, next, limit);
                if (end < 0 && (c & UPPER) != 0) {
                    // A mark before capitals only: the first alternative matches the mark alone.
                    end = next;
                }
                return suffix(text, end < 0 ? ~end : end, limit);
            }
            if ((c & UPPER) != 0) {
                return suffix(text, next, limit);
            }
            if (lead(text, from, ' ') && (after & WORDLIKE) == 0) {
                return slashes(text, others(text, next + (after >> 8), limit), limit);
            }
        }
        if ((c & UPPER) != 0) {
            return suffix(text, next, limit);
        }
        if ((c & SPACE) == 0) {
            return slashes(text, others(text, next, limit), limit);
        }
        return blank(text, from, limit, false);
    }

    private static boolean lead(byte[] text, int at, char c) {
        return text[at] == c;
    }

    /// The end of `U*L+`; if there is none, the complement of the end of `U+`.
    private static int mixedCase(byte[] text, int from, int limit) {
        int at = from;
        int afterLastBoth = -1;
        while (at < limit) {
            int c = CharClass.at(text, at);
            if ((c & UPPER) == 0) {
                break;
            }
            at += c >> 8;
            if ((c & LOWER) != 0) {
                afterLastBoth = at;
            }
        }
        int upperEnd = at;
        while (at < limit) {
            int c = CharClass.at(text, at);
            if ((c & LOWER) == 0) {
                break;
            }
            at += c >> 8;
        }
        if (at > upperEnd) {
            return at;
        }
        return afterLastBoth >= 0 ? afterLastBoth : ~upperEnd;
    }

    private static int suffix(byte[] text, int at, int limit) {
        return at < limit && text[at] == '\'' ? at + anyCaseContraction(text, at, limit) : at;
    }

    private static int falcon(byte[] text, int from, int limit) {
        if (falconMark(text, from)) {
            int at = from;
            while (at < limit && falconMark(text, at)) {
                at += CharClass.at(text, at) >> 8;
            }
            return at;
        }
        byte lead = text[from];
        int at = lead == ' ' && from + 1 < limit ? from + 1 : from;
        int c = CharClass.at(text, at);
        if (at > from && falconMark(text, at)) {
            return at;
        }
        if ((c & LETTER) != 0) {
            return letters(text, at + (c >> 8), limit);
        }
        if ((c & NUMBER) != 0) {
            return threeDigits(text, from, numbers(text, at + (c >> 8), limit));
        }
        if ((c & SPACE) == 0) {
            at += c >> 8;
            while (at < limit && (CharClass.at(text, at) & WORDLIKE) == 0 && !falconMark(text, at)) {
                at += CharClass.at(text, at) >> 8;
            }
            return at;
        }
        int end = spaces(text, from, limit);
        return end < limit && falconMark(text, end) ? end : allButLast(text, from, end, limit);
    }

    private static boolean falconMark(byte[] text, int at) {
        return (CharClass.at(text, at) & PUNCTUATION) != 0 || "$+<=>^~|`".indexOf(text[at]) >= 0;
    }

    private static int threeDigits(byte[] text, int from, int end) {
        int run = 0;
        for (int at = from; at < end; at++) {
            run = text[at] >= '0' && text[at] <= '9' ? run + 1 : 0;
            if (run == 3) {
                return at - 2 > from ? at - 2 : at + 1;
            }
        }
        return end;
    }

    /// `\p{L}*`
    private static int letters(byte[] text, int at, int limit) {
        while (at < limit) {
            int c = CharClass.ascii(text[at]);
            if (c < 0) {
                c = CharClass.wide(text, at);
                if ((c & LETTER) == 0) {
                    return at;
                }
                at += c >> 8;
            } else if ((c & LETTER) == 0) {
                return at;
            } else {
                at++;
            }
        }
        return at;
    }

    /// `\p{N}*`
    private static int numbers(byte[] text, int at, int limit) {
        return numbersUpTo(text, at, limit, Integer.MAX_VALUE);
    }

    /// The rest of `\p{N}{1,most}` after the first.
    private static int numbersUpTo(byte[] text, int at, int limit, int most) {
        for (int n = 1; n < most && at < limit; n++) {
            int c = CharClass.at(text, at);
            if ((c & NUMBER) == 0) {
                break;
            }
            at += c >> 8;
        }
        return at;
    }

    /// `[^\s\p{L}\p{N}]*`
    private static int others(byte[] text, int at, int limit) {
        while (at < limit) {
            int c = CharClass.at(text, at);
            if ((c & WORDLIKE) != 0) {
                break;
            }
            at += c >> 8;
        }
        return at;
    }

    /// `\s*`
    private static int spaces(byte[] text, int at, int limit) {
        while (at < limit) {
            int c = CharClass.at(text, at);
            if ((c & SPACE) == 0) {
                break;
            }
            at += c >> 8;
        }
        return at;
    }

    /// `[\r\n]*`
    private static int newlines(byte[] text, int at, int limit) {
        while (at < limit && (text[at] == '\n' || text[at] == '\r')) {
            at++;
        }
        return at;
    }

    /// `[\r\n/]*`
    private static int slashes(byte[] text, int at, int limit) {
        while (at < limit && (text[at] == '\n' || text[at] == '\r' || text[at] == '/')) {
            at++;
        }
        return at;
    }

    /// `\s*[\r\n]+|\s+(?!\S)|\s+` from a space on; with `lastSpaces`, `\s+$` before them.
    private static int blank(byte[] text, int from, int limit, boolean lastSpaces) {
        int at = from;
        int afterNewline = -1;
        while (at < limit) {
            int c = CharClass.at(text, at);
            if ((c & SPACE) == 0) {
                break;
            }
            at += c >> 8;
            if ((c & NEWLINE) != 0) {
                afterNewline = at;
            }
        }
        if (at == limit && lastSpaces) {
            return at;
        }
        return afterNewline >= 0 ? afterNewline : allButLast(text, from, at, limit);
    }

    /// `\s+(?!\S)|\s+` where the spaces end at `end`: the last one is left to the word after it.
    private static int allButLast(byte[] text, int from, int end, int limit) {
        if (end == limit) {
            return end;
        }
        int last = end - 1;
        while (last > from && text[last] < -64) {
            last--;
        }
        return last > from ? last : end;
    }

    /// The length of `'(?:[sdmt]|ll|ve|re)` or 0.
    private static int contraction(byte[] text, int at, int limit) {
        if (at + 1 >= limit) {
            return 0;
        }
        return switch (text[at + 1]) {
            case 's', 'd', 'm', 't' -> 2;
            case 'l' -> at + 2 < limit && text[at + 2] == 'l' ? 3 : 0;
            case 'v', 'r' -> at + 2 < limit && text[at + 2] == 'e' ? 3 : 0;
            default -> 0;
        };
    }

    /// The length of `'(?i:[sdmt]|ll|ve|re)` or 0. Without regard to case, `s` is also ſ (U+017F).
    private static int anyCaseContraction(byte[] text, int at, int limit) {
        if (at + 1 >= limit) {
            return 0;
        }
        return switch (text[at + 1]) {
            case 's', 'd', 'm', 't', 'S', 'D', 'M', 'T' -> 2;
            case 'l', 'L' -> at + 2 < limit && (text[at + 2] | 0x20) == 'l' ? 3 : 0;
            case 'v', 'r', 'V', 'R' -> at + 2 < limit && (text[at + 2] | 0x20) == 'e' ? 3 : 0;
            case (byte) 0xC5 -> at + 2 < limit && text[at + 2] == (byte) 0xBF ? 3 : 0;
            default -> 0;
        };
    }
}
