package clearhead.train;

import clearhead.io.Json;
import clearhead.model.Architecture;
import clearhead.model.Config;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Pattern;
import java.util.regex.PatternSyntaxException;

/// Everything that decides what a trained model becomes: texts with their hashes, how they are
/// cleaned, tokenizer, sizes, hyperparameters, seed. A JSON file; `docs/recipe.md` describes it.
///
/// @param hash SHA-256 of what decides the result, by which a checkpoint knows its recipe
public record Recipe(
        String name,
        long seed,
        Vocabulary tokenizer,
        Architecture architecture,
        List<Text> texts,
        Hyperparameters training,
        String hash) {
    private static final Set<String> UNHASHED = Set.of(
            "micro_batch", "validate_every", "validation_windows", "sample_every", "prompts", "checkpoint_minutes");

    /// @param size number of token ids
    /// @param rule how text is split before merging, see [clearhead.tokenizer.BpeTrainer]
    /// @param endOfText separates documents
    public record Vocabulary(int size, String rule, String endOfText) {}

    /// Replaces what matches `find`, a Java regular expression.
    public record Rule(Pattern find, String replace) {}

    /// One text file.
    ///
    /// @param file below the data folder
    /// @param source where a stranger can get it
    /// @param clean applied in order
    /// @param begin the text starts where this first occurs; empty: at its start
    /// @param end the text ends before the last occurrence of this; empty: at its end
    /// @param split regular expression between two documents; empty: one document
    /// @param heldOut not learned from, but measured on
    public record Text(
            String title,
            String file,
            String sha256,
            String source,
            String licence,
            List<Rule> clean,
            String begin,
            String end,
            String split,
            boolean heldOut) {}

    /// @param steps optimizer steps in all
    /// @param batch sequences of one step
    /// @param microBatch sequences that run at once; changes speed and memory, and only rounding of
    ///     the result
    /// @param context tokens of a sequence
    /// @param attentionDropout probability of dropping an attention weight while learning
    /// @param validateEvery steps between measurements on a part of the held-out texts
    /// @param validationWindows sequences of each held-out text in that part
    /// @param sampleEvery steps between samples
    /// @param checkpointMinutes minutes between checkpoints
    public record Hyperparameters(
            long steps,
            int batch,
            int microBatch,
            int context,
            double learningRate,
            double floor,
            long warmup,
            AdamW optimizer,
            double attentionDropout,
            long validateEvery,
            int validationWindows,
            long sampleEvery,
            List<String> prompts,
            double checkpointMinutes) {

        public Schedule schedule(long allSteps) {
            return new Schedule(learningRate, floor, warmup, allSteps);
        }

        /// Tokens learned from in one step.
        public int tokensPerStep() {
            return batch * context;
        }
    }

    /// Reads and checks a recipe.
    public static Recipe read(Path file) {
        var json = Json.readObject(file);
        var tokenizer = json.object("tokenizer");
        var architecture = Architecture.of(new Config(json.object("model")));
        var vocabulary = new Vocabulary(
                tokenizer.integer("vocab"),
                tokenizer.text("rule", "gpt2"),
                tokenizer.text("end_of_text", "<|endoftext|>"));
        if (architecture.vocab() != vocabulary.size()) {
            throw json.object("model")
                    .wrong(
                            "vocab_size",
                            "wanted the tokenizer's " + vocabulary.size() + ", found " + architecture.vocab());
        }
        var training = hyperparameters(json.object("training"));
        if (training.context() > architecture.context()) {
            throw json.object("training")
                    .wrong(
                            "context",
                            "wanted at most the model's " + architecture.context() + ", found " + training.context());
        }
        return new Recipe(
                json.text("name"),
                json.longInteger("seed"),
                vocabulary,
                architecture,
                texts(json),
                training,
                hash(json));
    }

    /// Of all fields but those that only say when something is told or written, or how a step is cut
    /// into pieces.
    private static String hash(Json.Obj json) {
        var training = new LinkedHashMap<>(json.object("training").fields());
        training.keySet().removeAll(UNHASHED);
        var fields = new LinkedHashMap<String, Object>(json.fields());
        fields.put("training", training);
        return Texts.sha256(Json.object(fields).toText(false));
    }

    private static Hyperparameters hyperparameters(Json.Obj json) {
        int batch = positive(json, "batch", json.integer("batch"));
        int micro = positive(json, "micro_batch", json.integer("micro_batch", batch));
        if (batch % micro != 0) {
            throw json.wrong("micro_batch", "wanted a divisor of batch " + batch + ", found " + micro);
        }
        double rate = json.real("learning_rate");
        var prompts = new ArrayList<String>();
        if (json.has("prompts")) {
            prompts.addAll(json.array("prompts").texts());
        }
        int steps = positive(json, "steps", json.integer("steps"));
        int warmup = json.integer("warmup", 0);
        if (warmup < 0 || warmup >= steps) {
            throw json.wrong("warmup", "wanted 0 to fewer than " + steps + " steps, found " + warmup);
        }
        double dropout = json.real("attention_dropout", 0);
        if (!(dropout >= 0 && dropout < 1)) {
            throw json.wrong("attention_dropout", "wanted 0 to below 1, found " + dropout);
        }
        return new Hyperparameters(
                steps,
                batch,
                micro,
                positive(json, "context", json.integer("context")),
                rate,
                json.real("final_learning_rate", rate / 10),
                warmup,
                new AdamW(
                        json.real("beta1", 0.9),
                        json.real("beta2", 0.95),
                        json.real("epsilon", 1e-8),
                        json.real("weight_decay", 0.1),
                        json.real("clip", 1)),
                dropout,
                positive(json, "validate_every", json.integer("validate_every", 100)),
                positive(json, "validation_windows", json.integer("validation_windows", 16)),
                positive(json, "sample_every", json.integer("sample_every", 500)),
                List.copyOf(prompts),
                json.real("checkpoint_minutes", 5));
    }

    private static int positive(Json.Obj json, String name, int value) {
        if (value < 1) {
            throw json.wrong(name, "wanted at least 1, found " + value);
        }
        return value;
    }

    private static List<Text> texts(Json.Obj json) {
        Map<String, List<Rule>> rules = rules(json);
        var data = json.array("data");
        var texts = new ArrayList<Text>();
        var files = new HashSet<String>();
        for (int i = 0; i < data.size(); i++) {
            var entry = data.object(i);
            String clean = entry.text("clean", "");
            List<Rule> cleaning = clean.isEmpty() ? List.of() : rules.get(clean);
            if (cleaning == null) {
                throw entry.wrong("clean", "there are no rules \"" + clean + "\" among \"clean\"");
            }
            String split = entry.text("split", "");
            pattern(entry, "split", split);
            String file = entry.text("file");
            if (!files.add(file)) {
                throw entry.wrong("file", "\"" + file + "\" is listed twice");
            }
            texts.add(new Text(
                    entry.text("title", file),
                    file,
                    entry.text("sha256"),
                    entry.text("source"),
                    entry.text("licence"),
                    cleaning,
                    entry.text("begin", ""),
                    entry.text("end", ""),
                    split,
                    entry.bool("held_out", false)));
        }
        if (texts.stream().allMatch(Text::heldOut)) {
            throw json.wrong("data", "wanted at least one text that is not held out");
        }
        return List.copyOf(texts);
    }

    private static Map<String, List<Rule>> rules(Json.Obj json) {
        var rules = new HashMap<String, List<Rule>>();
        if (json.has("clean")) {
            var sets = json.object("clean");
            for (String name : sets.fields().keySet()) {
                var list = new ArrayList<Rule>();
                var array = sets.array(name);
                for (int i = 0; i < array.size(); i++) {
                    var rule = array.object(i);
                    var find = pattern(rule, "find", rule.text("find"));
                    list.add(new Rule(find, rule.text("replace")));
                }
                rules.put(name, List.copyOf(list));
            }
        }
        return rules;
    }

    private static Pattern pattern(Json.Obj json, String name, String regex) {
        try {
            return Pattern.compile(regex);
        } catch (PatternSyntaxException e) {
            throw json.wrong(name, "not a regular expression: " + e.getDescription());
        }
    }

    /// The files of the data folder that are missing or have other contents than the recipe names,
    /// one line each.
    public List<String> missing(Path folder) {
        var lines = new ArrayList<String>();
        for (Text text : texts) {
            Path file = folder.resolve(text.file());
            if (!Files.isRegularFile(file)) {
                lines.add(text.file() + " is missing; it can be had from " + text.source());
            } else {
                String found = Texts.sha256(file);
                if (!found.equals(text.sha256())) {
                    lines.add(text.file() + " has the SHA-256 " + found + ", wanted " + text.sha256());
                }
            }
        }
        return lines;
    }
}
