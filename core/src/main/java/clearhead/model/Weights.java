package clearhead.model;

import clearhead.nn.Positions;
import clearhead.tensor.DType;
import clearhead.tensor.Tensor;
import java.lang.foreign.Arena;
import java.util.function.Function;
import java.util.function.Supplier;

/// Gives a [Family] the tensors of which it builds a model. Families ask [Parts], which ask these.
public interface Weights {
    /// Type of the activations that these weights imply: F32, or F64.
    DType type();

    /// Owner of what a model makes beside its weights, such as rotary tables.
    Arena arena();

    /// A table of which rows are looked up, row-major: [rows, dim].
    Tensor rows(Parameter p);

    /// A matrix [out, in] for [clearhead.ops.Ops#linear], perhaps packed.
    Tensor matrix(Parameter p);

    /// A bias or the weights of a norm, in [#type].
    Tensor vector(Parameter p);

    /// Tables that take time and memory and hold nothing learned.
    default Positions positions(Supplier<Positions> tables) {
        return tables.get();
    }

    /// Told of every stack of layers: what starts the names of their tensors, and how many there are.
    default void layers(String prefix, int count) {}

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
            public Tensor rows(Parameter p) {
                return byName.apply(p.name());
            }

            @Override
            public Tensor matrix(Parameter p) {
                return byName.apply(p.name());
            }

            @Override
            public Tensor vector(Parameter p) {
                return byName.apply(p.name());
            }
        };
    }
}
