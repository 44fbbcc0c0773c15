package clearhead.ops.cpu.vector;

import clearhead.ops.Arithmetic;
import clearhead.ops.Backend;
import clearhead.ops.BackendProvider;
import java.util.List;

/// Offers the `vector` backend where the Vector API module is present. Touches none of its classes
/// before it is asked to create a backend.
public final class VectorBackendProvider implements BackendProvider {
    @Override
    public String name() {
        return "vector";
    }

    @Override
    public int priority() {
        return 100;
    }

    @Override
    public List<String> obstacles() {
        if (ModuleLayer.boot().findModule("jdk.incubator.vector").isEmpty()) {
            return List.of("the Vector API is not loaded: start Java with --add-modules" + " jdk.incubator.vector");
        }
        return List.of();
    }

    @Override
    public Backend create(int threads, Arithmetic arithmetic) {
        return new VectorBackend(threads, arithmetic);
    }
}
