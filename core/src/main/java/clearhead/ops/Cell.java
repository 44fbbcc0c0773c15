package clearhead.ops;

import java.util.List;

/// What a recurrent layer does at each token, from what the layer below sends, x (its products with the
/// input weights, [gates·hidden]), and from its own state before, h. Rows of weights, biases and products
/// are blocks of `hidden`, one a gate, in ONNX's order: i, o, f, c for [Lstm] and z, r, h for [Gru].
///
/// `clip` bounds the sums that enter the gates and the candidate to ±clip; infinite: no bound. As in
/// ONNX Runtime it does not bound what enters the last squash of an LSTM.
public sealed interface Cell {
    /// Blocks of x and of the recurrent weight.
    int gates();

    /// Blocks of what is kept for the way back.
    int kept();

    double clip();

    /// All squashes of the cell.
    List<Squash> squashes();

    /// Elman 1990, tanh.
    static Rnn rnn() {
        return new Rnn(Squash.TANH, Double.POSITIVE_INFINITY);
    }

    /// The usual LSTM, with a forget gate.
    static Lstm lstm() {
        return new Lstm(Squash.SIGMOID, Squash.TANH, Squash.TANH, false, Double.POSITIVE_INFINITY);
    }

    /// The GRU that fast implementations have: the reset gate comes after the product.
    static Gru gru() {
        return new Gru(Squash.SIGMOID, Squash.TANH, true, Double.POSITIVE_INFINITY);
    }

    /// h = squash(x + R·h + b). Elman 1990, Finding Structure in Time.
    record Rnn(Squash squash, double clip) implements Cell {
        public Rnn {
            requireClip(clip);
        }

        @Override
        public int gates() {
            return 1;
        }

        @Override
        public int kept() {
            return 1;
        }

        @Override
        public List<Squash> squashes() {
            return List.of(squash);
        }
    }

    /// i, f = gate(x + R·h + b + P∘c); c = f∘c + i∘candidate(x + R·h + b); o = gate(x + R·h + b + P∘c);
    /// h = o∘output(c). Hochreiter and Schmidhuber 1997; forget gate, Gers et al. 2000; peepholes P, which
    /// may be absent, Gers and Schmidhuber 2000.
    ///
    /// @param gate of i, o and f
    /// @param coupled f is 1 − i; its block of x, R, b and P is not used
    record Lstm(Squash gate, Squash candidate, Squash output, boolean coupled, double clip) implements Cell {
        public Lstm {
            requireClip(clip);
        }

        @Override
        public int gates() {
            return 4;
        }

        @Override
        public int kept() {
            return 4;
        }

        @Override
        public List<Squash> squashes() {
            return List.of(gate, candidate, output);
        }
    }

    /// z, r = gate(x + R·h + b); n = candidate(x + R·(r∘h) + b), or candidate(x + r∘(R·h + b)) where the
    /// product comes before the reset; h = (1 − z)∘n + z∘h. Cho et al. 2014, arXiv:1406.1078; z as in ONNX,
    /// which is 1 − z of the paper.
    ///
    /// @param gate of z and r
    record Gru(Squash gate, Squash candidate, boolean linearBeforeReset, double clip) implements Cell {
        public Gru {
            requireClip(clip);
        }

        @Override
        public int gates() {
            return 3;
        }

        /// R·h + b of the candidate is kept, too.
        @Override
        public int kept() {
            return linearBeforeReset ? 4 : 3;
        }

        @Override
        public List<Squash> squashes() {
            return List.of(gate, candidate);
        }
    }

    private static void requireClip(double clip) {
        if (!(clip > 0)) {
            throw new IllegalArgumentException("clip must be above 0 (infinite: no bound), got " + clip);
        }
    }
}
