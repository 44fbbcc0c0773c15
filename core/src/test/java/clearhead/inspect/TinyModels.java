package clearhead.inspect;

import clearhead.nn.Attention;
import clearhead.nn.Block;
import clearhead.nn.Linear;
import clearhead.nn.Mlp;
import clearhead.nn.Norm;
import clearhead.nn.Positions;
import clearhead.nn.Transformer;
import clearhead.ops.Activation;
import clearhead.ops.AttentionSpec;
import clearhead.ops.Pairing;
import clearhead.tensor.DType;
import clearhead.tensor.Tensor;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.Random;

/// Random models of the two families, small enough to look at by hand.
final class TinyModels {
    static final int DIM = 16;
    static final int VOCAB = 32;
    static final int LAYERS = 3;

    private TinyModels() {}

    /// Llama: RMSNorm, rotary, 4 query heads on 2 key heads, gated MLP.
    static Transformer llama(Arena arena) {
        return llama(arena, DType.F32);
    }

    /// The same numbers in F32 or F64.
    static Transformer llama(Arena arena, DType type) {
        return llama(arena, type, 256);
    }

    static Transformer llama(Arena arena, DType type, int context) {
        var random = new Random(7);
        var rope = Positions.Rope.of(arena, type, context, 4, 10000, Pairing.HALVES);
        var blocks = new ArrayList<Block>();
        for (int layer = 0; layer < LAYERS; layer++) {
            blocks.add(new Block.PreNorm(
                    new Norm.Rms(around(arena, type, random, 1, DIM), 1e-5),
                    new Attention(
                            AttentionSpec.causal(4, 2, 4),
                            rope,
                            linear(arena, type, random, 16, DIM),
                            linear(arena, type, random, 8, DIM),
                            linear(arena, type, random, 8, DIM),
                            linear(arena, type, random, DIM, 16)),
                    new Norm.Rms(around(arena, type, random, 1, DIM), 1e-5),
                    new Mlp.Gated(
                            linear(arena, type, random, 40, DIM),
                            linear(arena, type, random, 40, DIM),
                            linear(arena, type, random, DIM, 40),
                            Activation.SILU)));
        }
        Tensor embedding = around(arena, type, random, 0, VOCAB, DIM);
        return new Transformer(
                embedding,
                rope,
                blocks,
                new Norm.Rms(around(arena, type, random, 1, DIM), 1e-5),
                Linear.of(embedding),
                context);
    }

    /// The Llama above with its norms after adding, as BERT has them.
    static Transformer postNorm(Arena arena) {
        Transformer model = llama(arena);
        var blocks = new ArrayList<Block>();
        for (Block block : model.blocks()) {
            var b = (Block.PreNorm) block;
            blocks.add(new Block.PostNorm(b.attention(), b.attentionNorm(), b.mlp(), b.mlpNorm()));
        }
        return new Transformer(
                model.embedding(), model.positions(), blocks, model.finalNorm(), model.head(), model.context());
    }

    /// The Llama above with frequencies that shrink with the length beyond 4 tokens.
    static Transformer stretched(Arena arena) {
        Transformer model = llama(arena);
        var blocks = new ArrayList<Block>();
        Positions positions = new Positions.RopeByLength(
                Positions.Rope.of(arena, DType.F32, 4, 4, 10000, Pairing.HALVES),
                4,
                length -> new double[] {4.0 / length, 0.04 / length},
                1.1,
                Positions.RopeByLength.Keys.STAY);
        for (Block block : model.blocks()) {
            var b = (Block.PreNorm) block;
            Attention a = b.attention();
            var attention = a.withPositions(positions);
            blocks.add(new Block.PreNorm(b.attentionNorm(), attention, b.mlpNorm(), b.mlp()));
        }
        return new Transformer(model.embedding(), positions, blocks, model.finalNorm(), model.head(), model.context());
    }

    /// GPT-2: LayerNorm, learned positions, 2 heads, biases, dense MLP.
    static Transformer gpt2(Arena arena) {
        return gpt2(arena, DType.F32);
    }

    /// The same numbers in F32 or F64.
    static Transformer gpt2(Arena arena, DType type) {
        return gpt2(arena, type, 64);
    }

    static Transformer gpt2(Arena arena, DType type, int context) {
        var random = new Random(8);
        var blocks = new ArrayList<Block>();
        for (int layer = 0; layer < LAYERS; layer++) {
            blocks.add(new Block.PreNorm(
                    layerNorm(arena, type, random),
                    new Attention(
                            AttentionSpec.causal(2, 2, 8),
                            new Positions.None(),
                            biased(arena, type, random, 16, DIM),
                            biased(arena, type, random, 16, DIM),
                            biased(arena, type, random, 16, DIM),
                            biased(arena, type, random, DIM, 16)),
                    layerNorm(arena, type, random),
                    new Mlp.Dense(
                            biased(arena, type, random, 64, DIM),
                            biased(arena, type, random, DIM, 64),
                            Activation.GELU_TANH)));
        }
        Tensor embedding = around(arena, type, random, 0, VOCAB, DIM);
        return new Transformer(
                embedding,
                new Positions.Learned(around(arena, type, random, 0, context, DIM)),
                blocks,
                layerNorm(arena, type, random),
                Linear.of(embedding),
                context);
    }

    private static Norm layerNorm(Arena arena, DType type, Random random) {
        return new Norm.Layer(around(arena, type, random, 1, DIM), around(arena, type, random, 0, DIM), 1e-5);
    }

    private static Linear linear(Arena arena, DType type, Random random, int out, int in) {
        return Linear.of(around(arena, type, random, 0, out, in));
    }

    private static Linear biased(Arena arena, DType type, Random random, int out, int in) {
        return Linear.of(around(arena, type, random, 0, out, in), around(arena, type, random, 0, out));
    }

    private static Tensor around(Arena arena, DType type, Random random, double mean, int... dims) {
        Tensor t = Tensor.zeros(arena, type, dims);
        for (long i = 0; i < t.size(); i++) {
            t.set(i, (float) (mean + 0.5 * random.nextGaussian()));
        }
        return t;
    }
}
