package clearhead.train;

import clearhead.nn.ForwardPass;
import clearhead.nn.Transformer;
import clearhead.ops.Backend;
import clearhead.ops.Dropout;
import clearhead.ops.Ops;
import clearhead.ops.Sequences;
import clearhead.tensor.DType;
import clearhead.tensor.Tensor;
import clearhead.tensor.Workspace;

/// Runs a model forwards and backwards over batches, gathering gradients in its [Parameters].
public final class Learner implements AutoCloseable {
    private final Transformer model;
    private final DType type;
    private final Workspace activations = new Workspace();
    private final Workspace gradients = new Workspace();
    private final Ops ops;
    private final Tape tape;

    /// @param model over the values of `parameters`, see [Parameters#model]
    public Learner(Backend backend, Transformer model, Parameters parameters) {
        this.model = model;
        this.type = parameters.type();
        this.ops = backend.ops(activations);
        this.tape = new Tape(ops, backend, gradients);
        parameters.watch(tape);
    }

    /// Forward and backward; gradients of weight·Σ losses are added to the parameters'.
    ///
    /// @param inputs ids of all sequences, packed
    /// @param targets the next id of each; negative where none is to be learned
    /// @param weight usually 1/(tokens of the whole step)
    /// @return Σ of the losses, in nats
    public double learn(int[] inputs, int[] targets, Sequences sequences, double weight) {
        return learn(inputs, targets, sequences, weight, Dropout.NONE);
    }

    /// As above, dropping attention weights.
    public double learn(int[] inputs, int[] targets, Sequences sequences, double weight, Dropout dropout) {
        tape.reset();
        Tensor losses = losses(tape, inputs, targets, sequences, dropout);
        Tensor weights = activations.take(type, losses.shape());
        for (int i = 0; i < targets.length; i++) {
            weights.set(i, targets[i] < 0 ? 0 : weight);
        }
        tape.backward(losses, weights);
        return sum(losses);
    }

    /// Forward only.
    ///
    /// @return Σ of the losses, in nats
    public double loss(int[] inputs, int[] targets, Sequences sequences) {
        activations.reset();
        return sum(losses(ops, inputs, targets, sequences, Dropout.NONE));
    }

    /// Logits of the last token of a sequence.
    public float[] next(int... ids) {
        activations.reset();
        return model.forward(ForwardPass.of(ops, ids).lastLogits()).toFloats();
    }

    private Tensor losses(Ops ops, int[] inputs, int[] targets, Sequences sequences, Dropout dropout) {
        var pass = ForwardPass.of(ops, inputs, sequences).withDropout(dropout);
        Tensor logits = model.forward(pass); // [tokens, vocab]
        Tensor wanted = activations.take(DType.I32, targets.length);
        for (int i = 0; i < targets.length; i++) {
            wanted.set(i, targets[i]);
        }
        return ops.crossEntropy(logits, wanted);
    }

    private static double sum(Tensor losses) {
        double sum = 0;
        for (long i = 0; i < losses.size(); i++) {
            sum += losses.at(i);
        }
        return sum;
    }

    /// The model that learns.
    public Transformer model() {
        return model;
    }

    @Override
    public void close() {
        activations.close();
        gradients.close();
    }
}
