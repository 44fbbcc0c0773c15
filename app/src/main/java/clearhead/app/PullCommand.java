package clearhead.app;

import clearhead.hub.Hub;
import clearhead.hub.HubName;
import clearhead.io.JsonWriter;
import clearhead.tensor.Memory;
import java.io.PrintWriter;
import java.io.Writer;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

@Command(
        name = "pull",
        mixinStandardHelpOptions = true,
        description = {
            "Downloads a model from the Hugging Face hub, or goes on with a download.",
            "",
            "Configuration, vocabulary and safetensors; where there are none the GGUF file that is named after a"
                + " colon: pull org/name:Q4_K_M. Files are verified, and kept where Hugging Face's own programs look"
                + " for them. HF_HOME, HF_HUB_CACHE, HF_TOKEN, HF_ENDPOINT and HF_HUB_OFFLINE mean what they mean"
                + " there; a proxy is given with CLEARHEAD_JAVA_OPTS=\"-Dhttps.proxyHost=...\"."
        })
final class PullCommand implements Callable<Integer> {
    @Parameters(paramLabel = "ORG/NAME[@REVISION][:FILE]", description = "Which model.")
    private String model = "";

    @Option(names = "--revision", paramLabel = "R", description = "A branch, tag or commit. Default: main.")
    private Optional<String> revision = Optional.empty();

    @Option(
            names = "--include",
            paramLabel = "GLOB",
            description = "Files to download instead, such as \"*.json\"; may be given more than once.")
    private List<String> include = new ArrayList<>();

    @Option(
            names = "--json",
            paramLabel = "FILE",
            description = "Write what is there then (docs/json.md); - for standard output.")
    private Optional<String> json = Optional.empty();

    @Spec
    @SuppressWarnings("NullAway.Init")
    private CommandSpec spec;

    @Override
    public Integer call() {
        HubName given = ModelHub.name(model);
        if (revision.isPresent() && model.contains("@")) {
            throw new UsageException("give the revision with --revision or after @, not both");
        }
        if (!include.isEmpty() && given.file().isPresent()) {
            throw new UsageException("give a file after the colon or --include, not both");
        }
        HubName name = revision.map(r -> ModelHub.name(HubName.PREFIX + given.repo() + "@" + r
                        + given.file().map(f -> ":" + f).orElse("")))
                .orElse(given);
        PrintWriter out = spec.commandLine().getOut();
        Hub.Pulled pulled = ModelHub.open(spec.commandLine().getErr()).pull(name, include);
        Optional<Destination> to = json.map(Destination::new);
        to.ifPresent(t -> t.write(out, writer -> write(pulled, writer)));
        if (to.filter(Destination::isStandardOutput).isEmpty()) {
            out.println(name.text() + ": " + pulled.files().size()
                    + (pulled.files().size() == 1 ? " file, " : " files, ")
                    + Memory.text(pulled.bytes()) + (pulled.downloaded() == 0 ? " (all there already)" : "") + ", in "
                    + pulled.model());
            if (include.isEmpty()) {
                out.println("Run it with --model " + name.text());
            }
        }
        return 0;
    }

    private static void write(Hub.Pulled pulled, Writer to) {
        try (var w = JsonWriter.to(to, true)) {
            w.beginObject().field("command", "pull").field("repo", pulled.name().repo());
            w.field("revision", pulled.name().revision()).field("commit", pulled.commit());
            w.field("path", pulled.model().toString());
            w.field("bytes", pulled.bytes()).field("downloaded", pulled.downloaded());
            w.name("files").beginArray();
            pulled.files().forEach(file -> w.value(file.toString()));
            w.endArray().endObject();
        }
    }
}
