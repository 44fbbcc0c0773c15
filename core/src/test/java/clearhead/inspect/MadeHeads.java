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
import clearhead.tensor.DType;
import clearhead.tensor.Tensor;
import java.lang.foreign.Arena;
import java.util.ArrayList;

/// A model whose heads do what they are said to, by weights set by hand. The residual stream holds the
/// token as a one-hot vector [VOCAB], the position likewise [CONTEXT], and the token before, which layer
/// 1's previous-token head writes there [VOCAB]. A head looks where query and key have the same one-hot.
///
/// Layer 0: four uniform heads. Layer 1: uniform, previous token, first token, self. Layer 2:
/// duplicate token, induction, uniform, and one that looks two tokens back.
final class MadeHeads {
    static final int VOCAB = 40;
    static final int CONTEXT = 64;
    private static final int DIM = 2 * VOCAB + CONTEXT;
    private static final int TOKEN = 0;
    private static final int POSITION = VOCAB;
    private static final int BEFORE = VOCAB + CONTEXT;
    private static final int HEADS = 4;
    private static final int HEAD_DIM = VOCAB + CONTEXT;
    private static final double SHARP = 4;

    private final Arena arena;
    private Tensor query;
    private Tensor key;
    private Tensor value;
    private Tensor output;

    private MadeHeads(Arena arena) {
        this.arena = arena;
        query = zeros(HEADS * HEAD_DIM, DIM);
        key = zeros(HEADS * HEAD_DIM, DIM);
        value = zeros(HEADS * HEAD_DIM, DIM);
        output = zeros(DIM, HEADS * HEAD_DIM);
    }

    static Transformer model(Arena arena) {
        var made = new MadeHeads(arena);
        var blocks = new ArrayList<Block>();
        blocks.add(made.block());
        for (int i = 0; i < CONTEXT; i++) {
            made.looks(1, POSITION + i, POSITION + Math.max(0, i - 1), i, SHARP);
            made.looks(2, POSITION + i, POSITION, 0, SHARP);
            made.looks(3, POSITION + i, POSITION + i, i, SHARP);
        }
        made.copies(1, BEFORE, 0.12);
        blocks.add(made.block());
        for (int t = 0; t < VOCAB; t++) {
            made.looks(0, TOKEN + t, TOKEN + t, t, SHARP);
            made.looks(1, TOKEN + t, BEFORE + t, t, SHARP);
        }
        for (int i = 0; i < CONTEXT; i++) {
            made.looks(0, POSITION + i, POSITION + i, VOCAB + i, -3 * SHARP);
            made.looks(3, POSITION + i, POSITION + Math.max(0, i - 2), i, SHARP);
        }
        made.copies(1, TOKEN, 1);
        blocks.add(made.block());
        Tensor embedding = zeros(arena, VOCAB, DIM);
        for (int t = 0; t < VOCAB; t++) {
            embedding.set((long) t * DIM + TOKEN + t, 1);
        }
        Tensor positions = zeros(arena, CONTEXT, DIM);
        for (int i = 0; i < CONTEXT; i++) {
            positions.set((long) i * DIM + POSITION + i, 1);
        }
        return new Transformer(
                embedding, new Positions.Learned(positions), blocks, made.norm(), Linear.of(embedding), CONTEXT);
    }

    /// Where the query's stream has `asks` and the key's has `has`, the score grows.
    private void looks(int head, int asks, int has, int element, double strength) {
        long row = (long) (head * HEAD_DIM + element) * DIM;
        query.set(row + asks, strength);
        key.set(row + has, 1);
        if (has != asks && asks >= POSITION && asks < BEFORE) {
            // The query at `asks` wants the key at another position: name the element after the key.
            query.set(row + asks, 0);
            key.set(row + has, 0);
            long named = (long) (head * HEAD_DIM + has - POSITION) * DIM;
            query.set(named + asks, strength);
            key.set(named + has, 1);
        }
    }

    /// The head writes the tokens that it looks at to the stream. The norm has made a one-hot about 8.5
    /// long.
    private void copies(int head, int to, double factor) {
        for (int t = 0; t < VOCAB; t++) {
            value.set((long) (head * HEAD_DIM + t) * DIM + TOKEN + t, factor);
            output.set((long) (to + t) * HEADS * HEAD_DIM + head * HEAD_DIM + t, 1);
        }
    }

    private Block block() {
        var block = new Block.PreNorm(
                norm(),
                new Attention(
                        AttentionSpec.causal(HEADS, HEADS, HEAD_DIM),
                        new Positions.None(),
                        Linear.of(query),
                        Linear.of(key),
                        Linear.of(value),
                        Linear.of(output)),
                norm(),
                new Mlp.Dense(Linear.of(zeros(8, DIM)), Linear.of(zeros(DIM, 8)), Activation.GELU_TANH));
        query = zeros(HEADS * HEAD_DIM, DIM);
        key = zeros(HEADS * HEAD_DIM, DIM);
        value = zeros(HEADS * HEAD_DIM, DIM);
        output = zeros(DIM, HEADS * HEAD_DIM);
        return block;
    }

    private Norm norm() {
        Tensor ones = zeros(DIM);
        for (int d = 0; d < DIM; d++) {
            ones.set(d, 1);
        }
        return new Norm.Rms(ones, 1e-6);
    }

    private Tensor zeros(int... dims) {
        return zeros(arena, dims);
    }

    private static Tensor zeros(Arena arena, int... dims) {
        return Tensor.zeros(arena, DType.F32, dims);
    }
}
