package clearhead.model;

import clearhead.io.Checkpoint;
import clearhead.io.Gguf;
import clearhead.io.Json;
import clearhead.io.Llama2c;
import clearhead.io.ModelFileException;
import clearhead.io.ModelFiles;
import clearhead.io.Onnx;
import clearhead.tokenizer.Tokenizer;
import clearhead.tokenizer.TokenizerException;
import clearhead.tokenizer.Tokenizers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Supplier;

/// The files of a model, opened: weights, configuration, vocabulary.
///
/// @param tokenizerProblem why there is no tokenizer; empty if there is one
record ModelSource(
        String name,
        Path path,
        Checkpoint checkpoint,
        Config config,
        Optional<Tokenizer> tokenizer,
        String tokenizerProblem,
        Optional<String> chatTemplate)
        implements AutoCloseable {

    static ModelSource open(Path path) {
        ModelFiles files = ModelFiles.resolve(path.toString(), List.of());
        String weights = files.weights().toString();
        if (weights.endsWith(".gguf")) {
            return gguf(files.weights());
        }
        return weights.endsWith(".bin") ? llama2c(files.weights()) : folder(files);
    }

    private static ModelSource folder(ModelFiles files) {
        Path folder = files.folder();
        Path configFile = folder.resolve("config.json");
        boolean configured = Files.exists(configFile);
        if (!configured && !files.weights().toString().endsWith(".onnx")) {
            throw new ModelFileException(files.weights(), "there is no config.json beside the weights");
        }
        Checkpoint checkpoint = files.open();
        try {
            var config = !configured && checkpoint instanceof Onnx onnx
                    ? Config.of(files.weights().toString(), onnx.config())
                    : new Config(Json.readObject(configFile));
            config = withGenerationEnds(config, folder.resolve("generation_config.json"));
            config = withoutPooler(config, checkpoint);
            Optional<String> template = chatTemplate(folder);
            Found found = besideWeights(files);
            return new ModelSource(
                    files.name(), files.path(), checkpoint, config, found.tokenizer, found.problem, template);
        } catch (RuntimeException | Error e) {
            checkpoint.close();
            throw e;
        }
    }

    /// The vocabulary in the folder of the weights; of `NAME.onnx` also `NAME-tokenizer.json`.
    private static Found besideWeights(ModelFiles files) {
        Path folder = files.folder();
        Path own = folder.resolve(files.name() + "-tokenizer.json");
        boolean named = !Files.exists(folder.resolve("tokenizer.json")) && Files.exists(own);
        return named ? tokenizer(() -> Tokenizers.file(own)) : vocabulary(folder);
    }

    /// A bare encoder is often stored without the pooler that nobody needs; configurations do not say so.
    private static Config withoutPooler(Config config, Checkpoint checkpoint) {
        boolean bare = config.json().has("architectures") && config.hasHead("Model");
        boolean pooler = checkpoint.names().stream().anyMatch(name -> name.contains("pooler."));
        return bare && !pooler ? config.withDefaults(Map.of("add_pooling_layer", false)) : config;
    }

    /// The vocabulary of a folder: that of T5 may be called `spiece.model`.
    private static Found vocabulary(Path folder) {
        Path pieces = folder.resolve("spiece.model");
        if (Files.exists(folder.resolve("tokenizer.json")) || Files.exists(folder.resolve("tokenizer.model"))) {
            return tokenizer(() -> Tokenizers.file(folder));
        }
        if (Files.exists(pieces)) {
            return tokenizer(() -> Tokenizers.file(pieces));
        }
        return new Found(
                Optional.empty(),
                Files.exists(folder.resolve("source.spm"))
                        ? "Marian's source.spm with vocab.json cannot be read yet, and there is no tokenizer.json"
                                + " beside it; give --ids"
                        : "no tokenizer.json and no tokenizer.model beside it; give --ids");
    }

    private static ModelSource gguf(Path path) {
        Checkpoint checkpoint = Gguf.open(path);
        try {
            Config config = GgufConfig.of(checkpoint);
            Map<String, Object> metadata = checkpoint.metadata();
            Found found = metadata.containsKey("tokenizer.ggml.model")
                    ? tokenizer(() -> Tokenizers.gguf(metadata))
                    : new Found(Optional.empty(), "the file holds no vocabulary; give --ids");
            Optional<String> template = metadata.get("tokenizer.chat_template") instanceof String text
                    ? Optional.of(text)
                    : Optional.empty();
            return new ModelSource(name(path), path, checkpoint, config, found.tokenizer, found.problem, template);
        } catch (RuntimeException | Error e) {
            checkpoint.close();
            throw e;
        }
    }

    private static ModelSource llama2c(Path path) {
        Llama2c checkpoint = Llama2c.open(path);
        try {
            Config config = Config.of(path.toString(), checkpoint.config());
            String own = "tok" + config.size("vocab_size");
            List<String> names = List.of(own + ".bin", own + ".model", "tokenizer.bin", "tokenizer.model");
            for (String name : names) {
                if (Files.exists(path.resolveSibling(name))) {
                    Found found = tokenizer(() -> Tokenizers.file(path.resolveSibling(name)));
                    return new ModelSource(
                            name(path), path, checkpoint, config, found.tokenizer, found.problem, Optional.empty());
                }
            }
            String problem = "no vocabulary beside it (" + String.join(", ", names) + "); give --ids";
            return new ModelSource(name(path), path, checkpoint, config, Optional.empty(), problem, Optional.empty());
        } catch (RuntimeException | Error e) {
            checkpoint.close();
            throw e;
        }
    }

    /// Whether weights, configuration and vocabulary are files of a folder.
    boolean isFolder() {
        return !(checkpoint instanceof Gguf) && !(checkpoint instanceof Llama2c);
    }

    /// The folder of the weights.
    Path folder() {
        Path parent = checkpoint.source().toAbsolutePath().getParent();
        return parent == null ? Path.of(".") : parent;
    }

    private record Found(Optional<Tokenizer> tokenizer, String problem) {}

    private static Found tokenizer(Supplier<Tokenizer> reader) {
        try {
            return new Found(Optional.of(reader.get()), "");
        } catch (TokenizerException e) {
            return new Found(Optional.empty(), "its vocabulary cannot be used (give --ids): " + e.getMessage());
        }
    }

    /// `generation_config.json` often names more ends of sequence than `config.json`, and how an
    /// encoder-decoder begins.
    private static Config withGenerationEnds(Config config, Path file) {
        if (!Files.exists(file)) {
            return config;
        }
        var generation = new Config(Json.readObject(file));
        var changes = new LinkedHashMap<String, Object>();
        for (String name : List.of("decoder_start_token_id", "forced_bos_token_id", "bad_words_ids")) {
            if (generation.json().has(name)) {
                changes.put(name, generation.json().get(name));
            }
        }
        var ends = new ArrayList<Integer>(config.eos());
        for (int end : generation.eos()) {
            if (!ends.contains(end)) {
                ends.add(end);
            }
        }
        if (!ends.isEmpty()) {
            changes.put("eos_token_id", ends);
        }
        return changes.isEmpty() ? config : config.with(changes);
    }

    private static Optional<String> chatTemplate(Path folder) {
        Path jinja = folder.resolve("chat_template.jinja");
        if (Files.exists(jinja)) {
            try {
                return Optional.of(Files.readString(jinja));
            } catch (java.io.IOException e) {
                throw new ModelFileException(jinja, "cannot be read: " + e.getMessage(), e);
            }
        }
        Path settings = folder.resolve("tokenizer_config.json");
        if (Files.exists(settings)) {
            Json.Obj json = Json.readObject(settings);
            if (json.find("chat_template").orElse(null) instanceof Json.Text(String template)) {
                return Optional.of(template);
            }
        }
        return Optional.empty();
    }

    private static String name(Path file) {
        return String.valueOf(file.getFileName()).replaceFirst("\\.(gguf|bin)$", "");
    }

    @Override
    public void close() {
        checkpoint.close();
    }
}
