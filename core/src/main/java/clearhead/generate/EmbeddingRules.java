package clearhead.generate;

import clearhead.io.Json;
import clearhead.io.ModelFileException;
import clearhead.model.Model;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/// How a model wants its token vectors made into one vector of a text.
///
/// @param normalized whether the vector is given the length 1
/// @param maxTokens tokens of one text at most, special tokens counted
/// @param source where this was read; empty if nothing was said and the usual is taken
public record EmbeddingRules(Pooling pooling, boolean normalized, int maxTokens, Optional<String> source) {

    /// What the files beside a model say: `modules.json` of sentence-transformers with the folders it names, or
    /// `pooling_type` of a GGUF. Else the mean, normalised, of as many tokens as the model has positions.
    ///
    /// @throws ModelFileException if they say something that is not supported
    public static EmbeddingRules of(Model model) {
        return of(model, Optional.empty());
    }

    /// The same with a pooling that somebody chose, whatever the files say of it.
    public static EmbeddingRules of(Model model, Pooling chosen) {
        return of(model, Optional.of(chosen));
    }

    private static EmbeddingRules of(Model model, Optional<Pooling> chosen) {
        int context = model.context();
        Path path = model.path();
        Path folder = Files.isDirectory(path)
                ? path
                : Optional.ofNullable(path.toAbsolutePath().getParent()).orElse(path);
        Path modules = folder.resolve("modules.json");
        if (Files.exists(modules)) {
            return sentenceTransformers(folder, modules, context, chosen);
        }
        Path pooling = folder.resolve("1_Pooling").resolve("config.json");
        if (Files.exists(pooling)) {
            return new EmbeddingRules(
                    chosen.orElseGet(() -> pooling(pooling)), true, length(folder, context), Optional.of("1_Pooling"));
        }
        for (Map.Entry<String, Object> e : model.checkpoint().metadata().entrySet()) {
            if (e.getKey().endsWith(".pooling_type") && e.getValue() instanceof Number type) {
                Pooling known = chosen.orElseGet(() -> gguf(type.intValue(), model));
                return new EmbeddingRules(known, true, context, Optional.of(e.getKey()));
            }
        }
        return new EmbeddingRules(chosen.orElse(Pooling.MEAN), true, length(folder, context), Optional.empty());
    }

    public EmbeddingRules withNormalized(boolean other) {
        return new EmbeddingRules(pooling, other, maxTokens, source);
    }

    /// `mean of the tokens, normalised`.
    public String describe() {
        String what = switch (pooling) {
            case CLS -> "the first token";
            case LAST -> "the last token";
            case MEAN -> "mean of the tokens";
            case MAX -> "largest of each element";
            case MEAN_SQRT_LEN -> "sum of the tokens over the root of their number";
            case WEIGHTED_MEAN -> "mean of the tokens, later ones weighing more";
        };
        return what + (normalized ? ", normalised" : "");
    }

    private static EmbeddingRules sentenceTransformers(
            Path folder, Path modules, int context, Optional<Pooling> chosen) {
        Optional<Pooling> pooling = chosen;
        boolean normalized = false;
        Json.Arr list =
                Json.read(modules) instanceof Json.Arr array ? array : new Json.Arr(modules.toString(), List.of());
        for (int i = 0; i < list.size(); i++) {
            Json.Obj module = list.object(i);
            String type = module.text("type");
            switch (type.substring(type.lastIndexOf('.') + 1)) {
                case "Transformer" -> {}
                case "Pooling" ->
                    pooling = Optional.of(pooling(within(folder, module).resolve("config.json")));
                case "Normalize" -> normalized = true;
                default ->
                    throw new ModelFileException(
                            modules,
                            "module " + i + " is a " + type
                                    + ", which is not supported; supported are Transformer, Pooling, Normalize");
            }
        }
        return new EmbeddingRules(
                pooling.orElse(Pooling.MEAN), normalized, length(folder, context), Optional.of("modules.json"));
    }

    private static Path within(Path folder, Json.Obj module) {
        String path = module.text("path");
        Path inside = folder.resolve(path).normalize();
        if (!inside.startsWith(folder.normalize())) {
            throw module.wrong("path", "wanted a folder beside it, found \"" + path + "\"");
        }
        return inside;
    }

    /// `pooling_mode_mean_tokens: true`, or in later versions `pooling_mode: "mean"`.
    private static Pooling pooling(Path file) {
        Json.Obj config = Json.readObject(file);
        var modes = new ArrayList<String>();
        for (Map.Entry<String, Json> field : config.fields().entrySet()) {
            String name = field.getKey();
            if (name.equals("pooling_mode")) {
                modes.add(config.text(name));
            } else if (name.startsWith("pooling_mode_") && config.bool(name)) {
                modes.add(name.substring("pooling_mode_".length()));
            }
        }
        if (modes.size() != 1) {
            throw new ModelFileException(
                    file, "wanted one pooling mode, found " + modes + "; choose one with --pooling");
        }
        return Pooling.named(modes.getFirst())
                .orElseThrow(() -> new ModelFileException(
                        file,
                        "unknown pooling mode \"" + modes.getFirst() + "\"; there are "
                                + String.join(", ", Pooling.names())));
    }

    /// `max_seq_length`, where it is less than the model's positions.
    private static int length(Path folder, int context) {
        for (String name : List.of("sentence_bert_config.json", "sentence_xlm-roberta_config.json")) {
            Path file = folder.resolve(name);
            if (Files.exists(file)) {
                int length = Json.readObject(file).integer("max_seq_length", context);
                return Math.clamp(length, 1, context);
            }
        }
        return context;
    }

    /// The numbers of llama.cpp.
    private static Pooling gguf(int type, Model model) {
        return switch (type) {
            case 1 -> Pooling.MEAN;
            case 2 -> Pooling.CLS;
            case 3 -> Pooling.LAST;
            default ->
                throw new ModelFileException(
                        model.path(),
                        String.format(
                                Locale.ROOT,
                                "pooling_type %d gives no vector of a text; supported are 1 (mean), 2 (cls), 3 (last)",
                                type));
        };
    }
}
