package clearhead.ops.cpu.vector;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/// exp and the error function's complement on vectors, to a few units in the last place. Not a
/// number stays so; what underflows is 0.
final class Transcendental {
    private static final VectorSpecies<Float> S = Lanes.FLOATS;

    /// Arguments of exp whose results are normal numbers.
    private static final float LOWEST = -87.33654f;

    private static final float HIGHEST = 88.72283f;
    private static final float LOG2_E = 1.44269504f;
    private static final float LN2_HIGH = 0.693359375f;
    private static final float LN2_LOW = -2.12194440e-4f;

    /// Adding it rounds to the nearest integer and leaves it in the low bits.
    private static final float ROUND = 0x1.8p23f;

    private Transcendental() {}

    /// e^x as 2^n·e^r with |r| ≤ ln 2 / 2; the polynomial in r is that of Moshier's Cephes `expf`.
    /// Below the smallest normal number it is 0, above the largest number infinite.
    static FloatVector exp(FloatVector x) {
        FloatVector shifted = x.fma(FloatVector.broadcast(S, LOG2_E), FloatVector.broadcast(S, ROUND));
        FloatVector n = shifted.sub(ROUND);
        FloatVector r = n.fma(FloatVector.broadcast(S, -LN2_LOW), n.fma(FloatVector.broadcast(S, -LN2_HIGH), x));
        FloatVector p = FloatVector.broadcast(S, 1.9875691500e-4f);
        p = p.fma(r, FloatVector.broadcast(S, 1.3981999507e-3f));
        p = p.fma(r, FloatVector.broadcast(S, 8.3334519073e-3f));
        p = p.fma(r, FloatVector.broadcast(S, 4.1665795894e-2f));
        p = p.fma(r, FloatVector.broadcast(S, 1.6666665459e-1f));
        p = p.fma(r, FloatVector.broadcast(S, 5.0000001201e-1f));
        p = p.fma(r.mul(r), r).add(1);
        // The sum of the exponents fits even where n is 128, for p is then below 1.
        FloatVector scaled = shifted.reinterpretAsInts()
                .lanewise(VectorOperators.LSHL, 23)
                .add(p.reinterpretAsInts())
                .reinterpretAsFloats();
        return scaled.blend(0, x.compare(VectorOperators.LT, LOWEST))
                .blend(Float.POSITIVE_INFINITY, x.compare(VectorOperators.GT, HIGHEST))
                .blend(x, x.compare(VectorOperators.NE, x));
    }

    /// exp(z²)·erfc(z) for 0 ≤ z ≤ 10 as t·p(t) with t = 1/(1 + z/2): a fit of our own, relative
    /// error below 3e-7 with the rounding of t.
    static FloatVector scaledErfc(FloatVector z) {
        FloatVector t =
                FloatVector.broadcast(S, 1).div(z.fma(FloatVector.broadcast(S, 0.5f), FloatVector.broadcast(S, 1)));
        FloatVector p = FloatVector.broadcast(S, -0.06010870635509491f);
        p = p.fma(t, FloatVector.broadcast(S, 0.2894461154937744f));
        p = p.fma(t, FloatVector.broadcast(S, -0.4968295693397522f));
        p = p.fma(t, FloatVector.broadcast(S, 0.2885151505470276f));
        p = p.fma(t, FloatVector.broadcast(S, -0.03339901939034462f));
        p = p.fma(t, FloatVector.broadcast(S, 0.20536042749881744f));
        p = p.fma(t, FloatVector.broadcast(S, 0.2424793839454651f));
        p = p.fma(t, FloatVector.broadcast(S, 0.28245383501052856f));
        p = p.fma(t, FloatVector.broadcast(S, 0.28208234906196594f));
        return p.mul(t);
    }
}
