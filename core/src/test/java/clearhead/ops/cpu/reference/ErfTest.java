package clearhead.ops.cpu.reference;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ErfTest {
    /// Values to 18 digits by mpmath.
    @ParameterizedTest
    @CsvSource({
        "1e-10, 1.12837916709551262e-10, 0.999999999887162083",
        "0.1, 0.112462916018284898, 0.887537083981715102",
        "0.5, 0.520499877813046538, 0.479500122186953462",
        "1, 0.842700792949714869, 0.157299207050285131",
        "1.5, 0.966105146475310727, 0.0338948535246892729",
        "1.99, 0.995111413199616997, 0.00488858680038300295",
        "2, 0.995322265018952734, 0.00467773498104726584",
        "2.01, 0.995524849355248237, 0.00447515064475176292",
        "2.5, 0.999593047982555041, 0.00040695201744495894",
        "3, 0.999977909503001415, 0.0000220904969985854414",
        "4, 0.9999999845827421, 1.54172579002800189e-8",
        "6, 0.999999999999999978, 2.15197367124989131e-17",
        "10, 1, 2.08848758376254476e-45",
        "26, 1, 5.66319240885614285e-296",
    })
    void agreesWithMpmath(double x, double erf, double erfc) {
        // x², exp, the sum and two products: half a unit in the last place each, exp a whole one
        assertEquals(erf, Erf.erf(x), 6 * 0x1p-53 * erf);
        assertEquals(-erf, Erf.erf(-x), 6 * 0x1p-53 * erf);
        // exp(−x²) is rounded where x² is: relative x²·2⁻⁵³
        assertEquals(erfc, Erf.erfc(x), erfc * (5e-14 + x * x * 1.2e-16));
        assertEquals(2 - erfc, Erf.erfc(-x), 4e-16);
    }

    @Test
    void endsOfTheLine() {
        assertEquals(0, Erf.erf(0));
        assertEquals(1, Erf.erf(Double.POSITIVE_INFINITY));
        assertEquals(0, Erf.erfc(Double.POSITIVE_INFINITY));
        assertEquals(2, Erf.erfc(Double.NEGATIVE_INFINITY));
        assertEquals(Double.NaN, Erf.erf(Double.NaN));
        assertEquals(Double.NaN, Erf.erfc(Double.NaN));
    }
}
