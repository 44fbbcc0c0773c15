package clearhead.ops.cpu.vector;

import clearhead.ops.Arithmetic;
import clearhead.ops.Backend;
import clearhead.ops.Ops;
import clearhead.tensor.DType;
import clearhead.tensor.Tensor;
import clearhead.tensor.Workspace;
import java.lang.foreign.Arena;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/// Small products on a thread beside, while the weights of a large model are still being packed, so that
/// the kernels are compiled when the first token wants them: until then a vector is an object, and the
/// first pass takes as long as ten others.
final class Practice {
    /// Weights from which on it is worth while.
    private static final long LARGE = 1 << 20;

    private static final int OUTPUTS = 64;
    private static final int INPUTS = 1024;
    private static final int TIMES = 200;

    /// A token alone, and a short prompt, in which every register block has its turn.
    private static final int[] TOKENS = {1, 15};

    private final Arithmetic arithmetic;
    private final Set<DType> done = ConcurrentHashMap.newKeySet();

    Practice(Arithmetic arithmetic) {
        this.arithmetic = arithmetic;
    }

    /// Begins if this weight is the first large one of its type.
    void with(Tensor weight) {
        if (weight.size() >= LARGE && done.add(weight.type())) {
            Thread.ofPlatform().daemon().name("clearhead-practice").start(() -> run(weight.type()));
        }
    }

    private void run(DType type) {
        try (Backend alone = new VectorBackend(1, arithmetic);
                Arena arena = Arena.ofShared();
                Workspace workspace = new Workspace()) {
            Ops ops = alone.ops(workspace);
            Tensor weight = alone.pack(Tensor.zeros(arena, type, OUTPUTS, INPUTS), arena);
            for (int tokens : TOKENS) {
                Tensor x = Tensor.zeros(arena, DType.F32, tokens, INPUTS);
                for (int i = 0; i < TIMES; i++) {
                    workspace.reset();
                    ops.linear(x, weight);
                }
            }
        }
    }
}
