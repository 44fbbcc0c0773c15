package clearhead.ops;

/// The numbers of one step of Adam, as [Updates#adam] applies them to each element:
///
///     g ← gradientScale·g + coupledDecay·x
///     m ← beta1·m + (1 − beta1)·g
///     v ← beta2·v + (1 − beta2)·g²
///     x ← keepAfter·(keepBefore·x − rate·m/(√v + epsilon))
///
/// Kingma and Ba 2015, arXiv:1412.6980, algorithm 1 with the bias corrections drawn into `rate` and
/// `epsilon` (its section 2); Loshchilov and Hutter 2019, arXiv:1711.05101, algorithm 2, for
/// decoupled decay.
///
/// @param gradientScale factor on the gradient: clipping
/// @param coupledDecay L2 regularisation, added to the gradient; 0 for AdamW
/// @param keepBefore 1 − learning rate·decay for AdamW, else 1
/// @param rate learning rate·√(1 − beta2^step)/(1 − beta1^step)
/// @param epsilon ε·√(1 − beta2^step)
/// @param keepAfter factor on the new value, usually 1
public record AdamStep(
        double beta1,
        double beta2,
        double gradientScale,
        double coupledDecay,
        double keepBefore,
        double rate,
        double epsilon,
        double keepAfter) {

    /// Decoupled decay with bias correction.
    ///
    /// @param step from 1
    public static AdamStep decoupled(
            long step,
            double learningRate,
            double beta1,
            double beta2,
            double epsilon,
            double decay,
            double gradientScale) {
        double correction1 = 1 - Math.pow(beta1, step);
        double root2 = Math.sqrt(1 - Math.pow(beta2, step));
        return new AdamStep(
                beta1,
                beta2,
                gradientScale,
                0,
                1 - learningRate * decay,
                learningRate * root2 / correction1,
                epsilon * root2,
                1);
    }
}
