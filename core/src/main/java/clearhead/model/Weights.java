package clearhead.model;

import clearhead.nn.Linear;
import clearhead.nn.Norm;
import clearhead.tensor.DType;
import clearhead.tensor.Tensor;
import java.lang.foreign.Arena;
import java.util.function.Function;

/// Gives a [Family] the tensors of which it builds a model, by [Parameter#name].
public interface Weights {
    /// Type of the activations that these weights imply: F32, or F64.
    DType type();

    /// Owner of what a model makes beside its weights, such as rotary tables.
    Arena arena();

    /// A table of which rows are looked up, row-major: [rows, dim].
    Tensor rows(String name);

    /// A matrix [out, in] for [clearhead.ops.Ops#linear], perhaps packed.
    Tensor matrix(String name);

    /// A bias or the weights of a norm, in [#type].
    Tensor vector(String name);

    /// `prefix.weight`, and `prefix.bias` if there is one.
    default Linear linear(String prefix, boolean bias) {
        Tensor weight = matrix(prefix + ".weight");
        return bias ? Linear.of(weight, vector(prefix + ".bias")) : Linear.of(weight);
    }

    default Norm.Layer layerNorm(String prefix, double eps) {
        return new Norm.Layer(vector(prefix + ".weight"), vector(prefix + ".bias"), eps);
    }

    default Norm.Rms rmsNorm(String prefix, double eps) {
        return new Norm.Rms(vector(prefix + ".weight"), eps);
    }

    /// The tensors themselves, unpacked: for training, and for graphs in double precision. A name
    /// asked for twice gives the same tensor, so tied weights are one.
    ///
    /// @param type of all these tensors, F32 or F64
    static Weights of(Function<String, Tensor> byName, DType type, Arena arena) {
        return new Weights() {
            @Override
            public DType type() {
                return type;
            }

            @Override
            public Arena arena() {
                return arena;
            }

            @Override
            public Tensor rows(String name) {
                return byName.apply(name);
            }

            @Override
            public Tensor matrix(String name) {
                return byName.apply(name);
            }

            @Override
            public Tensor vector(String name) {
                return byName.apply(name);
            }
        };
    }
}
