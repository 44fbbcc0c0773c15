package clearhead.app;

import clearhead.nn.KvStorage;
import clearhead.tensor.DType;
import picocli.CommandLine.Option;

/// How keys and values of earlier tokens are stored.
final class CacheOption {
    enum Kind {
        f32(DType.F32),
        f16(DType.F16),
        bf16(DType.BF16),
        q8(DType.I8);

        private final DType type;

        Kind(DType type) {
            this.type = type;
        }
    }

    @Option(
            names = "--cache",
            paramLabel = "f32|f16|bf16|q8",
            defaultValue = "f32",
            description = "How keys and values of earlier tokens are stored: f16 and bf16 take half the"
                    + " memory, q8 about a quarter. Default: ${DEFAULT-VALUE}.")
    private Kind kind = Kind.f32;

    KvStorage storage() {
        return KvStorage.of(kind.type);
    }
}
