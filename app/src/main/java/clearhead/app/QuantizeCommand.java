package clearhead.app;

import clearhead.io.GgufMixture;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

@Command(
        name = "quantize",
        mixinStandardHelpOptions = true,
        description = {
            "Writes a model as a smaller GGUF, as llama.cpp loads it.",
            "",
            "A type such as q4_k_m says what most weights become; as in llama.cpp, some matrices get more"
                    + " bits, and vectors stay as they are. A GGUF may be of any architecture."
        })
final class QuantizeCommand implements Callable<Integer> {
    @Parameters(
            index = "0",
            paramLabel = "MODEL",
            description = "What to quantize: a name (see `clearhead models`), a folder, or a .gguf, .safetensors or"
                    + " llama2.c .bin file.")
    private String model = "";

    @Parameters(
            index = "1",
            paramLabel = "TYPE",
            converter = Quantized.Names.class,
            completionCandidates = Quantized.Names.class,
            description = "${COMPLETION-CANDIDATES}.")
    private GgufMixture type = GgufMixture.Q8_0;

    @Option(
            names = {"-o", "--out"},
            required = true,
            paramLabel = "FILE.gguf",
            description = "What to write.")
    private Path to = Path.of("");

    @Option(names = "--overwrite", description = "Replace a file that is there.")
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
        Quantized quantized = Quantized.write(OpenModel.find(model), type, to, overwrite);
        PrintWriter out = spec.commandLine().getOut();
        PrintWriter err = spec.commandLine().getErr();
        quantized.notes().forEach(note -> err.println("clearhead: " + note));
        err.flush();
        if (destination.filter(Destination::isStandardOutput).isEmpty()) {
            out.println(quantized.line());
        }
        destination.ifPresent(d -> d.write(out, writer -> quantized.writeJson(writer, "quantize")));
        return 0;
    }
}
