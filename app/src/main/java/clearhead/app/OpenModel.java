package clearhead.app;

import clearhead.hub.HubName;
import clearhead.model.Model;
import clearhead.nn.ForwardPass;
import clearhead.nn.Transformer;
import clearhead.ops.Backend;
import clearhead.ops.Backends;
import clearhead.ops.Ops;
import clearhead.tensor.Workspace;
import clearhead.tokenizer.Tokenizer;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/// A model that a command runs, with the backend and the memory it runs on.
final class OpenModel implements AutoCloseable {
    private final Backend backend;
    private final Workspace workspace = new Workspace();
    private final Model model;
    private final Ops ops;

    private OpenModel(Path path, Backend backend) {
        this.backend = backend;
        model = Model.load(path, backend);
        ops = backend.ops(workspace);
    }

    static OpenModel open(ModelOption option) {
        Path path = find(option.model);
        if (!Files.exists(path)) {
            throw new UsageException("there is no model " + path);
        }
        Backend backend = Backends.choose(Backends.threads(), option.arithmetic.of());
        try {
            return new OpenModel(path, backend);
        } catch (RuntimeException | Error e) {
            backend.close();
            throw e;
        }
    }

    /// The file or folder that a user means: a path, the name of a bundled model, or a model of the hub.
    static Path find(String nameOrPath) {
        if (HubName.isOne(nameOrPath)) {
            return ModelHub.find(nameOrPath);
        }
        Path path = Path.of(nameOrPath);
        if (Files.exists(path)) {
            return path;
        }
        Path bundled = Home.models().resolve(nameOrPath);
        if (Files.isDirectory(bundled)) {
            return bundled;
        }
        List<String> names = new ArrayList<>();
        try {
            for (Path folder : ModelsCommand.bundled()) {
                names.add(String.valueOf(folder.getFileName()));
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        throw new UsageException("no model \"" + nameOrPath + "\": neither a file or folder nor a bundled model"
                + Nearest.hint(nameOrPath, names) + " (see `clearhead models`)");
    }

    Model model() {
        return model;
    }

    Transformer transformer() {
        return model.transformer();
    }

    Ops ops() {
        return ops;
    }

    Optional<Tokenizer> tokenizer() {
        return model.hasTokenizer() ? Optional.of(model.tokenizer()) : Optional.empty();
    }

    String arithmetic() {
        return model.arithmetic().word();
    }

    String backend() {
        return backend.description();
    }

    /// `tales: 6 layers of 6 heads, context 256; exact arithmetic on …`.
    String describe() {
        Transformer t = transformer();
        String heads = t.heads()
                .map(h -> " of " + h.heads() + " heads"
                        + (h.kvHeads() == h.heads() ? "" : " (" + h.kvHeads() + " for keys and values)"))
                .orElse(" without attention");
        return model.name() + ": " + t.layers() + " layers" + heads + ", context " + t.context() + "; " + arithmetic()
                + " arithmetic, " + backend.name() + " backend";
    }

    /// Says which weight is no number, where the logits of these tokens are none.
    void requireFinite(int[] ids) {
        model.forward(ForwardPass.of(ops, ids).lastLogits());
        throw new IllegalStateException("the logits of model " + model.name() + " are no finite numbers");
    }

    @Override
    public void close() {
        model.close();
        workspace.close();
        backend.close();
    }
}
