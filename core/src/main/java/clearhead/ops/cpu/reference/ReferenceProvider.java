package clearhead.ops.cpu.reference;

import clearhead.ops.Arithmetic;
import clearhead.ops.Backend;
import clearhead.ops.BackendProvider;
import java.util.List;

/// Offers the reference backend: it runs everywhere, and is chosen where nothing faster can run.
public final class ReferenceProvider implements BackendProvider {
    @Override
    public String name() {
        return "reference";
    }

    @Override
    public int priority() {
        return 0;
    }

    @Override
    public List<String> obstacles() {
        return List.of();
    }

    @Override
    public Backend create(int threads, Arithmetic arithmetic) {
        return new ReferenceBackend();
    }
}
