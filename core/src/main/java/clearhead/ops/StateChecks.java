package clearhead.ops;

import clearhead.tensor.Tensor;
import java.util.Optional;

/// Arguments of the operations that carry a state along each sequence; see [Checks].
public final class StateChecks {
    private StateChecks() {}

    /// x [tokens, channels], weight [channels, kernel], bias [channels],
    /// state [sequences, kernel − 1, channels].
    public static void causalConvolution(
            Tensor x, Tensor weight, Optional<Tensor> bias, Sequences rows, Optional<Tensor> state) {
        String op = "causalConvolution";
        Checks.activation(op, "x", x, 2, "[tokens, channels]");
        Checks.real(op, "weight", weight, 2, "[channels, kernel]");
        Checks.rows(op, "weight", weight);
        Checks.axis(op, "weight [channels, kernel]", "channels", weight.dim(0), x.dim(1), "x [tokens, channels]");
        if (weight.dim(1) < 1) {
            throw new IllegalArgumentException(
                    op + ": kernel of weight [channels, kernel] must be at least 1, found 0");
        }
        bias.ifPresent(b -> Checks.vector(op, "bias", b, "channels", x.dim(1), "x [tokens, channels]"));
        Checks.axis(op, "x [tokens, channels]", "tokens", x.dim(0), rows.tokens(), "rows");
        state.ifPresent(s -> {
            Checks.activation(op, "state", s, 3, "[sequences, kernel - 1, channels]");
            Checks.type(op, "state", s, x.type());
            Checks.axis(op, "state", "sequences", s.dim(0), rows.count(), "rows");
            Checks.axis(op, "state", "kernel - 1", s.dim(1), weight.dim(1) - 1, "weight [channels, kernel]");
            Checks.axis(op, "state", "channels", s.dim(2), x.dim(1), "x [tokens, channels]");
        });
    }

    /// As [#causalConvolution], dOut like x, accumulators of the parameters' shapes.
    public static void causalConvolutionAdjoint(
            Tensor x,
            Tensor weight,
            Sequences rows,
            Optional<Tensor> state,
            Tensor dOut,
            Tensor intoWeight,
            Optional<Tensor> intoBias) {
        String op = "causalConvolution adjoint";
        causalConvolution(x, weight, Optional.empty(), rows, state);
        Checks.like(op, "dOut", dOut, "x", x);
        Checks.activation(op, "intoWeight", intoWeight, 2, "[channels, kernel]");
        Checks.shape(op, "intoWeight", intoWeight, "weight", weight);
        intoBias.ifPresent(b -> {
            Checks.activation(op, "intoBias", b, 1, "[channels]");
            Checks.axis(op, "intoBias", "channels", b.dim(0), x.dim(1), "x [tokens, channels]");
        });
    }

    /// query [tokens, heads, keyDim], key [tokens, kvHeads, keyDim], value [tokens, kvHeads, valueDim],
    /// state [sequences, kvHeads, keyDim, valueDim].
    public static void linearAttention(
            Tensor query, Tensor key, Tensor value, StateUpdate update, Sequences rows, Optional<Tensor> state) {
        String op = "linearAttention";
        Checks.activation(op, "query", query, 3, "[tokens, heads, keyDim]");
        Checks.activation(op, "key", key, 3, "[tokens, kvHeads, keyDim]");
        Checks.activation(op, "value", value, 3, "[tokens, kvHeads, valueDim]");
        Checks.type(op, "key", key, query.type());
        Checks.type(op, "value", value, query.type());
        Checks.axis(op, "query [tokens, …]", "tokens", query.dim(0), rows.tokens(), "rows");
        Checks.axis(op, "key [tokens, …]", "tokens", key.dim(0), query.dim(0), "query");
        Checks.axis(op, "value [tokens, …]", "tokens", value.dim(0), query.dim(0), "query");
        Checks.axis(op, "value [tokens, kvHeads, …]", "kvHeads", value.dim(1), key.dim(1), "key");
        Checks.axis(op, "key", "keyDim", key.dim(2), query.dim(2), "query");
        if (key.dim(1) == 0 || query.dim(1) % key.dim(1) != 0) {
            throw new IllegalArgumentException(op + ": heads of query must be a multiple of kvHeads, found "
                    + query.dim(1) + " heads and " + key.dim(1) + " kvHeads");
        }
        update.optionalDecay().ifPresent(decay -> {
            boolean each = decay.rank() == 3;
            Checks.activation(op, "decay", decay, each ? 3 : 2, "[tokens, kvHeads] or [tokens, kvHeads, keyDim]");
            perHead(op, "decay", decay, key);
            if (each) {
                Checks.axis(op, "decay", "keyDim", decay.dim(2), key.dim(2), "key");
            }
        });
        update.optionalRate().ifPresent(rate -> {
            Checks.activation(op, "rate", rate, 2, "[tokens, kvHeads]");
            perHead(op, "rate", rate, key);
        });
        state.ifPresent(s -> {
            Checks.activation(op, "state", s, 4, "[sequences, kvHeads, keyDim, valueDim]");
            Checks.type(op, "state", s, query.type());
            Checks.axis(op, "state", "sequences", s.dim(0), rows.count(), "rows");
            Checks.axis(op, "state", "kvHeads", s.dim(1), key.dim(1), "key");
            Checks.axis(op, "state", "keyDim", s.dim(2), key.dim(2), "key");
            Checks.axis(op, "state", "valueDim", s.dim(3), value.dim(2), "value");
        });
    }

    private static void perHead(String op, String name, Tensor t, Tensor key) {
        Checks.type(op, name, t, key.type());
        Checks.axis(op, name, "tokens", t.dim(0), key.dim(0), "key");
        Checks.axis(op, name, "kvHeads", t.dim(1), key.dim(1), "key");
    }

    /// As [#linearAttention], dOut [tokens, heads, valueDim].
    public static void linearAttentionAdjoint(
            Tensor query,
            Tensor key,
            Tensor value,
            StateUpdate update,
            Sequences rows,
            Optional<Tensor> state,
            Tensor dOut) {
        String op = "linearAttention adjoint";
        linearAttention(query, key, value, update, rows, state);
        Checks.activation(op, "dOut", dOut, 3, "[tokens, heads, valueDim]");
        Checks.type(op, "dOut", dOut, query.type());
        Checks.axis(op, "dOut", "tokens", dOut.dim(0), query.dim(0), "query");
        Checks.axis(op, "dOut", "heads", dOut.dim(1), query.dim(1), "query");
        Checks.axis(op, "dOut", "valueDim", dOut.dim(2), value.dim(2), "value");
    }

    /// x [tokens, heads, headDim], step [tokens, heads], input and output [tokens, groups, stateDim],
    /// state [sequences, heads, headDim, stateDim].
    public static void selectiveScan(
            Tensor x,
            Tensor step,
            Tensor input,
            Tensor output,
            StateSpace space,
            Sequences rows,
            Optional<Tensor> state) {
        String op = "selectiveScan";
        Checks.activation(op, "x", x, 3, "[tokens, heads, headDim]");
        Checks.activation(op, "step", step, 2, "[tokens, heads]");
        Checks.activation(op, "input", input, 3, "[tokens, groups, stateDim]");
        Checks.axis(op, "x [tokens, …]", "tokens", x.dim(0), rows.tokens(), "rows");
        Checks.type(op, "step", step, x.type());
        Checks.axis(op, "step", "tokens", step.dim(0), x.dim(0), "x");
        Checks.axis(op, "step", "heads", step.dim(1), x.dim(1), "x");
        Checks.type(op, "input", input, x.type());
        Checks.axis(op, "input", "tokens", input.dim(0), x.dim(0), "x");
        Checks.like(op, "output", output, "input", input);
        if (input.dim(1) == 0 || x.dim(1) % input.dim(1) != 0) {
            throw new IllegalArgumentException(op + ": heads of x must be a multiple of groups, found " + x.dim(1)
                    + " heads and " + input.dim(1) + " groups");
        }
        boolean each = space.decay().rank() == 2;
        Checks.activation(op, "decay", space.decay(), each ? 2 : 1, "[heads] or [heads, stateDim]");
        Checks.axis(op, "decay", "heads", space.decay().dim(0), x.dim(1), "x");
        if (each) {
            Checks.axis(op, "decay", "stateDim", space.decay().dim(1), input.dim(2), "input");
        }
        Checks.type(op, "decay", space.decay(), x.type());
        perChannel(op, "skip", space.skip(), "heads", x.dim(1), x);
        perChannel(op, "bias", space.bias(), "heads", x.dim(1), x);
        state.ifPresent(s -> {
            Checks.activation(op, "state", s, 4, "[sequences, heads, headDim, stateDim]");
            Checks.type(op, "state", s, x.type());
            Checks.axis(op, "state", "sequences", s.dim(0), rows.count(), "rows");
            Checks.axis(op, "state", "heads", s.dim(1), x.dim(1), "x");
            Checks.axis(op, "state", "headDim", s.dim(2), x.dim(2), "x");
            Checks.axis(op, "state", "stateDim", s.dim(3), input.dim(2), "input");
        });
    }

    private static void perChannel(String op, String name, Tensor t, String axis, int wanted, Tensor x) {
        Checks.type(op, name, t, x.type());
        Checks.vector(op, name, t, axis, wanted, "the tokens' own");
    }

    /// key and value [tokens, channels], decay and first [channels], state [sequences, 3, channels].
    public static void wkv(
            Tensor key, Tensor value, Tensor decay, Tensor first, Sequences rows, Optional<Tensor> state) {
        String op = "wkv";
        Checks.activation(op, "key", key, 2, "[tokens, channels]");
        Checks.like(op, "value", value, "key", key);
        Checks.axis(op, "key [tokens, …]", "tokens", key.dim(0), rows.tokens(), "rows");
        perChannel(op, "decay", decay, "channels", key.dim(1), key);
        perChannel(op, "first", first, "channels", key.dim(1), key);
        state.ifPresent(s -> {
            Checks.activation(op, "state", s, 3, "[sequences, 3, channels]");
            Checks.type(op, "state", s, key.type());
            Checks.axis(op, "state", "sequences", s.dim(0), rows.count(), "rows");
            Checks.axis(op, "state", "numerator, denominator, largest", s.dim(1), 3, "the operation");
            Checks.axis(op, "state", "channels", s.dim(2), key.dim(1), "key");
        });
    }
}
