package clearhead.train;

import clearhead.io.AtomicFile;
import clearhead.io.Json;
import clearhead.io.ModelFileException;
import clearhead.io.SafetensorsWriter;
import clearhead.model.Exported;
import clearhead.tensor.DType;
import clearhead.tensor.Tensor;
import clearhead.tokenizer.BpeTrainer;
import clearhead.tokenizer.Special;
import clearhead.tokenizer.Tokenizer;
import clearhead.tokenizer.TokenizerJson;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;

/// A recipe's texts as tokens, and the tokenizer they gave. What was made before, by the same recipe,
/// is used again.
final class Corpus implements AutoCloseable {
    private static final String PREPARED = "prepared.json";
    private static final int ERRORS_SHOWN = 4;

    private final Recipe recipe;
    private final Tokenizer tokenizer;
    private final TokenShard training;
    private final List<HeldOut> heldOut;

    private Corpus(Recipe recipe, Tokenizer tokenizer, TokenShard training, List<HeldOut> heldOut) {
        this.recipe = recipe;
        this.tokenizer = tokenizer;
        this.training = training;
        this.heldOut = heldOut;
    }

    static Corpus prepare(Recipe recipe, Path data, Path out, Consumer<String> note) {
        Path folder = out.resolve("data");
        Path vocabulary = out.resolve("tokenizer.json");
        if (!isPrepared(recipe, folder)) {
            List<String> missing = recipe.missing(data);
            if (!missing.isEmpty()) {
                int shown = Math.min(ERRORS_SHOWN, missing.size());
                throw new ModelFileException(
                        data,
                        missing.size() + " of " + recipe.texts().size()
                                + " texts of the recipe cannot be used: "
                                + String.join("; ", missing.subList(0, shown))
                                + (shown < missing.size() ? "; …" : ""));
            }
            make(recipe, data, folder, vocabulary, note);
        }
        Tokenizer tokenizer = TokenizerJson.read(vocabulary);
        var bytesOf = new int[tokenizer.size()];
        for (int id = 0; id < bytesOf.length; id++) {
            bytesOf[id] = tokenizer.isSpecial(id) ? 0 : tokenizer.tokenBytes(id).length;
        }
        var heldOut = new ArrayList<HeldOut>();
        for (Recipe.Text text : recipe.texts()) {
            if (text.heldOut()) {
                Path file = heldOutFile(folder, heldOut.size());
                heldOut.add(new HeldOut(text.title(), TokenShard.open(file), bytesOf));
            }
        }
        var training = TokenShard.open(folder.resolve("train.tokens"));
        return new Corpus(recipe, tokenizer, training, List.copyOf(heldOut));
    }

    private static Path heldOutFile(Path folder, int number) {
        return folder.resolve("held-out-" + number + ".tokens");
    }

    private static boolean isPrepared(Recipe recipe, Path folder) {
        Path file = folder.resolve(PREPARED);
        return Files.isRegularFile(file)
                && Json.readObject(file).text("recipe_sha256", "").equals(recipe.hash());
    }

    private static void make(Recipe recipe, Path data, Path folder, Path vocabulary, Consumer<String> note) {
        try {
            Files.createDirectories(folder);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        var documents = new LinkedHashMap<Recipe.Text, List<String>>();
        recipe.texts().forEach(text -> documents.put(text, Texts.documents(data, text)));
        note.accept("learning a vocabulary of %,d tokens from %d texts"
                .formatted(recipe.tokenizer().size(), documents.size()));
        String separator = recipe.tokenizer().endOfText();
        var trainer = new BpeTrainer(
                recipe.tokenizer().size(),
                List.of(separator),
                recipe.tokenizer().rule());
        documents.forEach((text, list) -> {
            if (!text.heldOut()) {
                list.forEach(trainer::add);
            }
        });
        Tokenizer learned = trainer.train();
        if (learned.size() != recipe.tokenizer().size()) {
            throw new ModelFileException(
                    data,
                    "the texts give only " + learned.size() + " tokens, wanted "
                            + recipe.tokenizer().size() + "; make vocab smaller in the recipe");
        }
        TokenizerJson.write(learned, vocabulary);
        Tokenizer tokenizer = TokenizerJson.read(vocabulary);
        int end = tokenizer.id(separator).orElseThrow();
        var ids = new Ids();
        int heldOut = 0;
        long bytes = 0;
        for (var entry : documents.entrySet()) {
            if (entry.getKey().heldOut()) {
                var held = new Ids();
                entry.getValue().forEach(d -> held.add(tokenizer.encode(d, Special.TEXT)));
                write(heldOutFile(folder, heldOut++), held, tokenizer);
            } else {
                for (String document : entry.getValue()) {
                    ids.add(tokenizer.encode(document, Special.TEXT));
                    ids.add(end);
                    bytes += document.getBytes(java.nio.charset.StandardCharsets.UTF_8).length;
                }
            }
        }
        write(folder.resolve("train.tokens"), ids, tokenizer);
        note.accept("%,d bytes of text are %,d tokens (%.2f bytes a token)"
                .formatted(bytes, ids.size, (double) bytes / ids.size));
        AtomicFile.writeText(
                folder.resolve(PREPARED),
                Json.object(Map.of("recipe_sha256", recipe.hash())).toText(true));
    }

    private static void write(Path file, Ids ids, Tokenizer tokenizer) {
        TokenShard.write(file, Arrays.copyOf(ids.ids, ids.size), tokenizer.size());
    }

    /// A growing list of ids.
    private static final class Ids {
        int[] ids = new int[1 << 16];
        int size;

        void add(int... more) {
            if (size + more.length > ids.length) {
                ids = Arrays.copyOf(ids, Math.max(2 * ids.length, size + more.length));
            }
            System.arraycopy(more, 0, ids, size, more.length);
            size += more.length;
        }
    }

    Tokenizer tokenizer() {
        return tokenizer;
    }

    TokenShard training() {
        return training;
    }

    /// A quick measurement: the first windows of every held-out text.
    HeldOut.Score partly(Learner learner) {
        var sum = new HeldOut.Score("held-out texts, in part", 0, 0, 0);
        for (HeldOut text : heldOut) {
            sum = sum.plus(sum.title(), score(learner, text, recipe.training().validationWindows()));
        }
        return sum;
    }

    /// Every held-out text as a whole.
    List<HeldOut.Score> wholly(Learner learner) {
        return heldOut.stream()
                .map(text -> score(learner, text, Integer.MAX_VALUE))
                .toList();
    }

    private HeldOut.Score score(Learner learner, HeldOut text, int windows) {
        return text.measure(
                learner, recipe.training().context(), recipe.training().microBatch(), windows);
    }

    /// Writes the model as Hugging Face's libraries read it: `model.safetensors` in F16, `config.json`,
    /// `tokenizer.json` and what goes with them.
    void export(Parameters parameters, Path folder) {
        try (var arena = Arena.ofShared()) {
            Files.createDirectories(folder);
            Map<String, Tensor> tensors = Exported.of(recipe.architecture(), parameters::value, arena);
            try (var writer = SafetensorsWriter.create(folder.resolve("model.safetensors"))) {
                writer.metadata(Map.of("format", "pt"));
                tensors.forEach((name, t) -> writer.declare(name, DType.F16, t.shape()));
                tensors.forEach(writer::write);
                writer.commit();
            }
            int end = tokenizer.id(recipe.tokenizer().endOfText()).orElseThrow();
            var config = new LinkedHashMap<String, Object>(recipe.architecture().config());
            config.put("bos_token_id", end);
            config.put("eos_token_id", end);
            config.put("torch_dtype", "float16");
            writeJson(folder.resolve("config.json"), config);
            var names = new LinkedHashMap<String, Object>();
            names.put("tokenizer_class", "PreTrainedTokenizerFast");
            names.put("bos_token", recipe.tokenizer().endOfText());
            names.put("eos_token", recipe.tokenizer().endOfText());
            names.put("model_max_length", recipe.architecture().context());
            writeJson(folder.resolve("tokenizer_config.json"), names);
            TokenizerJson.write(tokenizer, folder.resolve("tokenizer.json"));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static void writeJson(Path file, Map<String, Object> fields) {
        AtomicFile.writeText(file, Json.object(fields).toText(true) + "\n");
    }

    @Override
    public void close() {
        training.close();
        heldOut.forEach(HeldOut::close);
    }
}
