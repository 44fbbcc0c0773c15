package clearhead.ops.cpu.vector;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/// exp and the error function's complement on vectors, to a few units in the last place. Not a
/// number stays so; what underflows is 0.
final class Transcendental {
    private static final VectorSpecies<Float> S = Lanes.FLOATS;

    /// Arguments of exp whose results are normal numbers.
    static final float LOWEST = -87.33654f;

    static final float HIGHEST = 88.72283f;
    static final float LOG2_E = 1.44269504f;
    static final float LN2_HIGH = 0.693359375f;
    static final float LN2_LOW = -2.12194440e-4f;

    /// Adding it rounds to the nearest integer and leaves it in the low bits.
    static final float ROUND = 0x1.8p23f;

    /// Coefficients from the highest power on, for [ScoreCompiler], which writes the same out.
    static final float[] EXP_P = {
        1.9875691500e-4f, 1.3981999507e-3f, 8.3334519073e-3f, 4.1665795894e-2f, 1.6666665459e-1f, 5.0000001201e-1f
    };

    static final float[] TANH_P = {0x1.cad434p-27f, 0x1.59c04ep-16f, 0x1.ca2b0cp-9f, 0x1.120aecp-3f, 1};
    static final float[] TANH_Q = {0x1.a17abp-21f, 0x1.588438p-12f, 0x1.a7f742p-6f, 0x1.de5ac0p-2f, 1};

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

    /// tanh x as x·p(x²)/q(x²) for |x| ≤ 9, ±1 beyond: a fit of our own, relative error below 4e-7 with
    /// rounding, near 0 as well. At most 1 in size, so that 1 − tanh² is not negative.
    static FloatVector tanh(FloatVector x) {
        FloatVector c = x.blend(9f, x.compare(VectorOperators.GT, 9f)).blend(-9f, x.compare(VectorOperators.LT, -9f));
        FloatVector y = c.mul(c);
        FloatVector p = FloatVector.broadcast(S, 0x1.cad434p-27f);
        p = p.fma(y, FloatVector.broadcast(S, 0x1.59c04ep-16f));
        p = p.fma(y, FloatVector.broadcast(S, 0x1.ca2b0cp-9f));
        p = p.fma(y, FloatVector.broadcast(S, 0x1.120aecp-3f));
        p = p.fma(y, FloatVector.broadcast(S, 1));
        FloatVector q = FloatVector.broadcast(S, 0x1.a17abp-21f);
        q = q.fma(y, FloatVector.broadcast(S, 0x1.588438p-12f));
        q = q.fma(y, FloatVector.broadcast(S, 0x1.a7f742p-6f));
        q = q.fma(y, FloatVector.broadcast(S, 0x1.de5ac0p-2f));
        q = q.fma(y, FloatVector.broadcast(S, 1));
        FloatVector t = c.mul(p).div(q);
        return t.blend(1, t.compare(VectorOperators.GT, 1)).blend(-1, t.compare(VectorOperators.LT, -1));
    }

    /// log(1 + e^x) as max(x, 0) + log(1 + e^−|x|), the logarithm as 2·artanh s = 2·(s + s³/3 + s⁵/5 + …)
    /// with s = e/(2 + e) ≤ 1/3.
    static FloatVector softplus(FloatVector x) {
        FloatVector e = exp(x.abs().neg());
        FloatVector s = e.div(e.add(2));
        FloatVector z = s.mul(s);
        FloatVector p = FloatVector.broadcast(S, 1 / 15f);
        p = p.fma(z, FloatVector.broadcast(S, 1 / 13f));
        p = p.fma(z, FloatVector.broadcast(S, 1 / 11f));
        p = p.fma(z, FloatVector.broadcast(S, 1 / 9f));
        p = p.fma(z, FloatVector.broadcast(S, 1 / 7f));
        p = p.fma(z, FloatVector.broadcast(S, 1 / 5f));
        p = p.fma(z, FloatVector.broadcast(S, 1 / 3f));
        FloatVector log = p.mul(z).fma(s, s).mul(2);
        return log.add(x.blend(0, x.compare(VectorOperators.LT, 0)));
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
