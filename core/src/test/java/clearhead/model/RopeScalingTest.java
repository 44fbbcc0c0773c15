package clearhead.model;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import clearhead.io.Json;
import clearhead.io.ModelFileException;
import clearhead.testing.SharedData;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/// Rotary frequencies against published values and against those of transformers.
class RopeScalingTest {
    private static final String VECTORS = "vectors/rope/rope_and_masks.json";

    static Json.Obj golden() {
        return Json.readObject(SharedData.repository().resolve("core/src/test/resources/clearhead/model/rope.json"));
    }

    static Stream<Arguments> published() {
        Json.Obj rope = Json.readObject(SharedData.path(VECTORS)).object("rope");
        Json.Arr cases = rope.array("cases");
        return IntStream.range(0, cases.size())
                .mapToObj(cases::object)
                .map(c -> Arguments.of(c.text("name"), c, rope.object("config")));
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource
    void published(String name, Json.Obj wanted, Json.Obj sizes) {
        Json.Obj params = wanted.object("params");
        var fields = new LinkedHashMap<String, Object>(params.fields());
        fields.put("rope_type", name.equals("dynamic_ntk") ? "dynamic" : name);
        fields.put("rope_theta", sizes.real("rope_theta"));
        var config = Config.of(
                "vectors",
                Map.of("rope_parameters", fields, "max_position_embeddings", sizes.integer("max_position_embeddings")));
        int headDim = sizes.integer("head_dim");
        RopeScaling scaling = RopeScaling.of(config, headDim);
        double[] found = scaling.frequencies(headDim, RopeScaling.theta(config), params.integer("seq_len", 0));
        assertArrayEquals(wanted.array("inv_freq").reals(), found, 5e-6);
        double magnitude = name.equals("yarn") ? 0.1 * Math.log(params.real("factor")) + 1 : 1;
        assertEquals(magnitude, scaling.magnitude(), 1e-12);
    }

    /// The rules that the published file states in words.
    @Test
    void publishedRules() {
        double[] plain = new RopeScaling.None().frequencies(128, 10000);
        for (double factor : new double[] {2, 10, 20}) {
            double[] linear = new RopeScaling.Linear(factor).frequencies(128, 10000);
            for (int j = 0; j < 64; j++) {
                assertEquals(plain[j] / factor, linear[j], 1e-15);
            }
        }
        var dynamic = new RopeScaling.Dynamic(10, 2048);
        assertArrayEquals(plain, dynamic.frequencies(128, 10000, 2048));
        assertTrue(dynamic.frequencies(128, 10000, 2049)[63] < plain[63]);

        for (double factor : new double[] {1, 2, 10}) {
            Json.Obj fields = Json.parseObject(
                    "rules",
                    "{\"max_position_embeddings\": 2048, \"rope_scaling\": {\"type\": \"longrope\", \"factor\": "
                            + factor
                            + ", \"short_factor\": " + numbers(64, 1.5) + ", \"long_factor\": " + numbers(64, 3)
                            + "}}");
            RopeScaling rule = RopeScaling.of(new Config(fields), 128);
            assertEquals(plain[7] / 1.5, rule.frequencies(128, 10000, 2048)[7], 1e-15);
            assertEquals(plain[7] / 3, rule.frequencies(128, 10000, 2049)[7], 1e-15);
            assertEquals(Math.sqrt(1 + Math.log(factor) / Math.log(2048)), rule.magnitude(), 1e-12);
        }
    }

    private static String numbers(int count, double value) {
        var numbers = new double[count];
        Arrays.fill(numbers, value);
        return Arrays.toString(numbers);
    }

    static Stream<Arguments> transformers() {
        Json.Arr cases = golden().array("frequencies");
        return IntStream.range(0, cases.size()).mapToObj(cases::object).map(c -> Arguments.of(c.text("name"), c));
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource
    void transformers(String name, Json.Obj wanted) {
        var config = new Config(wanted.object("config"));
        int headDim = wanted.object("config").integer("head_dim");
        RopeScaling scaling = RopeScaling.of(config, headDim);
        double[] found = scaling.frequencies(headDim, RopeScaling.theta(config), wanted.integer("length"));
        double[] frequencies = wanted.array("inv_freq").reals();
        assertEquals(frequencies.length, found.length);
        for (int j = 0; j < found.length; j++) {
            // float32 on the other side
            assertEquals(frequencies[j], found[j], 1e-6 * frequencies[j]);
        }
        assertEquals(wanted.real("attention_factor"), scaling.magnitude(), 1e-12);
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("transformers")
    void readsBackWhatItWrites(String name, Json.Obj wanted) {
        var config = new Config(wanted.object("config"));
        int headDim = wanted.object("config").integer("head_dim");
        RopeScaling scaling = RopeScaling.of(config, headDim);
        double theta = RopeScaling.theta(config);
        Config written = config.with(Map.of("rope_parameters", scaling.parameters(theta)));
        assertEquals(scaling, RopeScaling.of(written, headDim));
        assertEquals(theta, RopeScaling.theta(written));

        // before transformers 5: rope_scaling with `type`, and the base beside it
        var older = new LinkedHashMap<String, Object>(scaling.parameters(theta));
        older.put("type", older.remove("rope_type"));
        older.remove("rope_theta");
        var fields = new LinkedHashMap<String, Object>(wanted.object("config").fields());
        fields.remove("rope_parameters");
        fields.put("rope_scaling", older);
        fields.put("rope_theta", theta);
        Config before = Config.of("before", fields);
        assertEquals(scaling, RopeScaling.of(before, headDim));
        assertEquals(theta, RopeScaling.theta(before));
    }

    /// Phi-3 says both contexts, the original one beside `rope_scaling`, and no factor.
    @Test
    void theRatioOfContextsStandsForAMissingFactor() {
        Config config = config("'max_position_embeddings': 64, 'original_max_position_embeddings': 16,"
                + " 'rope_scaling': {'type': 'su', 'short_factor': [1, 2], 'long_factor': [3, 4]}");
        var rule = (RopeScaling.LongRope) RopeScaling.of(config, 4);
        assertEquals(4, rule.factor());
        assertEquals(16, rule.original());
        assertEquals(Math.sqrt(1 + Math.log(4) / Math.log(16)), rule.magnitude(), 1e-15);
    }

    @Test
    void partialRotation() {
        assertEquals(16, RopeScaling.rotaryDim(config("'partial_rotary_factor': 0.25"), 64));
        assertEquals(
                32,
                RopeScaling.rotaryDim(
                        config("'rope_parameters': {'rope_type': 'default', 'partial_rotary_factor': 0.5}"), 64));
        assertEquals(64, RopeScaling.rotaryDim(config("'rope_theta': 10000.0"), 64));
        refused(() -> RopeScaling.rotaryDim(config("'partial_rotary_factor': 0.45"), 12), "head_dim 12", "0.45", "5");
        refused(() -> RopeScaling.rotaryDim(config("'partial_rotary_factor': 0.5"), 6), "partial_rotary_factor", "3");
        refused(() -> RopeScaling.rotaryDim(config("'partial_rotary_factor': 1.5"), 8), "partial_rotary_factor", "1.5");
    }

    @Test
    void sections() {
        assertEquals(
                Optional.of(List.of(0, 0, 1, 1, 1, 2, 2, 2)),
                RopeScaling.axes(config("'rope_scaling': {'type': 'mrope', 'mrope_section': [2, 3, 3]}"), 8));
        assertEquals(
                Optional.of(List.of(0, 1, 2, 0, 1, 2, 0, 0)),
                RopeScaling.axes(
                        config("'rope_parameters': {'rope_type': 'default', 'mrope_section': [4, 2, 2],"
                                + " 'mrope_interleaved': true}"),
                        8));
        assertEquals(Optional.empty(), RopeScaling.axes(config("'rope_theta': 10000.0"), 8));
        refused(
                () -> RopeScaling.axes(config("'rope_scaling': {'type': 'mrope', 'mrope_section': [2, 3, 2]}"), 8),
                "mrope_section",
                "8 pairs",
                "found 7");
    }

    @Test
    void kindsOfLayersHaveTheirOwn() {
        Config config = config("'rope_parameters': {'full_attention': {'rope_type': 'proportional',"
                + " 'partial_rotary_factor': 0.25, 'rope_theta': 1000000.0}, 'sliding_attention':"
                + " {'rope_type': 'default', 'rope_theta': 5000.0}}");
        Config full = RopeScaling.ofLayers(config, "full_attention");
        assertEquals(new RopeScaling.Proportional(0.25, 1), RopeScaling.of(full, 16));
        assertEquals(1000000, RopeScaling.theta(full));
        Config sliding = RopeScaling.ofLayers(config, "sliding_attention");
        assertEquals(new RopeScaling.None(), RopeScaling.of(sliding, 16));
        assertEquals(5000, RopeScaling.theta(sliding));
        assertEquals(full, RopeScaling.ofLayers(full, "full_attention"));
        refused(() -> RopeScaling.of(config, 16), "rope_type", "kind of layer");
    }

    @Test
    void wrongNumbersAreNamed() {
        refusedRope("'rope_type': 'linear'", "factor");
        refusedRope("'rope_type': 'linear', 'factor': 0", "factor", "found 0.0");
        refusedRope("'rope_type': 'dynamic', 'factor': -2", "factor", "-2.0");
        refusedRope("'rope_type': 'dynamic', 'factor': 1e300", "factor", "1.0E300");
        refusedRope("'rope_type': 'yarn', 'factor': 2, 'beta_fast': 1, 'beta_slow': 4", "beta_fast", "1.0", "4.0");
        refusedRope("'rope_type': 'yarn', 'factor': 2, 'attention_factor': 0", "attention_factor");
        refusedRope("'rope_type': 'yarn', 'factor': 2, 'original_max_position_embeddings': 0", "original_max");
        refusedRope(
                "'rope_type': 'longrope', 'short_factor': [1, 1], 'long_factor': [1, 1, 1, 1]",
                "short_factor",
                "wanted 4 values, found 2");
        refusedRope(
                "'rope_type': 'longrope', 'short_factor': [1, 1, 1, 1], 'long_factor': [1, 1, 1, 0]",
                "long_factor",
                "positive");
        refusedRope("'rope_type': 'proportional', 'partial_rotary_factor': 1.5", "partial_rotary_factor", "1.5");
        refusedRope("'rope_type': 'bent'", "\"bent\"", "longrope");
    }

    private static void refusedRope(String fields, String... parts) {
        refused(
                () -> RopeScaling.of(config("'max_position_embeddings': 64, 'rope_parameters': {" + fields + "}"), 8),
                parts);
    }

    private static void refused(org.junit.jupiter.api.function.Executable reading, String... parts) {
        String message =
                String.valueOf(assertThrows(ModelFileException.class, reading).getMessage());
        for (String part : parts) {
            assertTrue(message.contains(part), message);
        }
    }

    private static Config config(String fields) {
        return new Config(Json.parseObject("config.json", "{" + fields.replace('\'', '"') + "}"));
    }
}
