package clearhead.app;

import picocli.CommandLine.Option;

/// The options of every command that runs a model.
final class ModelOption {
    /// Default of `--model`.
    static final String BUNDLED = "tales";

    /// Default of `--arithmetic`: the system property, or fast.
    static final String ARITHMETIC = "${sys:clearhead.arithmetic:-fast}";

    static final String ARITHMETIC_HELP = "How quantized weights are multiplied. exact: float32 activations on"
            + " dequantized weights; fast: activations quantized to int8 in blocks of 32. Default: ${DEFAULT-VALUE}.";

    /// The option's words for [clearhead.ops.Arithmetic].
    enum Arithmetic {
        exact,
        fast;

        clearhead.ops.Arithmetic of() {
            return clearhead.ops.Arithmetic.of(name());
        }
    }

    @Option(
            names = {"-m", "--model"},
            paramLabel = "M",
            defaultValue = BUNDLED,
            description = "A name (see `clearhead models`), a folder, a .gguf, .safetensors, .onnx or"
                    + " llama2.c .bin file, or hf:ORG/NAME[@REVISION][:FILE]. Default: ${DEFAULT-VALUE}.")
    String model = BUNDLED;

    @Option(names = "--arithmetic", paramLabel = "exact|fast", defaultValue = ARITHMETIC, description = ARITHMETIC_HELP)
    Arithmetic arithmetic = Arithmetic.fast;
}
