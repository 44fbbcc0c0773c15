package clearhead.tokenizer;

import clearhead.tokenizer.NamedTokens.Named;
import java.text.Normalizer;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;

/// The parts of a `tokenizer.json` as records: normalizers, pre-tokenizers, decoders, and what is put
/// around a text. What is not known is an error that names it.
final class PipelineJson {

    private PipelineJson() {}

    private static <T> List<T> steps(Json part, String key, Function<Json, T> read) {
        part.onlyKeys("type", key);
        return part.get(key).list().stream().map(read).toList();
    }

    static TextNormalizer normalizer(Json part) {
        if (part.isNull()) {
            return new TextNormalizer.Sequence(List.of());
        }
        String type = part.get("type").text();
        switch (type) {
            case "NFC", "NFD", "NFKC", "NFKD", "Lowercase", "StripAccents", "Nmt", "ByteLevel" -> part.onlyKeys("type");
            case "Strip" -> part.onlyKeys("type", "strip_left", "strip_right");
            case "Replace" -> part.onlyKeys("type", "pattern", "content");
            case "Prepend" -> part.onlyKeys("type", "prepend");
            case "Precompiled" -> part.onlyKeys("type", "precompiled_charsmap");
            case "BertNormalizer" ->
                part.onlyKeys("type", "clean_text", "handle_chinese_chars", "strip_accents", "lowercase");
            default -> {}
        }
        return switch (type) {
            case "Sequence" -> new TextNormalizer.Sequence(steps(part, "normalizers", PipelineJson::normalizer));
            case "NFC", "NFD", "NFKC", "NFKD" -> new TextNormalizer.Form(Normalizer.Form.valueOf(type));
            case "Lowercase" -> new TextNormalizer.Lowercase();
            case "StripAccents" -> new TextNormalizer.StripAccents();
            case "Strip" ->
                new TextNormalizer.Strip(
                        part.get("strip_left").flag(true),
                        part.get("strip_right").flag(true));
            case "Replace" ->
                new TextNormalizer.Replace(
                        pattern(part.get("pattern")), part.get("content").text());
            case "Prepend" -> new TextNormalizer.Prepend(part.get("prepend").text());
            case "Nmt" -> new TextNormalizer.Nmt();
            case "Precompiled" -> precompiled(part.get("precompiled_charsmap"));
            case "BertNormalizer" -> {
                boolean lower = part.get("lowercase").flag(true);
                yield new TextNormalizer.Bert(
                        part.get("clean_text").flag(true),
                        part.get("handle_chinese_chars").flag(true),
                        part.get("strip_accents").flag(lower),
                        lower);
            }
            case "ByteLevel" -> new TextNormalizer.ByteLevelLetters();
            default ->
                throw part.get("type")
                        .wanted("a normalizer: NFC, NFD, NFKC, NFKD, Lowercase, StripAccents, Strip, Replace, Prepend,"
                                + " Nmt, Precompiled, BertNormalizer, ByteLevel or Sequence");
        };
    }

    private static TextNormalizer precompiled(Json charsmap) {
        if (charsmap.text("").isEmpty()) {
            return new TextNormalizer.Sequence(List.of());
        }
        try {
            byte[] map = Base64.getDecoder().decode(charsmap.text());
            return new TextNormalizer.Precompiled(
                    new SentencePieceNormalizer(charsmap.file(), false, false, false, false, map));
        } catch (IllegalArgumentException e) {
            throw charsmap.wanted("base64");
        }
    }

    private static TextPattern pattern(Json pattern) {
        pattern.onlyKeys("String", "Regex");
        if (!pattern.get("String").isNull()) {
            return new TextPattern.Literal(
                    pattern.get("String").text().codePoints().toArray());
        }
        Json regex = pattern.get("Regex");
        SplitRule rule = TokenizerJsonParts.PATTERNS.get(regex.text());
        return rule != null ? new TextPattern.Known(rule) : TextPattern.Regex.of(regex);
    }

    static Optional<PreTokenizer> preTokenizer(Json part) {
        return part.isNull() ? Optional.empty() : Optional.of(cutter(part));
    }

    private static PreTokenizer cutter(Json part) {
        String type = part.get("type").text();
        return switch (type) {
            case "Sequence" -> new PreTokenizer.Sequence(steps(part, "pretokenizers", PipelineJson::cutter));
            case "ByteLevel" -> {
                part.onlyKeys("type", "add_prefix_space", "trim_offsets", "use_regex");
                yield new PreTokenizer.Bytes(
                        part.get("add_prefix_space").flag(true),
                        part.get("use_regex").flag(true));
            }
            case "Split" -> {
                part.onlyKeys("type", "pattern", "behavior", "invert");
                yield new PreTokenizer.Split(
                        pattern(part.get("pattern")),
                        behavior(part.get("behavior")),
                        part.get("invert").flag(false));
            }
            case "Metaspace" -> metaspace(part);
            case "Whitespace" -> new PreTokenizer.Whitespace();
            case "WhitespaceSplit" -> PreTokenizer.Characters.with(CharTraits.SPACE, PreTokenizer.Behavior.REMOVED);
            case "Punctuation" -> {
                part.onlyKeys("type", "behavior");
                yield PreTokenizer.Characters.with(
                        CharTraits.PUNCTUATION,
                        part.get("behavior").isNull()
                                ? PreTokenizer.Behavior.ISOLATED
                                : behavior(part.get("behavior")));
            }
            case "Digits" -> {
                part.onlyKeys("type", "individual_digits");
                yield PreTokenizer.Characters.with(
                        CharTraits.NUMERIC,
                        part.get("individual_digits").flag(false)
                                ? PreTokenizer.Behavior.ISOLATED
                                : PreTokenizer.Behavior.CONTIGUOUS);
            }
            case "BertPreTokenizer" -> BERT;
            case "FixedLength" -> {
                part.onlyKeys("type", "length");
                int length = part.get("length").index(1 << 20);
                if (length == 0) {
                    throw part.get("length").wanted("at least 1");
                }
                yield new PreTokenizer.FixedLength(length);
            }
            case "CharDelimiterSplit" -> {
                part.onlyKeys("type", "delimiter");
                int delimiter = character(part.get("delimiter"));
                yield new PreTokenizer.Characters(c -> c == delimiter, PreTokenizer.Behavior.REMOVED);
            }
            default ->
                throw part.get("type")
                        .wanted("a pre-tokenizer: ByteLevel, Split, Metaspace, Whitespace, WhitespaceSplit,"
                                + " Punctuation, Digits, BertPreTokenizer, FixedLength,"
                                + " CharDelimiterSplit or Sequence");
        };
    }

    static final PreTokenizer BERT = new PreTokenizer.Sequence(List.of(
            PreTokenizer.Characters.with(CharTraits.SPACE, PreTokenizer.Behavior.REMOVED),
            PreTokenizer.Characters.with(CharTraits.PUNCTUATION, PreTokenizer.Behavior.ISOLATED)));

    private static int character(Json json) {
        String text = json.text();
        if (text.codePointCount(0, text.length()) != 1) {
            throw json.wanted("one character");
        }
        return text.codePointAt(0);
    }

    private static PreTokenizer.Behavior behavior(Json json) {
        return switch (json.text()) {
            case "Removed" -> PreTokenizer.Behavior.REMOVED;
            case "Isolated" -> PreTokenizer.Behavior.ISOLATED;
            case "MergedWithPrevious" -> PreTokenizer.Behavior.MERGED_WITH_PREVIOUS;
            case "MergedWithNext" -> PreTokenizer.Behavior.MERGED_WITH_NEXT;
            case "Contiguous" -> PreTokenizer.Behavior.CONTIGUOUS;
            default -> throw json.wanted("Removed, Isolated, MergedWithPrevious, MergedWithNext or Contiguous");
        };
    }

    /// Older files say `add_prefix_space` where newer ones have a scheme.
    private static String scheme(Json part) {
        part.onlyKeys("type", "replacement", "str_rep", "add_prefix_space", "prepend_scheme", "split");
        String scheme =
                part.get("prepend_scheme").text(part.get("add_prefix_space").flag(true) ? "always" : "never");
        boolean clash = !part.get("add_prefix_space").flag(true)
                && !part.get("prepend_scheme").isNull()
                && !scheme.equals("never");
        if (clash || !List.of("always", "first", "never").contains(scheme)) {
            throw part.get("prepend_scheme").wanted("always, first or never, and never without add_prefix_space");
        }
        return scheme;
    }

    private static PreTokenizer metaspace(Json part) {
        String scheme = scheme(part);
        return new PreTokenizer.Metaspace(
                character(part.get("replacement")),
                !scheme.equals("never"),
                scheme.equals("first"),
                part.get("split").flag(true));
    }

    static TokenDecoder decoder(Json part) {
        if (part.isNull()) {
            return new TokenDecoder.Spaced();
        }
        String type = part.get("type").text();
        return switch (type) {
            case "Sequence" -> new TokenDecoder.Sequence(steps(part, "decoders", PipelineJson::decoder));
            case "ByteLevel" -> new TokenDecoder.Bytes();
            case "WordPiece" -> {
                part.onlyKeys("type", "prefix", "cleanup");
                yield new TokenDecoder.WordPiece(
                        part.get("prefix").text("##"), part.get("cleanup").flag(true));
            }
            case "Metaspace" ->
                new TokenDecoder.Metaspace(
                        character(part.get("replacement")), !scheme(part).equals("never"));
            case "BPEDecoder" -> {
                part.onlyKeys("type", "suffix");
                yield new TokenDecoder.Suffix(part.get("suffix").text("</w>"));
            }
            case "Replace" -> {
                part.onlyKeys("type", "pattern", "content");
                yield new TokenDecoder.Replace(
                        pattern(part.get("pattern")), part.get("content").text());
            }
            case "Strip" -> {
                part.onlyKeys("type", "content", "start", "stop");
                yield new TokenDecoder.Strip(
                        character(part.get("content")),
                        part.get("start").index(1 << 20),
                        part.get("stop").index(1 << 20));
            }
            case "Fuse" -> new TokenDecoder.Fuse();
            case "ByteFallback" -> new TokenDecoder.ByteFallback();
            default ->
                throw part.get("type")
                        .wanted("a decoder: ByteLevel, WordPiece, Metaspace, BPEDecoder, Replace, Strip, Fuse,"
                                + " ByteFallback or Sequence");
        };
    }

    /// Whether a decoder has a step of this type.
    static boolean has(Json part, String key, String type) {
        if (part.isNull()) {
            return false;
        }
        if (part.get("type").text().equals("Sequence")) {
            return part.get(key).list().stream().anyMatch(step -> has(step, key, type));
        }
        return part.get("type").text().equals(type);
    }

    static List<Named> added(Json list, int limit) {
        var added = new ArrayList<Named>();
        if (list.isNull()) {
            return added;
        }
        for (Json token : list.list()) {
            token.onlyKeys("id", "content", "single_word", "lstrip", "rstrip", "normalized", "special");
            added.add(new Named(
                    token.get("id").index(limit),
                    token.get("content").text(),
                    token.get("single_word").flag(false),
                    token.get("lstrip").flag(false),
                    token.get("rstrip").flag(false),
                    token.get("normalized").flag(!token.get("special").flag(false)),
                    token.get("special").flag(false)));
        }
        return added;
    }

    /// What a post-processor puts around a single text: ids before it and after it.
    record Around(List<Integer> before, List<Integer> after) {}

    static Around around(Json part, int size) {
        var around = new Around(new ArrayList<>(), new ArrayList<>());
        if (!part.isNull()) {
            put(part, size, around);
        }
        return around;
    }

    private static void put(Json part, int size, Around around) {
        switch (part.get("type").text()) {
            case "Sequence" -> {
                part.onlyKeys("type", "processors");
                part.get("processors").list().forEach(step -> put(step, size, around));
            }
            // Changes offsets only.
            case "ByteLevel" -> part.onlyKeys("type", "add_prefix_space", "trim_offsets", "use_regex");
            case "BertProcessing", "RobertaProcessing" -> {
                part.onlyKeys("type", "sep", "cls", "trim_offsets", "add_prefix_space");
                around.before.add(0, ofPair(part.get("cls"), size));
                around.after.add(ofPair(part.get("sep"), size));
            }
            case "TemplateProcessing" -> template(part, size, around);
            default ->
                throw part.get("type")
                        .wanted("a post-processor: TemplateProcessing, BertProcessing, RobertaProcessing,"
                                + " ByteLevel or Sequence");
        }
    }

    private static int ofPair(Json pair, int size) {
        if (pair.list().size() != 2) {
            throw pair.wanted("a token and its id");
        }
        return pair.list().get(1).index(size);
    }

    private static void template(Json part, int size, Around around) {
        part.onlyKeys("type", "single", "pair", "special_tokens");
        var before = new ArrayList<Integer>();
        var after = new ArrayList<Integer>();
        boolean text = false;
        for (Json item : part.get("single").list()) {
            item.onlyKeys("SpecialToken", "Sequence");
            if (!item.get("Sequence").isNull()) {
                Json which = item.get("Sequence").get("id");
                if (text || !which.text().equals("A")) {
                    throw which.wanted("\"A\", once");
                }
                text = true;
                continue;
            }
            Json name = item.get("SpecialToken").get("id");
            Json ids = part.get("special_tokens").get(name.text()).get("ids");
            for (Json id : ids.list()) {
                (text ? after : before).add(id.index(size));
            }
        }
        if (!text) {
            throw part.get("single").wanted("a place for the text, $A");
        }
        around.before.addAll(0, before);
        around.after.addAll(after);
    }
}
