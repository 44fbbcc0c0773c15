package clearhead.model;

import clearhead.io.Json;
import clearhead.io.ModelFileException;
import clearhead.ops.Activation;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.Set;
import java.util.TreeSet;

/// What a checkpoint says about its model, in the words of Hugging Face's `config.json`; the metadata
/// of GGUF and llama2.c files are translated into them. Every reading checks: a value that is missing
/// or out of range is one error that names its place.
public record Config(Json.Obj json) {

    /// No axis of a model is longer; keeps products of sizes far from overflow.
    private static final int LARGEST = 1 << 26;

    private static final int MOST_LAYERS = 4096;

    /// @param fields as Java's own values: text, numbers, lists and maps
    public static Config of(String source, Map<String, ?> fields) {
        return new Config(Json.parseObject(source, Json.object(fields).toText(false)));
    }

    /// `gpt2`, `llama`, …
    public String modelType() {
        if (json.has("model_type")) {
            return json.text("model_type");
        }
        throw new ModelFileException(
                json.at(), "no model_type, so the architecture is unknown; it stands in config.json");
    }

    /// A size, at least 1.
    public int size(String name) {
        return atMost(LARGEST, name, json.integer(name));
    }

    /// The name that is used of two for the same.
    public String either(String name, String other) {
        return !json.has(name) && json.has(other) ? other : name;
    }

    /// A size, at least 1.
    public int size(String name, int otherwise) {
        return json.has(name) ? size(name) : otherwise;
    }

    /// Elements of a head where heads share the width of the model.
    public int headDim(int dim, String headsName, int heads) {
        if (dim % heads != 0) {
            throw json.wrong(headsName, "must divide the model's width " + dim + ", found " + heads);
        }
        return dim / heads;
    }

    /// A number of layers.
    public int layers(String name) {
        return atMost(MOST_LAYERS, name, json.integer(name));
    }

    private int atMost(int most, String name, int found) {
        if (found < 1 || found > most) {
            throw json.wrong(name, "wanted 1 to " + most + ", found " + found);
        }
        return found;
    }

    /// A positive number.
    public double positive(String name, double otherwise) {
        double value = json.real(name, otherwise);
        if (!(value > 0) || Double.isInfinite(value)) {
            throw json.wrong(name, "wanted a positive number, found " + value);
        }
        return value;
    }

    /// Yes or no.
    public boolean flag(String name, boolean otherwise) {
        return json.bool(name, otherwise);
    }

    /// Refuses a setting that is not written yet, instead of ignoring it.
    public void refuse(String name, boolean found) {
        if (found) {
            throw json.wrong(name, "is not supported, found " + json.get(name).toText(false));
        }
    }

    /// An activation, by the name that transformers gives it.
    public Activation activation(String name, String otherwise) {
        String found = json.text(name, otherwise);
        return switch (found) {
            case "gelu", "gelu_python" -> Activation.GELU;
            case "gelu_new", "gelu_pytorch_tanh", "gelu_python_tanh", "gelu_fast", "gelu_accurate" ->
                Activation.GELU_TANH;
            case "quick_gelu" -> Activation.QUICK_GELU;
            case "silu", "swish" -> Activation.SILU;
            case "relu" -> Activation.RELU;
            case "relu2" -> Activation.RELU_SQUARED;
            case "sigmoid" -> Activation.SIGMOID;
            case "tanh" -> Activation.TANH;
            default ->
                throw json.wrong(
                        name,
                        "unknown activation \"" + found
                                + "\"; there are gelu, gelu_new, gelu_pytorch_tanh, quick_gelu, silu, relu, relu2,"
                                + " sigmoid, tanh");
        };
    }

    /// The name of an activation in a `config.json`.
    static String name(Activation act) {
        return switch (act) {
            case GELU -> "gelu";
            case GELU_TANH -> "gelu_new";
            case SILU -> "silu";
            case RELU -> "relu";
            case RELU_SQUARED -> "relu2";
            case QUICK_GELU -> "quick_gelu";
            case SIGMOID -> "sigmoid";
            case TANH -> "tanh";
            case SOFTPLUS -> "softplus";
        };
    }

    /// Whether `architectures` names a class with one of these endings: a checkpoint of a bare `BertModel`
    /// has no head. Where nothing is said, it has one.
    public boolean hasHead(String... endings) {
        if (!json.has("architectures")) {
            return true;
        }
        for (Json value : json.array("architectures").items()) {
            if (value instanceof Json.Text(String name)
                    && Arrays.stream(endings).anyMatch(name::endsWith)) {
                return true;
            }
        }
        return false;
    }

    /// The beginning-of-sequence token.
    public OptionalInt bos() {
        return json.has("bos_token_id") ? OptionalInt.of(json.integer("bos_token_id")) : OptionalInt.empty();
    }

    /// The end-of-sequence tokens; often one.
    public Set<Integer> eos() {
        var ids = new TreeSet<Integer>();
        json.find("eos_token_id").ifPresent(value -> {
            if (value instanceof Json.Arr list) {
                for (int id : list.integers()) {
                    ids.add(id);
                }
            } else {
                ids.add(json.integer("eos_token_id"));
            }
        });
        return ids;
    }

    /// The same with other values for some fields.
    public Config with(Map<String, ?> changes) {
        var fields = new LinkedHashMap<String, Object>(json.fields());
        fields.putAll(changes);
        return of(source(), fields);
    }

    /// The same with values for the fields that are missing, as transformers leaves out what is usual.
    public Config withDefaults(Map<String, ?> values) {
        var fields = new LinkedHashMap<String, Object>(values);
        fields.putAll(json.fields());
        return of(source(), fields);
    }

    /// What is said about the text in the configuration of a model that reads pictures too
    /// (`text_config`); the same for a model of text.
    public Config ofText() {
        return json.has("text_config") ? new Config(json.object("text_config")) : this;
    }

    /// The file, for error messages.
    private String source() {
        String at = json.at();
        return at.endsWith(": $") ? at.substring(0, at.length() - 3) : at;
    }

    /// Names, best first, joined for an error message.
    static String joined(List<String> names) {
        return String.join(", ", new ArrayList<>(names));
    }
}
