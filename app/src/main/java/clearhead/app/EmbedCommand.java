package clearhead.app;

import clearhead.generate.Embedder;
import clearhead.generate.EmbeddingRules;
import clearhead.generate.Pooling;
import clearhead.io.JsonWriter;
import clearhead.model.Model;
import clearhead.view.ModelJson;
import clearhead.view.Printable;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.Writer;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

@Command(
        name = "embed",
        mixinStandardHelpOptions = true,
        description = {
            "Turns texts into vectors; texts that mean the same are near each other.",
            "",
            "The vectors of the tokens are pooled and normalised as the model's files say (modules.json of"
                    + " sentence-transformers, pooling_type of a GGUF), else by their mean. Without TEXT and"
                    + " --file, every line of standard input is a text."
        })
final class EmbedCommand implements Callable<Integer> {
    /// Numbers of a vector that are shown to people.
    private static final int SHOWN = 6;

    @Parameters(arity = "0..*", paramLabel = "TEXT", description = "The texts; - for the lines of standard input.")
    private List<String> texts = new ArrayList<>();

    @Option(
            names = {"-f", "--file"},
            paramLabel = "F",
            description = "Every line of this file is a text; empty lines are left out.")
    private Optional<Path> file = Optional.empty();

    @Mixin
    private ModelOption model = new ModelOption();

    @Option(
            names = "--pooling",
            paramLabel = "P",
            description = "cls, mean, max, mean_sqrt_len, weighted_mean or last. Default: what the model says,"
                    + " else mean.")
    private Optional<String> pooling = Optional.empty();

    @Option(
            names = "--normalize",
            negatable = true,
            description = "Give vectors the length 1, or leave them as they are. Default: what the model says,"
                    + " else --normalize.")
    private Optional<Boolean> normalize = Optional.empty();

    @Option(names = "--truncate", description = "Cut texts that are longer than the model takes, instead of refusing.")
    private boolean truncate;

    @Option(names = "--similar", description = "Print the cosine of every two texts: 1 is the same direction.")
    private boolean similar;

    @Option(
            names = "--json",
            paramLabel = "FILE",
            description = "Write everything in full precision (docs/json.md); - for standard output.")
    private Optional<String> json = Optional.empty();

    @Option(
            names = "--csv",
            paramLabel = "FILE",
            description = "Write a vector a line, or with --similar the matrix; - for standard output.")
    private Optional<String> csv = Optional.empty();

    @Spec
    @SuppressWarnings("NullAway.Init")
    private CommandSpec spec;

    @Override
    public Integer call() throws IOException {
        var files = Destination.both(json, csv);
        Optional<Pooling> chosen = pooling.map(EmbedCommand::pooling);
        List<String> read = read();
        PrintWriter out = spec.commandLine().getOut();
        try (OpenModel open = OpenModel.open(model)) {
            EmbeddingRules rules = rules(open.model(), chosen);
            var embedder = new Embedder(open.model(), rules, truncate);
            List<int[]> ids = read.stream().map(embedder::ids).toList();
            List<float[]> vectors = embedder.embedIds(ids);
            if (!files.quiet()) {
                print(out, open, rules, read, ids, vectors);
            }
            files.json().ifPresent(to -> to.write(out, w -> json(w, open, rules, read, ids, vectors)));
            files.csv().ifPresent(to -> to.write(out, w -> csv(w, vectors)));
        }
        return 0;
    }

    private static Pooling pooling(String name) {
        return Pooling.named(name)
                .orElseThrow(() -> new UsageException(
                        "--pooling: there is no \"" + name + '"' + Nearest.hint(name, Pooling.names())));
    }

    private EmbeddingRules rules(Model of, Optional<Pooling> chosen) {
        EmbeddingRules rules = chosen.isPresent() ? EmbeddingRules.of(of, chosen.get()) : EmbeddingRules.of(of);
        if (rules.source().isEmpty() && (chosen.isEmpty() || normalize.isEmpty())) {
            spec.commandLine()
                    .getErr()
                    .println("model " + of.name() + " does not say how it pools; taking the " + rules.describe()
                            + " (--pooling, --[no-]normalize)");
        }
        return normalize.map(rules::withNormalized).orElse(rules);
    }

    private List<String> read() throws IOException {
        if (file.isPresent() && !texts.isEmpty()) {
            throw new UsageException("give TEXT or --file, not both");
        }
        boolean input = texts.isEmpty() || texts.equals(List.of("-"));
        List<String> read = texts;
        if (file.isPresent() || input) {
            byte[] bytes = file.isPresent() ? bytes(file.get()) : System.in.readAllBytes();
            String source = file.map(Path::toString).orElse("standard input");
            read = TextOption.decode(bytes, source)
                    .lines()
                    .filter(line -> !line.isBlank())
                    .toList();
        }
        if (read.isEmpty() || read.stream().anyMatch(String::isBlank)) {
            throw new UsageException("a text is empty: there is nothing to embed; give at least one word");
        }
        return read;
    }

    private static byte[] bytes(Path path) throws IOException {
        try {
            return Files.readAllBytes(path);
        } catch (NoSuchFileException _) {
            throw new UsageException("there is no file " + path);
        }
    }

    private void print(
            PrintWriter out,
            OpenModel open,
            EmbeddingRules rules,
            List<String> read,
            List<int[]> ids,
            List<float[]> vectors) {
        out.println(open.describe());
        out.println(vectors.getFirst().length + " numbers a text: " + rules.describe());
        out.println();
        for (int i = 0; i < read.size(); i++) {
            var line = new StringBuilder(String.format(Locale.ROOT, "%3d  %4d tokens  ", i, ids.get(i).length));
            if (similar) {
                for (float[] other : vectors) {
                    line.append(String.format(Locale.ROOT, " %7.4f", Embedder.cosine(vectors.get(i), other)));
                }
            } else {
                float[] vector = vectors.get(i);
                for (int at = 0; at < Math.min(SHOWN, vector.length); at++) {
                    line.append(String.format(Locale.ROOT, " %8.5f", vector[at]));
                }
                line.append(vector.length > SHOWN ? " …" : "");
            }
            out.println(line + "   " + Printable.fit(read.get(i), 40).stripTrailing());
        }
        if (!similar) {
            out.println();
            out.println("--similar compares them; --json FILE and --csv FILE write all numbers");
        }
    }

    private void csv(Writer to, List<float[]> vectors) throws IOException {
        for (float[] vector : vectors) {
            var line = new StringBuilder();
            if (similar) {
                vectors.forEach(other -> comma(line).append(Embedder.cosine(vector, other)));
            } else {
                for (float x : vector) {
                    comma(line).append(x);
                }
            }
            to.write(line.append('\n').toString());
        }
    }

    private static StringBuilder comma(StringBuilder line) {
        return line.isEmpty() ? line : line.append(',');
    }

    private void json(
            Writer to,
            OpenModel open,
            EmbeddingRules rules,
            List<String> read,
            List<int[]> ids,
            List<float[]> vectors) {
        try (var document = JsonWriter.to(to, true)) {
            document.beginObject().field("command", "embed");
            ModelJson.model(document, open.model(), open.arithmetic(), open.backend());
            document.field("pooling", rules.pooling().toString()).field("normalized", rules.normalized());
            document.field("max_tokens", rules.maxTokens())
                    .field("said_by", rules.source().orElse(""));
            document.field("dim", vectors.getFirst().length);
            document.name("texts").beginArray();
            for (int i = 0; i < read.size(); i++) {
                document.beginObject().field("text", read.get(i)).name("ids").value(ids.get(i));
                document.name("vector").value(vectors.get(i));
                document.endObject();
            }
            document.endArray();
            if (similar) {
                document.name("cosines").beginArray();
                for (float[] a : vectors) {
                    document.beginArray();
                    for (float[] b : vectors) {
                        document.value(Embedder.cosine(a, b));
                    }
                    document.endArray();
                }
                document.endArray();
            }
            document.endObject();
        }
    }
}
