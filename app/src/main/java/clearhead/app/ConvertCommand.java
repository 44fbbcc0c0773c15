package clearhead.app;

import clearhead.io.JsonWriter;
import clearhead.model.Conversion;
import clearhead.tensor.DType;
import java.io.PrintWriter;
import java.io.Writer;
import java.nio.file.Path;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

@Command(
        name = "convert",
        mixinStandardHelpOptions = true,
        description = {
            "Writes a model into another kind of file.",
            "",
            "--out FOLDER: config.json, model.safetensors and the vocabulary, as transformers loads"
                    + " them. --out FILE.gguf: one file, as llama.cpp loads it."
        })
final class ConvertCommand implements Callable<Integer> {
    /// Names of element types are written small, as llama.cpp's are.
    enum Type {
        f32(DType.F32),
        f16(DType.F16),
        bf16(DType.BF16),
        q8_0(DType.Q8_0),
        q4_0(DType.Q4_0),
        q4_1(DType.Q4_1);

        private final DType type;

        Type(DType type) {
            this.type = type;
        }
    }

    @Option(
            names = {"-m", "--model"},
            paramLabel = "M",
            defaultValue = ModelOption.BUNDLED,
            description = "What to convert: a name (see `clearhead models`), a folder, or a .gguf, .safetensors or"
                    + " llama2.c .bin file. Default: ${DEFAULT-VALUE}.")
    private String model = ModelOption.BUNDLED;

    @Option(
            names = {"-o", "--out"},
            required = true,
            paramLabel = "FOLDER|FILE.gguf",
            description = "What to write.")
    private Path to = Path.of("");

    @Option(
            names = "--type",
            paramLabel = "f32|f16|bf16|q8_0|q4_0|q4_1",
            description = "Element type of the matrices; the last three in a .gguf only. Default: what they have,"
                    + " where the target can hold it, else f32.")
    private Optional<Type> type = Optional.empty();

    @Option(names = "--overwrite", description = "Replace files that are there.")
    private boolean overwrite;

    @Option(
            names = "--json",
            paramLabel = "FILE",
            description = "Write what was done (docs/json.md); - for standard output.")
    private Optional<String> json = Optional.empty();

    @Spec
    @SuppressWarnings("NullAway.Init")
    private CommandSpec spec;

    @Override
    public Integer call() {
        Optional<Destination> destination =
                Destination.both(json, Optional.empty()).json();
        PrintWriter out = spec.commandLine().getOut();
        if (type.isPresent() && type.get().type.isQuantized() && !to.toString().endsWith(".gguf")) {
            throw new UsageException(
                    "--type " + type.get() + " is a type of GGUF: --out wants a name that ends in .gguf then");
        }
        var options = new Conversion.Options(type.map(t -> t.type), overwrite);
        Conversion.Result result = Conversion.convert(OpenModel.find(model), to, options);
        PrintWriter err = spec.commandLine().getErr();
        result.notes().forEach(note -> err.println("clearhead: " + note));
        err.flush();
        if (destination.filter(Destination::isStandardOutput).isEmpty()) {
            out.println(
                    "wrote " + result.target() + ": " + result.tensors() + " tensors, " + result.bytes() + " bytes");
        }
        destination.ifPresent(d -> d.write(out, writer -> write(writer, result)));
        return 0;
    }

    private static void write(Writer to, Conversion.Result result) {
        try (var json = JsonWriter.to(to, true)) {
            json.beginObject().field("command", "convert");
            json.field("target", result.target().toString());
            json.field("tensors", result.tensors()).field("bytes", result.bytes());
            json.name("notes").value(result.notes()).endObject();
        }
    }
}
