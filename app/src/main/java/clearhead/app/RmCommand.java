package clearhead.app;

import clearhead.hub.CachedModel;
import clearhead.hub.Hub;
import clearhead.hub.HubName;
import clearhead.tensor.Memory;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

@Command(
        name = "rm",
        mixinStandardHelpOptions = true,
        description = "Removes a downloaded model, with all its revisions and partial files, from the cache.")
final class RmCommand implements Callable<Integer> {
    @Parameters(paramLabel = "ORG/NAME", description = "Which model; see `clearhead models`.")
    private String model = "";

    @Spec
    @SuppressWarnings("NullAway.Init")
    private CommandSpec spec;

    @Override
    public Integer call() {
        HubName name = ModelHub.name(model);
        if (!name.text().equals(HubName.PREFIX + name.repo())) {
            throw new UsageException("rm removes a model whole: give " + name.repo() + " without a revision or a file");
        }
        Hub hub = ModelHub.open(spec.commandLine().getErr());
        List<String> names = hub.cached().stream().map(CachedModel::repo).toList();
        if (!names.contains(name.repo())) {
            throw new UsageException("the cache has no model " + name.repo() + Nearest.hint(name.repo(), names));
        }
        long bytes = hub.remove(name);
        spec.commandLine().getOut().println("removed " + name.repo() + ": " + Memory.text(bytes) + " are free again");
        return 0;
    }
}
