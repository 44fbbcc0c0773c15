package clearhead.app;

import clearhead.io.GgufMixture;
import clearhead.io.JsonWriter;
import clearhead.model.Conversion;
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
    @Option(
            names = {"-m", "--model"},
            paramLabel = "M",
            defaultValue = ModelOption.BUNDLED,
            description = "What to convert: a name (see `clearhead models`), a folder, a .gguf, .safetensors or"
                    + " llama2.c .bin file, or hf:ORG/NAME. Default: ${DEFAULT-VALUE}.")
    private String model = ModelOption.BUNDLED;

    @Option(
            names = {"-o", "--out"},
            required = true,
            paramLabel = "FOLDER|FILE.gguf",
            description = "What to write.")
    private Path to = Path.of("");

    @Option(
            names = "--type",
            paramLabel = "TYPE",
            converter = Quantized.Names.class,
            completionCandidates = Quantized.Names.class,
            description = "Type of the matrices: ${COMPLETION-CANDIDATES}; those after bf16 in a .gguf only"
                    + " (see `clearhead quantize`). Default: what they have, where the target can hold it, else f32.")
    private Optional<GgufMixture> type = Optional.empty();

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
        if (type.isPresent() && type.get().type().isQuantized()) {
            quantize(type.get(), out, destination);
            return 0;
        }
        var options = new Conversion.Options(type.map(GgufMixture::type), overwrite);
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

    private void quantize(GgufMixture mixture, PrintWriter out, Optional<Destination> destination) {
        Quantized quantized = Quantized.write(OpenModel.find(model), mixture, to, overwrite);
        PrintWriter err = spec.commandLine().getErr();
        quantized.notes().forEach(note -> err.println("clearhead: " + note));
        err.flush();
        if (destination.filter(Destination::isStandardOutput).isEmpty()) {
            out.println(quantized.line());
        }
        destination.ifPresent(d -> d.write(out, writer -> quantized.writeJson(writer, "convert")));
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
