package clearhead.model;

import clearhead.io.Checkpoint;
import clearhead.io.Json;
import clearhead.io.ModelFileException;
import clearhead.nn.Encoder;
import clearhead.nn.EncoderDecoder;
import clearhead.nn.ForwardPass;
import clearhead.nn.Network;
import clearhead.nn.ReadText;
import clearhead.nn.Transformer;
import clearhead.ops.Arithmetic;
import clearhead.ops.Backend;
import clearhead.tensor.DType;
import clearhead.tensor.Memory;
import clearhead.tensor.Tensor;
import clearhead.tokenizer.Tokenizer;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.stream.Collectors;

/// A model ready to run: its layers, its vocabulary and what its files say about both. Safe to share
/// between threads; each needs [clearhead.ops.Ops] of its own.
///
/// ```java
/// try (var backend = Backends.choose(); var model = Model.load("models/tales", backend)) {
///     var ops = backend.ops(new Workspace());
///     Tensor logits = model.forward(ForwardPass.of(ops, model.tokenizer().encode("Once")));
/// }
/// ```
public final class Model implements AutoCloseable {
    private final ModelSource source;
    private final Backend backend;
    private final Architecture architecture;
    private final Network network;
    private final Arena arena = Arena.ofShared();
    private final long bytes;

    private Model(ModelSource source, Backend backend) {
        this.source = source;
        this.backend = backend;
        try {
            architecture = Architecture.of(source.config());
            Checkpoint checkpoint = source.checkpoint();
            bytes = checkpoint.entries().stream()
                    .mapToLong(Checkpoint.Entry::bytes)
                    .sum();
            var weights = new CheckpointWeights(checkpoint, architecture, backend::pack, arena);
            Memory.require(
                    "model " + source.name(),
                    ModelSize.of(architecture, weights, backend).memory(),
                    "choose a smaller model or a more quantized file");
            network = architecture.build(weights);
        } catch (RuntimeException | Error e) {
            close();
            throw e;
        }
    }

    /// Loads a model.
    ///
    /// @param path a folder with `config.json` and safetensors, or a file: `.gguf`,
    ///     `.safetensors` with `config.json` beside it, an exported encoder's `.onnx`, or llama2.c's `.bin`
    /// @param backend that will run it; the model must be closed before it
    /// @throws ModelFileException if a file is missing, malformed or not supported
    public static Model load(Path path, Backend backend) {
        return new Model(ModelSource.open(path), backend);
    }

    public static Model load(String path, Backend backend) {
        return load(Path.of(path), backend);
    }

    /// What to call it: the name of its folder or file.
    public String name() {
        return source.name();
    }

    /// Where it came from.
    public Path path() {
        return source.path();
    }

    /// What its files say, in the words of `config.json`.
    public Config config() {
        return source.config();
    }

    public Architecture architecture() {
        return architecture;
    }

    /// The whole model, of whatever kind.
    public Network network() {
        return network;
    }

    /// The blocks of the model, to run or to see: a decoder, or the trunk of an encoder, whose tokens see
    /// each other in both directions. The decoder of an encoder-decoder runs only with a text to read.
    public Transformer transformer() {
        return switch (network) {
            case Transformer transformer -> transformer;
            case Encoder encoder -> encoder.trunk();
            case EncoderDecoder both -> both.decoder();
        };
    }

    /// The model as an encoder.
    ///
    /// @throws ModelFileException if it is none
    public Encoder encoder() {
        if (network instanceof Encoder encoder) {
            return encoder;
        }
        throw new ModelFileException(
                path(),
                "a " + architecture.name() + " is no encoder of BERT's kind; generate continues a text with it");
    }

    /// The model as an encoder-decoder.
    ///
    /// @throws ModelFileException if it is none
    public EncoderDecoder encoderDecoder() {
        if (network instanceof EncoderDecoder both) {
            return both;
        }
        throw new ModelFileException(
                path(),
                "a " + architecture.name() + " is no encoder-decoder, which reads one text and writes another; "
                        + (network instanceof Encoder
                                ? "use embed or fill with it"
                                : "generate continues a text with it"));
    }

    /// Reads texts with the encoder of an encoder-decoder, see [EncoderDecoder#read].
    public ReadText read(ForwardPass pass) {
        requireIds(pass.ids());
        return encoderDecoder().read(pass);
    }

    /// Whether it continues a text.
    public boolean isDecoder() {
        return network instanceof Transformer;
    }

    /// Refuses a model that cannot continue a text.
    ///
    /// @throws ModelFileException if it is no decoder
    public void requireDecoder() {
        if (network instanceof EncoderDecoder) {
            throw new ModelFileException(
                    path(),
                    "a " + architecture.name() + " is an encoder-decoder, which reads one text and writes another;"
                            + " use translate with it");
        }
        if (network instanceof Encoder) {
            throw new ModelFileException(
                    path(),
                    "a " + architecture.name() + " is an encoder, which continues no text; use embed or fill with it");
        }
    }

    public Backend backend() {
        return backend;
    }

    /// How its weights are multiplied: fast where the backend does and some of them are quantized.
    public Arithmetic arithmetic() {
        Set<String> quantized = Arrays.stream(DType.values())
                .filter(DType::isQuantized)
                .map(Enum::name)
                .collect(Collectors.toSet());
        boolean some = checkpoint().entries().stream().anyMatch(e -> quantized.contains(e.type()));
        return some ? backend.arithmetic() : Arithmetic.EXACT;
    }

    /// The file, as stored.
    public Checkpoint checkpoint() {
        return source.checkpoint();
    }

    /// Bytes of its weights.
    public long bytes() {
        return bytes;
    }

    /// Most positions of one sequence.
    public int context() {
        return network.context();
    }

    /// Whether it came with a vocabulary.
    public boolean hasTokenizer() {
        return source.tokenizer().isPresent();
    }

    /// Its vocabulary.
    ///
    /// @throws ModelFileException if it has none; such a model works with ids
    public Tokenizer tokenizer() {
        return source.tokenizer().orElseThrow(() -> new ModelFileException(path(), source.tokenizerProblem()));
    }

    /// The token before the first one.
    public OptionalInt bos() {
        OptionalInt bos = config().bos();
        return bos.isPresent() || !hasTokenizer() ? bos : tokenizer().bos();
    }

    /// The tokens after which nothing comes.
    public Set<Integer> eos() {
        Set<Integer> eos = config().eos();
        if (eos.isEmpty() && hasTokenizer() && tokenizer().eos().isPresent()) {
            return Set.of(tokenizer().eos().getAsInt());
        }
        return eos;
    }

    /// The chat template, as written: Jinja.
    public Optional<String> chatTemplate() {
        return source.chatTemplate();
    }

    /// Runs a pass.
    ///
    /// @return [rows, vocab]: the logits asked for
    /// @throws ModelFileException if they are no finite numbers because a weight is none
    /// @throws IllegalStateException if they are no finite numbers though all weights are
    public Tensor forward(ForwardPass pass) {
        requireIds(pass.ids());
        Tensor logits = transformer().forward(pass);
        if (Elements.firstNotFinite(logits) >= 0) {
            CheckpointWeights.requireFinite(checkpoint());
            throw new IllegalStateException(
                    "model " + name() + " gives logits that are no finite numbers, though its weights"
                            + " are finite: its activations overflow");
        }
        return logits;
    }

    /// Refuses ids outside the vocabulary before a kernel reads them.
    private void requireIds(Tensor ids) {
        int vocab = network.vocab();
        for (long i = 0; i < ids.size(); i++) {
            int id = ids.intAt(i);
            if (id < 0 || id >= vocab) {
                throw new IllegalArgumentException(
                        "token " + i + " has the id " + id + "; ids of model " + name() + " are 0 to " + (vocab - 1));
            }
        }
    }

    /// Every parameter as stored, by [Parameter#name], unpacked: for export and for training on.
    ///
    /// @param owner of what has to be rearranged
    public Weights unpacked(Arena owner) {
        return new CheckpointWeights(checkpoint(), architecture, CheckpointWeights.Packing.NONE, owner);
    }

    /// The `config.json` that [Exported] tensors of this model want beside them.
    public Json.Obj exportedConfig() {
        var fields = new LinkedHashMap<String, Object>(architecture.config());
        for (String key : List.of("bos_token_id", "eos_token_id")) {
            config().json().find(key).ifPresent(value -> fields.put(key, value));
        }
        return Json.object(fields);
    }

    @Override
    public final void close() {
        arena.close();
        source.close();
    }
}
