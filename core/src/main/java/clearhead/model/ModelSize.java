package clearhead.model;

import clearhead.io.Checkpoint;
import clearhead.nn.Encoder;
import clearhead.nn.EncoderDecoder;
import clearhead.nn.KvCache;
import clearhead.nn.Network;
import clearhead.nn.Transformer;
import clearhead.ops.AttentionSpec;
import clearhead.ops.Backend;
import clearhead.ops.KvView;
import clearhead.tensor.DType;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/// What a model is and needs, known without reading its weights.
///
/// @param name of its folder or file
/// @param family `llama`, `gpt2`: the `model_type`
/// @param heads the sizes of attention in the first layer that has it
/// @param dim width of the residual stream
/// @param context most positions of one sequence
/// @param parameters learned values
/// @param types how many values the file stores in each type, by the file format's own names
/// @param fileBytes of all tensors of the file
/// @param needs what loading takes
/// @param cacheBytes of keys and values of one more position, in float32
/// @param stateBytes of one sequence, whatever its length
public record ModelSize(
        String name,
        String family,
        int layers,
        Optional<AttentionSpec> heads,
        int dim,
        int vocab,
        int context,
        long parameters,
        Map<String, Long> types,
        long fileBytes,
        Needs needs,
        long cacheBytes,
        long stateBytes) {

    /// Bytes that a loaded model holds.
    ///
    /// @param packed copies that the backend makes of matrices
    /// @param inPlace matrices that it reads where they are in the mapped file
    /// @param vectors norms and biases, in float32
    public record Needs(long packed, long inPlace, long vectors) {
        /// All of it: pages of the file that each token wants are worth as much as a copy.
        public long memory() {
            return Math.addExact(Math.addExact(packed, inPlace), vectors);
        }
    }

    /// Of a file or folder as [Model#load] takes it.
    ///
    /// @param backend that would run it
    /// @throws clearhead.io.ModelFileException if a file is missing, malformed or not supported
    public static ModelSize of(Path path, Backend backend) {
        try (ModelSource source = ModelSource.open(path);
                Arena arena = Arena.ofShared()) {
            Architecture architecture = Architecture.of(source.config());
            Checkpoint checkpoint = source.checkpoint();
            var weights = new CheckpointWeights(checkpoint, architecture, CheckpointWeights.Packing.NONE, arena);
            var types = new TreeMap<String, Long>();
            long bytes = 0;
            for (Checkpoint.Entry entry : checkpoint.entries()) {
                types.merge(entry.type(), entry.shape().size(), Long::sum);
                bytes += entry.bytes();
            }
            Network drawn = architecture.drawn();
            Transformer transformer = switch (drawn) {
                case Transformer t -> t;
                case Encoder encoder -> encoder.trunk();
                case EncoderDecoder both -> both.decoder();
            };
            long states = KvCache.bytes(transformer, 0);
            return new ModelSize(
                    source.name(),
                    architecture.name(),
                    drawn.layers(),
                    transformer.heads(),
                    drawn.dim(),
                    drawn.vocab(),
                    drawn.context(),
                    architecture.size(),
                    types,
                    bytes,
                    of(architecture, weights, backend),
                    (KvCache.bytes(transformer, KvView.PAGE) - states) / KvView.PAGE,
                    states);
        }
    }

    static Needs of(Architecture architecture, CheckpointWeights weights, Backend backend) {
        long packed = 0;
        long inPlace = 0;
        for (Parameter p : architecture.matrices()) {
            DType type = weights.storedType(p);
            long copy = backend.packedBytes(type, p.shape());
            packed = Math.addExact(packed, copy);
            if (copy == 0) {
                // a matrix of a type in blocks may be cut where no block ends: up to the next one
                long blocks = Math.ceilDiv(p.shape().size(), (long) type.blockSize());
                inPlace = Math.addExact(inPlace, Math.multiplyExact(blocks, (long) type.blockBytes()));
            }
        }
        long vectors = 0;
        for (Parameter p : architecture.vectors()) {
            vectors = Math.addExact(vectors, DType.F32.bytes(p.shape().size()));
        }
        return new Needs(packed, inPlace, vectors);
    }
}
