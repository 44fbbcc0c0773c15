package clearhead.hub;

import clearhead.io.Json;
import clearhead.io.ModelFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// Which files of a repository make the model.
///
/// @param files what is needed, the weights of an index not among them
/// @param index names the weights that are needed too
/// @param model what to load, by its name; nothing where it is the folder
record Selection(List<String> files, Optional<String> index, Optional<String> model) {
    static final String INDEX = "model.safetensors.index.json";
    private static final String SAFETENSORS = "model.safetensors";
    private static final int SHOWN = 24;

    /// Configuration, vocabulary, templates, and how sentence embeddings are pooled.
    private static final Set<String> BESIDE = Set.of(
            "config.json",
            "generation_config.json",
            "chat_template.jinja",
            "chat_template.json",
            "modules.json",
            "config_sentence_transformers.json",
            "sentence_bert_config.json",
            "tokenizer_config.json",
            "special_tokens_map.json",
            "added_tokens.json");

    private static final Set<String> VOCABULARIES = Set.of(
            "tokenizer.json",
            "tokenizer.model",
            "vocab.json",
            "merges.txt",
            "vocab.txt",
            "vocab.bpe",
            "tokenizer.bin",
            "spiece.model",
            "spm.model",
            "source.spm",
            "target.spm",
            "sentencepiece.bpe.model",
            "sentencepiece.model",
            "tokenizer.tiktoken",
            "qwen.tiktoken",
            "rwkv_vocab_v20230424.txt");

    /// `1_Pooling/config.json` and the like of sentence-transformers.
    private static final Pattern MODULE = Pattern.compile("[0-9]+_[A-Za-z]+/(config\\.json|model\\.safetensors)");

    private static final Pattern SPLIT = Pattern.compile("(.*)-(\\d{5})-of-(\\d{5})\\.gguf");

    /// @param source for messages
    /// @param names all files of the repository
    /// @param wanted a file, or a quantization
    static Selection of(String source, Collection<String> names, Optional<String> wanted) {
        if (wanted.isPresent()) {
            return chosen(source, names, wanted.get());
        }
        var files = new ArrayList<String>(beside(names));
        if (names.contains(SAFETENSORS)) {
            files.add(SAFETENSORS);
            return new Selection(files, Optional.empty(), Optional.empty());
        }
        if (names.contains(INDEX)) {
            files.add(INDEX);
            return new Selection(files, Optional.of(INDEX), Optional.empty());
        }
        List<String> safetensors = names.stream()
                .filter(n -> n.endsWith(".safetensors") && !n.contains("/") && !n.startsWith("adapter_"))
                .toList();
        if (safetensors.size() == 1) {
            files.addAll(safetensors);
            return new Selection(files, Optional.empty(), Optional.of(safetensors.getFirst()));
        }
        List<String> ggufs = ggufs(names);
        if (ggufs.size() == 1) {
            return gguf(names, ggufs.getFirst());
        }
        if (ggufs.size() > 1) {
            throw new ModelFileException(
                    source, "has " + ggufs.size() + " GGUF files; choose one " + choices(source, ggufs));
        }
        if (safetensors.size() > 1) {
            throw new ModelFileException(
                    source, "has several safetensors files; choose one " + choices(source, safetensors));
        }
        throw new ModelFileException(source, nothing(names));
    }

    private static String nothing(Collection<String> names) {
        List<String> others = names.stream()
                .filter(n -> n.matches(".*\\.(bin|pt|pth|h5|msgpack|onnx|ckpt)"))
                .limit(4)
                .toList();
        return "has neither safetensors nor GGUF files"
                + (others.isEmpty() ? "" : ", only " + String.join(", ", others))
                + "; look for a repository that has, or name a file after a colon";
    }

    /// `:Q4_K_M or :Q8_0, as in hf:org/name:Q4_K_M`.
    private static String choices(String source, List<String> files) {
        String shown = String.join(", ", files.subList(0, Math.min(files.size(), SHOWN)));
        String more = files.size() > SHOWN ? " and " + (files.size() - SHOWN) + " more" : "";
        return "after a colon, as in " + source.replaceFirst("(hf:[^:]*).*", "$1") + ":" + files.getFirst() + ": "
                + shown + more;
    }

    private static Selection chosen(String source, Collection<String> names, String wanted) {
        if (names.contains(wanted)) {
            if (wanted.endsWith(".gguf")) {
                return gguf(names, wanted);
            }
            var files = new ArrayList<String>(beside(names));
            files.add(wanted);
            boolean index = wanted.equals(INDEX);
            return new Selection(
                    files.stream().distinct().toList(),
                    index ? Optional.of(INDEX) : Optional.empty(),
                    index || wanted.equals(SAFETENSORS) ? Optional.empty() : Optional.of(wanted));
        }
        List<String> ggufs = ggufs(names);
        Pattern tag = Pattern.compile("(?:^|[-_./])" + Pattern.quote(wanted) + "(?:[-.]|$)", Pattern.CASE_INSENSITIVE);
        List<String> matching =
                ggufs.stream().filter(n -> tag.matcher(n).find()).toList();
        if (matching.size() == 1) {
            return gguf(names, matching.getFirst());
        }
        if (matching.size() > 1) {
            throw new ModelFileException(source, "means several files; choose one " + choices(source, matching));
        }
        List<String> there = ggufs.isEmpty() ? names.stream().sorted().toList() : ggufs;
        throw new ModelFileException(
                source,
                "has no file \"" + wanted + "\""
                        + (ggufs.isEmpty() ? "" : " and no GGUF file of that quantization")
                        + (there.isEmpty() ? "" : "; choose one " + choices(source, there)));
    }

    /// GGUF files that are models; a split one counts once.
    private static List<String> ggufs(Collection<String> names) {
        var found = new TreeSet<String>();
        for (String name : names) {
            String file = name.substring(name.lastIndexOf('/') + 1).toLowerCase(Locale.ROOT);
            boolean other = file.contains("mmproj") || file.startsWith("imatrix") || file.contains(".imatrix");
            if (file.endsWith(".gguf") && !other) {
                Matcher split = SPLIT.matcher(name);
                if (!split.matches() || split.group(2).equals("00001")) {
                    found.add(name);
                }
            }
        }
        return List.copyOf(found);
    }

    private static Selection gguf(Collection<String> names, String file) {
        Matcher split = SPLIT.matcher(file);
        if (!split.matches()) {
            return new Selection(List.of(file), Optional.empty(), Optional.of(file));
        }
        List<String> parts = names.stream()
                .filter(n -> {
                    Matcher other = SPLIT.matcher(n);
                    return other.matches()
                            && other.group(1).equals(split.group(1))
                            && other.group(3).equals(split.group(3));
                })
                .sorted()
                .toList();
        return new Selection(parts, Optional.empty(), Optional.of(parts.getFirst()));
    }

    private static List<String> beside(Collection<String> names) {
        return names.stream()
                .filter(n -> BESIDE.contains(n)
                        || VOCABULARIES.contains(n)
                        || MODULE.matcher(n).matches())
                .sorted()
                .toList();
    }

    /// Whether there is something to make ids of a text with.
    static boolean hasVocabulary(Collection<String> names) {
        return names.stream().anyMatch(VOCABULARIES::contains);
    }

    /// What these patterns of file names match; `*` matches a slash too, as in the Python client.
    static List<String> matching(Collection<String> names, List<String> patterns) {
        List<Pattern> compiled = patterns.stream().map(Selection::glob).toList();
        return names.stream()
                .filter(n -> compiled.stream().anyMatch(p -> p.matcher(n).matches()))
                .toList();
    }

    private static Pattern glob(String text) {
        String whole = text.endsWith("/") ? text + "*" : text;
        var regex = new StringBuilder();
        for (int i = 0; i < whole.length(); i++) {
            char c = whole.charAt(i);
            int end = c == '[' ? whole.indexOf(']', i + 2) : -1;
            if (end > 0) {
                String set = whole.substring(i + 1, end)
                        .replace("\\", "\\\\")
                        .replace("[", "\\[")
                        .replace("&", "\\&");
                regex.append('[')
                        .append(set.startsWith("!") ? "^" + set.substring(1) : set)
                        .append(']');
                i = end;
            } else {
                regex.append(
                        switch (c) {
                            case '*' -> ".*";
                            case '?' -> ".";
                            default -> Pattern.quote(String.valueOf(c));
                        });
            }
        }
        return Pattern.compile(regex.toString(), Pattern.DOTALL);
    }

    /// The files of weights that an index names.
    static List<String> shards(Path index) {
        Json.Obj json = Json.readObject(index);
        Json.Obj map = json.object("weight_map");
        var shards = new LinkedHashSet<String>();
        for (String tensor : map.fields().keySet()) {
            String shard = map.text(tensor);
            if (shards.add(shard)) {
                PathRule.require(index.toString(), shard);
            }
        }
        return List.copyOf(shards);
    }
}
