package clearhead.train;

import clearhead.ops.AdamStep;
import clearhead.ops.Updates;
import clearhead.tensor.Tensor;

/// Adam with decoupled weight decay and clipping by the global norm. Loshchilov and Hutter 2019,
/// arXiv:1711.05101, algorithm 2; Pascanu et al. 2013, arXiv:1211.5063, algorithm 1.
///
/// @param beta1 memory of the mean gradient
/// @param beta2 memory of the mean square
/// @param epsilon added to the root of the mean square
/// @param decay of parameters with two or more axes, times the learning rate, each step
/// @param clip largest norm of all gradients together; infinite for no clipping
public record AdamW(double beta1, double beta2, double epsilon, double decay, double clip) {

    /// Added to the norm before dividing by it, as PyTorch does.
    private static final double NORM_EPSILON = 1e-6;

    /// Changes the values by their gradients and sets the gradients to 0.
    ///
    /// @param step from 1, for the bias correction
    /// @return norm of all gradients, before clipping
    public double step(Updates updates, Parameters parameters, long step, double learningRate) {
        double norm = Math.sqrt(updates.squaredNorm(parameters.gradients()));
        double scale = Math.min(1, clip / (norm + NORM_EPSILON));
        int all = parameters.values().dim(0);
        int decaying = parameters.decaying();
        part(updates, parameters, 0, decaying, rates(step, learningRate, decay, scale));
        part(updates, parameters, decaying, all, rates(step, learningRate, 0, scale));
        updates.zero(parameters.gradients());
        return norm;
    }

    private AdamStep rates(long step, double learningRate, double decay, double scale) {
        return AdamStep.decoupled(step, learningRate, beta1, beta2, epsilon, decay, scale);
    }

    private static void part(Updates updates, Parameters p, int from, int to, AdamStep step) {
        if (from < to) {
            Tensor values = p.values().rows(from, to);
            Tensor gradients = p.gradients().rows(from, to);
            updates.adam(values, gradients, p.first().rows(from, to), p.second().rows(from, to), step);
        }
    }
}
