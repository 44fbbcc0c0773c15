package clearhead.nn;

import clearhead.ops.Activation;
import clearhead.ops.Ops;
import clearhead.tensor.Tensor;

/// What happens to the head's products before they are logits.
public sealed interface LogitRule {
    LogitRule NONE = new None();

    /// @param x [rows, vocab]
    /// @return [rows, vocab]
    Tensor forward(ForwardPass pass, Tensor x);

    /// Nothing.
    record None() implements LogitRule {
        @Override
        public Tensor forward(ForwardPass pass, Tensor x) {
            return x;
        }
    }

    /// bound·tanh(x/bound): Gemma 2, arXiv:2408.00118; nanochat.
    record Capped(double bound) implements LogitRule {
        @Override
        public Tensor forward(ForwardPass pass, Tensor x) {
            Ops ops = pass.ops();
            return ops.scale(ops.activate(Activation.TANH, ops.scale(x, 1 / bound)), bound);
        }
    }

    /// Times a constant: Cohere's `logit_scale`, one over Granite's `logits_scaling`.
    record Scaled(double factor) implements LogitRule {
        @Override
        public Tensor forward(ForwardPass pass, Tensor x) {
            return pass.ops().scale(x, factor);
        }
    }
}
