package clearhead.model;

import clearhead.io.ModelFileException;
import clearhead.nn.Transformer;
import java.util.List;
import java.util.Map;

/// A kind of model with its sizes: names its parameters and puts them together. The same code builds
/// a model to run and a model to train; only the [Weights] differ.
///
/// ```java
/// Family family = Family.of(config);
/// for (Parameter p : family.parameters()) { /* load it, or start it from p.init() */ }
/// Transformer transformer = family.build(weights);
/// ```
///
/// [Exported] turns parameters back into the tensors of a Hugging Face checkpoint.
public sealed interface Family permits Gpt2, Llama {

    /// The families there are, by `model_type`.
    List<String> NAMES = List.of("gpt2", "llama");

    /// @throws ModelFileException if the architecture is unknown, or asks for something that is not
    ///     supported; the message names it
    static Family of(Config config) {
        return switch (config.modelType()) {
            case "gpt2" -> Gpt2.of(config);
            case "llama" -> Llama.of(config);
            default ->
                throw new ModelFileException(
                        config.json().at() + ".model_type",
                        "architecture \"" + config.modelType() + "\" is not supported; there are "
                                + Config.joined(NAMES));
        };
    }

    /// `gpt2`, `llama`: the `model_type`.
    String name();

    /// Number of blocks.
    int layers();

    /// Number of token ids.
    int vocab();

    /// Positions that can be told apart.
    int context();

    /// What starts the names of a layer's tensors, up to its number: `model.layers.`.
    String layerPrefix();

    /// What Hugging Face's checkpoints may leave out at the start of a name: `transformer.`.
    String optionalPrefix();

    /// Every parameter, in the order of the forward pass. A tied head is not among them.
    List<Parameter> parameters();

    /// Assembles the model.
    Transformer build(Weights weights);

    /// The `config.json` of these sizes, readable by transformers. Token ids are left to the caller.
    Map<String, Object> config();

    /// Number of learned values.
    default long size() {
        return parameters().stream().mapToLong(p -> p.shape().size()).sum();
    }
}
