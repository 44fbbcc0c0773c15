package clearhead.model;

import clearhead.tensor.Shape;
import java.util.List;

/// One tensor that a model learns, as the layers use it, and where checkpoints hold it.
///
/// @param name unique in the model, such as `transformer.h.0.attn.q.weight`
/// @param shape of the tensor in memory; matrices are [out, in]
/// @param init what training starts from
/// @param places where Hugging Face's checkpoints keep it: the first that a file has is read, the first
///     of all is written
public record Parameter(String name, Shape shape, Init init, List<Stored> places) {
    public Parameter {
        places = List.copyOf(places);
    }

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

    /// What is done to the numbers of a Hugging Face checkpoint; a GGUF holds them changed already.
    public enum Change {
        NONE,
        /// stored + 1: Gemma's norms.
        PLUS_ONE,
        /// −e^stored: Mamba's `A_log`.
        NEGATIVE_EXP
    }

    /// Rows of a stored matrix: `run` rows from `first` on, then `run` rows `stride` further, and so on.
    ///
    /// @param all rows that are stored
    public record Rows(int first, int run, int stride, int all) {
        /// `count` rows in one piece.
        public static Rows of(int first, int count, int all) {
            return new Rows(first, count, all, all);
        }

        int at(int row) {
            return first + row / run * stride + row % run;
        }
    }

    /// A parameter's place in a checkpoint.
    ///
    /// @param name of the tensor there
    /// @param index which of the `count` matrices of a tensor [count, …]; several experts share one
    /// @param count 0 where the tensor is the matrix itself
    /// @param transposed whether a matrix is [in, all] there (GPT-2's `Conv1D`) and not [all, in]
    /// @param rows which rows (outputs) of the stored ones are this parameter's
    /// @param rotaryHeads heads of a query or key projection whose rotary pairs GGUF (of llama's kind)
    ///     and llama2.c order otherwise; 0 for everything else
    public record Stored(
            String name, int index, int count, boolean transposed, Rows rows, int rotaryHeads, Change change) {

        /// A tensor that is stored as it is used.
        public static Stored whole(String name, int rows) {
            return new Stored(name, 0, 0, false, Rows.of(0, rows, rows), 0, Change.NONE);
        }

        /// Some rows of a tensor.
        public static Stored part(String name, Rows rows) {
            return new Stored(name, 0, 0, false, rows, 0, Change.NONE);
        }

        public Stored asTransposed() {
            return new Stored(name, index, count, true, rows, rotaryHeads, change);
        }

        /// One of the matrices of a tensor [count, …].
        public Stored ofMany(int which, int howMany) {
            return new Stored(name, which, howMany, transposed, rows, rotaryHeads, change);
        }

        public Stored asRotary(int heads) {
            return new Stored(name, index, count, transposed, rows, heads, change);
        }

        public Stored with(Change other) {
            return new Stored(name, index, count, transposed, rows, rotaryHeads, other);
        }
    }

    /// Columns of it as a matrix of its first axis and all others.
    int columns() {
        return Math.toIntExact(shape.size() / shape.dim(0));
    }

    /// Where it is written.
    public Stored stored() {
        return places.getFirst();
    }

    /// Whether weight decay is customary: matrices yes, biases and norms no.
    public boolean decays() {
        return shape.rank() >= 2;
    }

    /// The shape of the tensor at one of its places.
    Shape storedShape(Stored place) {
        int all = place.rows().all();
        if (shape.rank() == 1) {
            return place.count() > 0 ? new Shape(place.count(), all) : new Shape(all);
        }
        if (shape.rank() > 2) {
            int[] dims = shape.dims();
            dims[0] = all;
            return new Shape(dims);
        }
        int in = shape.dim(1);
        int rows = place.transposed() ? in : all;
        int columns = place.transposed() ? all : in;
        return place.count() > 0 ? new Shape(place.count(), rows, columns) : new Shape(rows, columns);
    }

    /// The shape of the tensor that holds this parameter in a checkpoint that we write.
    Shape storedShape() {
        return storedShape(stored());
    }
}
