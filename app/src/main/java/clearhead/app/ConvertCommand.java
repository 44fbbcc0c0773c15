package clearhead.app;

import clearhead.io.JsonWriter;
import clearhead.model.Conversion;
import clearhead.tensor.DType;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
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
                    + " them. --out FILE.gguf: the same GGUF with other element types."
        })
final class ConvertCommand implements Callable<Integer> {
    enum Type {
        f32(DType.F32),
        f16(DType.F16),
        bf16(DType.BF16),
        q8_0(DType.Q8_0),
        q4_0(DType.Q4_0),
        q4_1(DType.Q4_1);

        final DType type;

        Type(DType type) {
            this.type = type;
        }
    }

    @Mixin
    private ModelOption model = new ModelOption();

    @Option(
            names = {"-o", "--out"},
            required = true,
            paramLabel = "FOLDER|FILE.gguf",
            description = "What to write; files that are there are replaced when the new ones are"
                    + " complete.")
    private Path to = Path.of("");

    @Option(
            names = "--type",
            paramLabel = "f32|f16|bf16|q8_0|q4_0|q4_1",
            description = "Element type of the matrices; the last three in a .gguf only. Default: as"
                    + " they are, quantized ones as f32.")
    private Optional<Type> type = Optional.empty();

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
        Optional<Destination> destination = Destination.both(json, Optional.empty()).json();
        PrintWriter out = spec.commandLine().getOut();
        boolean gguf = to.toString().endsWith(".gguf");
        if (!gguf && type.isPresent() && type.get().type.isQuantized()) {
            throw new UsageException(
                    "--type " + type.get() + " is a type of GGUF; --out wants a name that ends in"
                            + " .gguf then");
        }
        try (OpenModel open = OpenModel.open(model)) {
            List<String> problems = List.of();
            if (gguf) {
                Conversion.toGguf(open.model(), to, type.orElse(Type.f32).type);
            } else {
                problems = Conversion.toFolder(open.model(), to, type.map(t -> t.type));
            }
            for (String problem : problems) {
                spec.commandLine().getErr().println("clearhead: not written: " + problem);
            }
            if (destination.filter(Destination::isStandardOutput).isEmpty()) {
                out.println(
                        "wrote " + to + ": " + open.model().name() + ", "
                                + open.model().family().size() + " parameters"
                                + type.map(t -> ", " + t.name().toUpperCase(Locale.ROOT)).orElse(""));
            }
            List<String> all = problems;
            destination.ifPresent(
                    d ->
                            d.write(
                                    out,
                                    writer -> {
                                        try (var json = JsonWriter.to(writer, true)) {
                                            json.beginObject().field("command", "convert");
                                            AttendJson.model(json, open);
                                            json.field("out", to.toString());
                                            json.field("parameters", open.model().family().size());
                                            json.name("not_written").value(all).endObject();
                                        }
                                    }));
        }
        return 0;
    }
}
