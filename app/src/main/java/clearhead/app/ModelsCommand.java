package clearhead.app;

import clearhead.hub.CachedModel;
import clearhead.hub.Hub;
import clearhead.hub.HubName;
import clearhead.hub.HubSettings;
import clearhead.hub.Progress;
import clearhead.io.JsonWriter;
import clearhead.tensor.Memory;
import java.io.IOException;
import java.io.Writer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.stream.Stream;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

@Command(
        name = "models",
        mixinStandardHelpOptions = true,
        description =
                "Lists the models that --model knows by name: bundled ones and those in the cache of Hugging Face's"
                        + " hub.")
final class ModelsCommand implements Callable<Integer> {
    @Spec
    @SuppressWarnings("NullAway.Init")
    CommandSpec spec;

    @Option(
            names = "--json",
            paramLabel = "FILE",
            description = "Write the list (docs/json.md); - for standard output.")
    private Optional<String> json = Optional.empty();

    @Override
    public Integer call() throws IOException {
        var out = spec.commandLine().getOut();
        List<Path> found = bundled();
        var settings = HubSettings.current();
        List<CachedModel> cached = new Hub(settings, Progress.SILENT).cached();
        Optional<Destination> to = json.map(Destination::new);
        to.ifPresent(t -> t.write(out, writer -> write(found, cached, settings.cache(), writer)));
        if (to.filter(Destination::isStandardOutput).isPresent()) {
            return 0;
        }
        for (Path model : found) {
            out.printf("%-16s %6.1f MB  %s%n", model.getFileName(), bytes(model) / 1e6, model);
        }
        if (found.isEmpty()) {
            out.println("No model in " + Home.models() + ".");
        }
        for (CachedModel model : cached) {
            String partial = model.partialBytes() == 0
                    ? ""
                    : ", and " + Memory.text(model.partialBytes()) + " of a download that was broken off";
            out.printf(
                    "%-16s %6.1f MB  %s%s%n",
                    HubName.PREFIX + model.repo(), model.bytes() / 1e6, String.join(", ", model.revisions()), partial);
        }
        if (!cached.isEmpty()) {
            out.println("Names with hf: are in " + settings.cache() + " (`clearhead rm ORG/NAME` removes one).");
        }
        out.println("Any folder with config.json and safetensors, .gguf or llama2.c .bin file works too.");
        return 0;
    }

    private static void write(List<Path> models, List<CachedModel> cached, Path cache, Writer to) throws IOException {
        try (var w = JsonWriter.to(to, true)) {
            w.beginObject().field("command", "models").name("models").beginArray();
            for (Path model : models) {
                w.beginObject().field("name", model.getFileName().toString());
                w.field("path", model.toString()).field("bytes", bytes(model)).endObject();
            }
            w.endArray().field("cache", cache.toString()).name("cached").beginArray();
            for (CachedModel model : cached) {
                w.beginObject()
                        .field("name", HubName.PREFIX + model.repo())
                        .field("path", model.path().toString());
                w.name("revisions").value(model.revisions());
                w.field("bytes", model.bytes())
                        .field("partial_bytes", model.partialBytes())
                        .endObject();
            }
            w.endArray().endObject();
        }
    }

    /// Folders with a config.json below the models folder.
    static List<Path> bundled() throws IOException {
        Path models = Home.models();
        if (!Files.isDirectory(models)) {
            return List.of();
        }
        try (Stream<Path> folders = Files.list(models)) {
            return folders.filter(f -> Files.isRegularFile(f.resolve("config.json")))
                    .sorted()
                    .toList();
        }
    }

    private static long bytes(Path folder) throws IOException {
        try (Stream<Path> files = Files.list(folder)) {
            return files.filter(Files::isRegularFile)
                    .mapToLong(f -> f.toFile().length())
                    .sum();
        }
    }
}
