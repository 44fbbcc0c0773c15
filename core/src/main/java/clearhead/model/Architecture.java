package clearhead.model;

import clearhead.io.ModelFileException;
import clearhead.model.families.Families;
import clearhead.nn.Network;
import clearhead.nn.Positions;
import clearhead.nn.Transformer;
import java.lang.foreign.Arena;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// A family with its sizes: names its parameters and puts them together. The same code builds a model
/// to run and a model to train; only the [Weights] differ.
///
/// ```java
/// Architecture architecture = Architecture.of(config);
/// for (Parameter p : architecture.parameters()) { /* load it, or start it from p.init() */ }
/// Network network = architecture.build(weights);
/// ```
///
/// [Exported] turns parameters back into the tensors of a Hugging Face checkpoint.
public final class Architecture {
    private final Config config;
    private final Family family;
    private final Drawing drawing;
    private final Network drawn;

    private Architecture(Config config, Family family) {
        this.config = config;
        this.family = family;
        try (Arena arena = Arena.ofConfined()) {
            drawing = new Drawing(arena);
            drawn = family.build(config, new Parts(drawing));
        }
    }

    /// @throws ModelFileException if the architecture is unknown, or asks for something that is not
    ///     supported; the message names it
    public static Architecture of(Config config) {
        String type = config.modelType();
        for (Family family : Families.ALL) {
            if (family.names().contains(type)) {
                return new Architecture(config, family);
            }
        }
        throw new ModelFileException(
                config.json().at() + ".model_type",
                "architecture \"" + type + "\" is not supported; the nearest known are "
                        + String.join(", ", Nearest.of(type, names())) + "; there are " + String.join(", ", names()));
    }

    /// The families there are, by `model_type`.
    public static List<String> names() {
        return Families.ALL.stream()
                .flatMap(family -> family.names().stream())
                .sorted()
                .toList();
    }

    /// `gpt2`, `llama`: the `model_type`.
    public String name() {
        return config.modelType();
    }

    /// Number of blocks.
    public int layers() {
        return drawn.layers();
    }

    /// Number of token ids.
    public int vocab() {
        return drawn.vocab();
    }

    /// Positions that can be told apart.
    public int context() {
        return drawn.context();
    }

    /// What starts the names of layers' tensors, up to the number: `model.layers.`; with how many
    /// layers there are.
    Map<String, Integer> layerPrefixes() {
        return drawing.layers();
    }

    /// The model without numbers, whose sizes are right.
    Network drawn() {
        return drawn;
    }

    /// How queries and keys turn, in the order in which the family asks for it.
    List<Drawing.Rotation> rotations() {
        return drawing.rotations();
    }

    /// What positions of [#drawn] stand for, if they turn.
    Optional<Drawing.Rotation> rotation(Positions positions) {
        return drawing.rotation(positions);
    }

    /// The parameters that a backend may pack, as often as it does.
    List<Parameter> matrices() {
        return drawing.matrices();
    }

    /// The parameters that become float32 vectors.
    List<Parameter> vectors() {
        return drawing.vectors();
    }

    /// Every parameter, in the order of the forward pass. A tied head is not among them.
    public List<Parameter> parameters() {
        return drawing.parameters();
    }

    /// Assembles the model.
    public Network build(Weights weights) {
        return family.build(config, new Parts(weights));
    }

    /// Assembles a decoder.
    ///
    /// @throws ModelFileException if the model is none
    public Transformer decoder(Weights weights) {
        if (build(weights) instanceof Transformer transformer) {
            return transformer;
        }
        throw new ModelFileException(config.json().at(), "a " + name() + " is no decoder");
    }

    /// What it was made from.
    public Config source() {
        return config;
    }

    /// The `config.json` of these sizes, readable by transformers. Token ids are left to the caller.
    public Map<String, Object> config() {
        var fields = new LinkedHashMap<String, Object>();
        fields.put("architectures", List.of(family.transformersClass()));
        config.json().fields().forEach((name, value) -> {
            if (!name.endsWith("_token_id") && !name.equals("architectures")) {
                fields.put(name, value);
            }
        });
        return fields;
    }

    /// Number of learned values.
    public long size() {
        return parameters().stream().mapToLong(p -> p.shape().size()).sum();
    }

    @Override
    public String toString() {
        return name();
    }
}
