package clearhead.tokenizer;

import java.text.Normalizer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;

/// The parts of a `tokenizer.json` around its model. Each combination that is known is mapped to
/// what we have; any other is an error.
final class TokenizerJsonParts {

    /// Split patterns as the files of public models write them.
    static final Map<String, SplitRule> PATTERNS = patterns();

    /// @param spaceFirst whether a text that does not begin with a space is given one
    record Split(SplitRule rule, boolean spaceFirst) {}

    private TokenizerJsonParts() {}

    private static Map<String, SplitRule> patterns() {
        String words = "[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|";
        String marks = "| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";
        String endings = "(?i:'s|'t|'re|'ve|'m|'ll|'d)";
        String upper = "[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]";
        String lower = "[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]";
        String lead = "[^\\r\\n\\p{L}\\p{N}]?";
        var known = new LinkedHashMap<String, SplitRule>();
        known.put(endings + "|" + words + "\\p{N}{1,3}" + marks, SplitRule.LLAMA3);
        known.put("'(?i:[sdmt]|ll|ve|re)|" + words + "\\p{N}{1,3}" + marks, SplitRule.LLAMA3);
        known.put(endings + "|" + words + "\\p{N}" + marks, SplitRule.QWEN2);
        known.put(
                "'(?i:[sdmt]|ll|ve|re)|[^\\r\\n\\p{L}\\p{N}]?+\\p{L}++|\\p{N}{1,3}+"
                        + "| ?[^\\s\\p{L}\\p{N}]++[\\r\\n]*+|\\s++$|\\s*[\\r\\n]|\\s+(?!\\S)|\\s",
                SplitRule.CL100K);
        known.put(
                lead + upper + "*" + lower + "+" + endings + "?|" + lead + upper + "+" + lower + "*"
                        + endings
                        + "?|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+",
                SplitRule.O200K);
        known.put("'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+", SplitRule.GPT2);
        known.put("'(?:[sdmt]|ll|ve|re)| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+", SplitRule.GPT2);
        return known;
    }

    /// Whether every part around the model is one that this class maps; the rest is for a pipeline.
    static boolean isKnown(Json root) {
        List<Json> cuts = steps(root.get("pre_tokenizer"), "pretokenizers");
        if (cuts.isEmpty() || cuts.size() > 2 || !is(cuts.get(cuts.size() - 1), "ByteLevel")) {
            return false;
        }
        Json last = cuts.get(cuts.size() - 1);
        if (cuts.size() == 2) {
            boolean gpt2 = last.get("use_regex").flag(true);
            Json first = cuts.get(0);
            boolean digits = is(first, "Digits")
                    && gpt2
                    && first.get("individual_digits").flag(false);
            if (last.get("add_prefix_space").flag(true) || !digits && !is(first, "Split")) {
                return false;
            }
            if (!digits) {
                Json pattern = first.get("pattern").get("Regex");
                boolean known = gpt2 ? pattern.text("").equals("\\p{N}") : PATTERNS.containsKey(pattern.text(""));
                boolean invert = first.get("invert").flag(false);
                String behavior = first.get("behavior").text();
                boolean isolated = invert ? !gpt2 && behavior.equals("Removed") : behavior.equals("Isolated");
                if (!known || !isolated) {
                    return false;
                }
            }
        }
        List<Json> forms = steps(root.get("normalizer"), "normalizers");
        boolean form = forms.isEmpty()
                || forms.size() == 1
                        && List.of("NFC", "NFD", "NFKC", "NFKD")
                                .contains(forms.get(0).get("type").text());
        boolean bytes = steps(root.get("decoder"), "decoders").stream().allMatch(step -> is(step, "ByteLevel"));
        var around = PipelineJson.around(root.get("post_processor"), Integer.MAX_VALUE);
        return form && bytes && around.before().size() <= 1 && around.after().size() <= 1;
    }

    private static boolean is(Json step, String type) {
        return step.get("type").text().equals(type);
    }

    static Split split(Json part) {
        List<Json> steps = steps(part, "pretokenizers");
        if (steps.isEmpty()) {
            throw part.wanted("a ByteLevel pre-tokenizer, perhaps after a Split or Digits");
        }
        Json last = steps.get(steps.size() - 1);
        if (!last.get("type").text().equals("ByteLevel")) {
            throw last.get("type").wanted("\"ByteLevel\" as the last step");
        }
        last.onlyKeys("type", "add_prefix_space", "trim_offsets", "use_regex");
        boolean space = last.get("add_prefix_space").flag(true);
        boolean gpt2 = last.get("use_regex").flag(true);
        if (steps.size() == 1) {
            return new Split(gpt2 ? SplitRule.GPT2 : SplitRule.NONE, space);
        }
        if (steps.size() > 2) {
            throw part.wanted("one Split or Digits before ByteLevel");
        }
        Json first = steps.get(0);
        String type = first.get("type").text();
        if (type.equals("Digits") && gpt2 && first.get("individual_digits").flag(false)) {
            first.onlyKeys("type", "individual_digits");
            return new Split(SplitRule.GPT2_DIGITS, onlyAtStart(space, last));
        }
        if (!type.equals("Split")) {
            throw first.get("type").wanted("\"Split\", or \"Digits\" with individual_digits");
        }
        first.onlyKeys("type", "pattern", "behavior", "invert");
        first.get("pattern").onlyKeys("Regex", "String");
        Json regex = first.get("pattern").get("Regex");
        String behavior = first.get("behavior").text();
        boolean invert = first.get("invert").flag(false);
        // The known patterns match every character, so that removing what lies between is the same.
        boolean isolated =
                behavior.equalsIgnoreCase("Isolated") && !invert || behavior.equalsIgnoreCase("Removed") && invert;
        if (!isolated) {
            throw first.get("behavior").wanted("\"Isolated\", or \"Removed\" with invert");
        }
        if (regex.text("").equals("\\p{N}") && gpt2 && !invert) {
            return new Split(SplitRule.GPT2_DIGITS, onlyAtStart(space, last));
        }
        SplitRule rule = PATTERNS.get(regex.text());
        if (rule == null || gpt2) {
            throw regex.wanted("one of the split patterns of GPT-2, cl100k, o200k, Llama 3, Qwen 2");
        }
        return new Split(rule, onlyAtStart(space, last));
    }

    /// A space put before every single piece is something else than one before the text.
    private static boolean onlyAtStart(boolean space, Json last) {
        if (space) {
            throw last.get("add_prefix_space").wanted("false after a Split");
        }
        return false;
    }

    private static List<Json> steps(Json part, String key) {
        if (part.isNull()) {
            return List.of();
        }
        if (!part.get("type").text().equals("Sequence")) {
            return List.of(part);
        }
        part.onlyKeys("type", key);
        var steps = new ArrayList<Json>();
        for (Json step : part.get(key).list()) {
            steps.addAll(steps(step, key));
        }
        return steps;
    }

    /// The Unicode normalisation that the file asks for, if any.
    static Optional<Normalizer.Form> form(Json normalizer) {
        List<Json> steps = steps(normalizer, "normalizers");
        if (steps.isEmpty()) {
            return Optional.empty();
        }
        Json type = steps.get(0).get("type");
        boolean known =
                Arrays.stream(Normalizer.Form.values()).anyMatch(f -> f.name().equals(type.text()));
        if (steps.size() > 1 || !known) {
            throw type.wanted("one of NFC, NFD, NFKC, NFKD");
        }
        return Optional.of(Normalizer.Form.valueOf(type.text()));
    }

    static void checkDecoder(Json decoder) {
        for (Json step : steps(decoder, "decoders")) {
            if (!step.get("type").text().equals("ByteLevel")) {
                throw step.get("type").wanted("\"ByteLevel\"");
            }
        }
    }

    /// What a post-processor adds around a text.
    ///
    /// @param bosName the beginning token's name from elsewhere, or ""
    static BpeTokenizer.Ends ends(Json processor, BpeTokenizer tokenizer, String bosName, String eosName) {
        int before = -1;
        int after = -1;
        for (Json step : steps(processor, "processors")) {
            String type = step.get("type").text();
            switch (type) {
                case "ByteLevel" -> {}
                case "TemplateProcessing" -> {
                    boolean text = false;
                    for (Json item : step.get("single").list()) {
                        item.onlyKeys("SpecialToken", "Sequence");
                        if (!item.get("Sequence").isNull()) {
                            text = true;
                            continue;
                        }
                        Json name = item.get("SpecialToken").get("id");
                        if (text ? after >= 0 : before >= 0) {
                            throw name.wanted("one token at most on each side of the text");
                        }
                        int id = template(step, name, tokenizer);
                        before = text ? before : id;
                        after = text ? id : after;
                    }
                }
                case "RobertaProcessing", "BertProcessing" -> {
                    before = pair(step.get("cls"), tokenizer);
                    after = pair(step.get("sep"), tokenizer);
                }
                default -> throw step.get("type").wanted("ByteLevel, TemplateProcessing or RobertaProcessing");
            }
        }
        OptionalInt bos = bosName.isEmpty() ? OptionalInt.empty() : tokenizer.id(bosName);
        OptionalInt eos = eosName.isEmpty() ? OptionalInt.empty() : tokenizer.id(eosName);
        return new BpeTokenizer.Ends(
                before >= 0 ? before : bos.orElse(-1), after >= 0 ? after : eos.orElse(-1), before >= 0, after >= 0);
    }

    private static int template(Json step, Json name, BpeTokenizer tokenizer) {
        Json ids = step.get("special_tokens").get(name.text()).get("ids");
        if (ids.list().size() != 1) {
            throw ids.wanted("one id");
        }
        return ids.list().get(0).index(tokenizer.size());
    }

    private static int pair(Json pair, BpeTokenizer tokenizer) {
        if (pair.list().size() != 2) {
            throw pair.wanted("a token and its id");
        }
        return pair.list().get(1).index(tokenizer.size());
    }
}
