package clearhead.bench;

import clearhead.model.Parameter;
import clearhead.nn.Attention;
import clearhead.nn.ForwardPass;
import clearhead.nn.Linear;
import clearhead.nn.Norm;
import clearhead.nn.Positions;
import clearhead.nn.Recurrent;
import clearhead.ops.AttentionSpec;
import clearhead.ops.Cell;
import clearhead.ops.Ops;
import clearhead.ops.Pairing;
import clearhead.ops.Recurrence;
import clearhead.tensor.DType;
import clearhead.tensor.Shape;
import clearhead.tensor.Tensor;
import clearhead.train.Parameters;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/// A small language model whose layers are x + mix(norm x), nothing else, so that what mixes the tokens is
/// all that differs.
///
/// @param embedding [vocab, dim]
/// @param head [vocab, dim]
record RecallModel(Tensor embedding, List<Layer> layers, Norm norm, Linear head) {
    /// @param norm before the mixing
    record Layer(Norm norm, Mixer mixer) {}

    /// What carries information from token to token.
    sealed interface Mixer {
        /// @param x [tokens, dim]
        /// @return [tokens, dim]
        Tensor forward(ForwardPass pass, int layer, Tensor x);
    }

    record Attending(Attention attention) implements Mixer {
        @Override
        public Tensor forward(ForwardPass pass, int layer, Tensor x) {
            return attention.forward(pass, layer, x);
        }
    }

    /// @param output [dim, hidden]
    record Recurring(Recurrent recurrent, Linear output) implements Mixer {
        @Override
        public Tensor forward(ForwardPass pass, int layer, Tensor x) {
            return output.forward(pass, recurrent.forward(pass, x));
        }
    }

    /// Which mixer, and how wide.
    ///
    /// @param hidden of a recurrent cell; of attention: dim
    record Kind(String name, Optional<Cell> cell, int dim, int heads, int hidden) {
        static Kind attention(int dim, int heads) {
            return new Kind("attention", Optional.empty(), dim, heads, dim);
        }

        /// As wide as it can be with no more parameters than attention.
        static Kind recurrent(String name, Cell cell, int dim) {
            int hidden = 1;
            while (mixing(cell, dim, hidden + 1) <= 4L * dim * dim) {
                hidden++;
            }
            return new Kind(name, Optional.of(cell), dim, 0, hidden);
        }

        private static long mixing(Cell cell, int dim, int hidden) {
            return (long) cell.gates() * hidden * (dim + hidden + 2) + (long) hidden * dim;
        }

        /// Numbers that a layer carries from token to token after so many of them.
        long carried(int tokens) {
            if (cell.isEmpty()) {
                return 2L * dim * tokens;
            }
            return cell.get() instanceof Cell.Lstm ? 2L * hidden : hidden;
        }

        List<Parameter> parameters(int vocab, int layers) {
            var all = new ArrayList<Parameter>();
            add(all, "embedding", 1, vocab, dim);
            for (int i = 0; i < layers; i++) {
                String p = "layer." + i + ".";
                all.add(parameter(p + "norm", Parameter.Init.ONES, dim));
                if (cell.isEmpty()) {
                    for (String part : List.of("query", "key", "value", "output")) {
                        add(all, p + part, dim, dim, dim);
                    }
                } else {
                    int wide = cell.get().gates() * hidden;
                    add(all, p + "input", dim, wide, dim);
                    all.add(parameter(p + "inputBias", Parameter.Init.ZEROS, wide));
                    add(all, p + "recurrent", hidden, wide, hidden);
                    all.add(parameter(p + "bias", Parameter.Init.ZEROS, wide));
                    add(all, p + "output", hidden, dim, hidden);
                }
            }
            all.add(parameter("norm", Parameter.Init.ONES, dim));
            add(all, "head", dim, vocab, dim);
            return all;
        }

        private static void add(List<Parameter> all, String name, int in, int... dims) {
            all.add(parameter(name, Parameter.Init.normal(1 / Math.sqrt(in)), dims));
        }

        private static Parameter parameter(String name, Parameter.Init init, int... dims) {
            return new Parameter(name, new Shape(dims), init, List.of(Parameter.Stored.whole(name, dims[0])));
        }

        /// The model over these values.
        RecallModel model(Parameters p, Arena arena, int layers, int context) {
            var all = new ArrayList<Layer>();
            for (int i = 0; i < layers; i++) {
                all.add(new Layer(new Norm.Rms(p.value("layer." + i + ".norm"), 1e-6), mixer(p, arena, i, context)));
            }
            return new RecallModel(
                    p.value("embedding"), all, new Norm.Rms(p.value("norm"), 1e-6), Linear.of(p.value("head")));
        }

        private Mixer mixer(Parameters p, Arena arena, int layer, int context) {
            String at = "layer." + layer + ".";
            if (cell.isEmpty()) {
                int headDim = dim / heads;
                return new Attending(new Attention(
                        AttentionSpec.causal(heads, heads, headDim),
                        Positions.Rope.of(arena, DType.F32, context, headDim, 10000, Pairing.HALVES),
                        Linear.of(p.value(at + "query")),
                        Linear.of(p.value(at + "key")),
                        Linear.of(p.value(at + "value")),
                        Linear.of(p.value(at + "output"))));
            }
            return new Recurring(
                    new Recurrent.OneWay(
                            Linear.of(p.value(at + "input"), p.value(at + "inputBias")),
                            Recurrence.of(cell.get(), p.value(at + "recurrent"), p.value(at + "bias"))),
                    Linear.of(p.value(at + "output")));
        }

        /// A forget gate that begins open. Jozefowicz et al. 2015.
        void open(Parameters p, int layers) {
            if (cell.isPresent() && cell.get() instanceof Cell.Lstm) {
                for (int i = 0; i < layers; i++) {
                    Tensor bias = p.value("layer." + i + ".bias");
                    for (int j = 2 * hidden; j < 3 * hidden; j++) {
                        bias.set(j, 1);
                    }
                }
            }
        }
    }

    /// @param rows I32 [rows]: which tokens' logits
    /// @return [rows, vocab]
    Tensor forward(ForwardPass pass, Tensor rows) {
        Ops ops = pass.ops();
        Tensor x = ops.embed(embedding, pass.ids());
        for (int i = 0; i < layers.size(); i++) {
            Layer layer = layers.get(i);
            x = ops.add(x, layer.mixer().forward(pass, i, layer.norm().forward(pass, x)));
        }
        return head.forward(pass, norm.forward(pass, ops.select(x, rows)));
    }
}
