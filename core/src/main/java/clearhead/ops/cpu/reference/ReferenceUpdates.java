package clearhead.ops.cpu.reference;

import clearhead.ops.AdamStep;
import clearhead.ops.Updates;
import clearhead.tensor.Tensor;

/// The obvious loops, in double.
public final class ReferenceUpdates implements Updates {
    @Override
    public void zero(Tensor slab) {
        slab.data().fill((byte) 0);
    }

    @Override
    public double squaredNorm(Tensor slab) {
        double sum = 0;
        for (long i = 0; i < slab.size(); i++) {
            double x = slab.at(i);
            sum += x * x;
        }
        return sum;
    }

    @Override
    public void adam(Tensor parameter, Tensor gradient, Tensor first, Tensor second, AdamStep step) {
        for (long i = 0; i < parameter.size(); i++) {
            double x = parameter.at(i);
            double g = step.gradientScale() * gradient.at(i) + step.coupledDecay() * x;
            double m = step.beta1() * first.at(i) + (1 - step.beta1()) * g;
            double v = step.beta2() * second.at(i) + (1 - step.beta2()) * g * g;
            double moved = step.keepBefore() * x - step.rate() * m / (Math.sqrt(v) + step.epsilon());
            parameter.set(i, step.keepAfter() * moved);
            first.set(i, m);
            second.set(i, v);
        }
    }
}
