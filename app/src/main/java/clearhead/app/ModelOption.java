package clearhead.app;

import picocli.CommandLine.Option;

/// The options of every command that runs a model.
final class ModelOption {
    /// Default of `--model`.
    static final String BUNDLED = "tales";

    enum Arithmetic {
        exact,
        fast
    }

    @Option(
            names = {"-m", "--model"},
            paramLabel = "M",
            defaultValue = BUNDLED,
            description = "A name (see `clearhead models`), a folder, a .gguf, .safetensors or"
                    + " llama2.c .bin file, or hf:ORG/NAME[@REVISION][:FILE]. Default: ${DEFAULT-VALUE}.")
    String model = BUNDLED;

    @Option(
            names = "--arithmetic",
            paramLabel = "exact|fast",
            defaultValue = "exact",
            description = "exact: float32 activations on dequantized weights. Default:" + " ${DEFAULT-VALUE}.")
    Arithmetic arithmetic = Arithmetic.exact;
}
