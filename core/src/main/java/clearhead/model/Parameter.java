package clearhead.model;

import clearhead.tensor.Shape;

/// One tensor that a model learns, as the layers use it, and how checkpoints hold it.
///
/// @param name unique in the model, such as `transformer.h.0.attn.q.weight`
/// @param shape of the tensor in memory; matrices are [out, in]
/// @param init what training starts from
/// @param stored where Hugging Face's checkpoints keep it
public record Parameter(String name, Shape shape, Init init, Stored stored) {

    /// Normally distributed values; `std` 0 makes them all `mean`.
    public record Init(double mean, double std) {
        /// As norm weights start.
        public static final Init ONES = new Init(1, 0);

        /// As biases start.
        public static final Init ZEROS = new Init(0, 0);

        public static Init normal(double std) {
            return new Init(0, std);
        }
    }

    /// A parameter's place in a checkpoint.
    ///
    /// @param name of the tensor there
    /// @param transposed whether it is [in, all] there (GPT-2's `Conv1D`) and not [all, in]
    /// @param first this parameter's first row (output) among all
    /// @param all rows (outputs) of the tensor there; several parameters may share it
    /// @param rotaryHeads heads of a query or key projection whose rotary pairs GGUF and llama2.c
    ///     order otherwise; 0 for everything else
    public record Stored(String name, boolean transposed, int first, int all, int rotaryHeads) {}

    /// A parameter that checkpoints hold as it is.
    static Parameter plain(String name, Init init, int... dims) {
        return new Parameter(name, new Shape(dims), init, new Stored(name, false, 0, dims[0], 0));
    }

    /// Query or key weights (or bias) of a model with rotary positions.
    static Parameter rotary(String name, Init init, int heads, int... dims) {
        return new Parameter(name, new Shape(dims), init, new Stored(name, false, 0, dims[0], heads));
    }

    /// Whether weight decay is customary: matrices yes, biases and norms no.
    public boolean decays() {
        return shape.rank() >= 2;
    }

    /// The shape of the tensor that holds this parameter in a checkpoint.
    Shape storedShape() {
        if (shape.rank() == 1) {
            return new Shape(stored.all());
        }
        return stored.transposed() ? new Shape(shape.dim(1), stored.all()) : new Shape(stored.all(), shape.dim(1));
    }
}
