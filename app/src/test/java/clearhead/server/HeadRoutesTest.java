package clearhead.server;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import clearhead.app.TinyModel;
import clearhead.inspect.AttentionMap;
import clearhead.inspect.Heads;
import clearhead.inspect.Run;
import clearhead.inspect.Units;
import clearhead.io.Json;
import clearhead.model.Model;
import clearhead.ops.Backends;
import clearhead.ops.Ops;
import clearhead.tensor.Workspace;
import clearhead.tokenizer.Special;
import clearhead.view.Prompt;
import java.net.http.HttpResponse;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Locale;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Rows, columns, tiles and thumbnails over HTTP are the library's, masked cells NaN.
class HeadRoutesTest {
    private static final String TEXT = "the cat sat on the hat. the hat sat";

    private interface Body {
        void run(Served served, String id, Run run, Ops ops) throws Exception;
    }

    private static void each(Path folder, Body body) throws Exception {
        Path tiny = TinyModel.write(folder.resolve("tiny"));
        try (var served = new Served(tiny, "reference", new Runs(1 << 26, 4), Optional.empty(), folder);
                var backend = Backends.named("reference", 1);
                Model model = Model.load(tiny, backend);
                var workspace = new Workspace()) {
            String id = Served.id(served.run(TEXT));
            served.get("runs/" + id + "/events");
            Ops ops = backend.ops(workspace);
            var prompt = Prompt.ofText(TEXT, model.tokenizer(), Special.ADD);
            try (Run run = Run.of(model.transformer(), ops, prompt.ids())) {
                body.run(served, id, run, ops);
            }
        }
    }

    private static float[] floats(Served served, String path) throws Exception {
        var answer = served.client.send(served.to(path).build(), HttpResponse.BodyHandlers.ofByteArray());
        assertEquals(200, answer.statusCode(), path);
        assertEquals(Optional.of("application/octet-stream"), answer.headers().firstValue("Content-Type"));
        var values =
                ByteBuffer.wrap(answer.body()).order(ByteOrder.LITTLE_ENDIAN).asFloatBuffer();
        var result = new float[values.remaining()];
        values.get(result);
        return result;
    }

    private static float[] narrowed(double[] values) {
        var floats = new float[values.length];
        for (int n = 0; n < floats.length; n++) {
            floats[n] = (float) values[n];
        }
        return floats;
    }

    @Test
    void rowsColumnsAndTilesAreTheLibrarys(@TempDir Path folder) throws Exception {
        each(folder, (served, id, run, ops) -> {
            String base = "runs/" + id + "/";
            int last = run.tokens() - 1;
            for (String of : new String[] {"1.2", "0.1,1.3", "1.*", "*.*", "rollout:1"}) {
                for (var kind : AttentionMap.Kind.values()) {
                    if (of.startsWith("rollout") && kind != AttentionMap.Kind.WEIGHTS) {
                        continue;
                    }
                    var map = new AttentionMap(run, Heads.parse(of, run.model()), kind, Units.tokens(run.tokens()));
                    String which = "?of=" + of.replace(",", "%2C") + "&kind="
                            + kind.toString().toLowerCase(Locale.ROOT);
                    float[] row = floats(served, base + "row" + which + "&query=3");
                    assertArrayEquals(narrowed(map.row(ops, 3)), row);
                    assertTrue(Float.isNaN(row[4]) && !Float.isNaN(row[3]));
                    assertArrayEquals(narrowed(map.column(ops, 2)), floats(served, base + "column" + which + "&key=2"));
                    for (String pool : new String[] {"max", "mean"}) {
                        for (int level = 0; level < 3; level++) {
                            float[] tile =
                                    floats(served, base + "tile" + which + "&level=" + level + "&x=0&y=0&pool=" + pool);
                            assertArrayEquals(
                                    map.tile(
                                            ops, level, 0, 0, AttentionMap.Pool.valueOf(pool.toUpperCase(Locale.ROOT))),
                                    tile);
                        }
                    }
                    assertTrue(Float.isNaN(floats(served, base + "tile" + which + "&level=0&x=1&y=0")[0]));
                    assertEquals(last + 1, floats(served, base + "row" + which + "&query=" + last).length);
                }
            }
        });
    }

    @Test
    void thumbnailsParityAndFormula(@TempDir Path folder) throws Exception {
        each(folder, (served, id, run, ops) -> {
            String base = "runs/" + id + "/";
            float[] all = floats(served, base + "thumbnails?size=8");
            assertEquals(2 * 4 * 64, all.length);
            for (int head = 0; head < 8; head++) {
                var map = new AttentionMap(
                        run, Heads.of(head / 4, head % 4), AttentionMap.Kind.WEIGHTS, Units.tokens(run.tokens()));
                assertArrayEquals(map.thumbnail(ops, 8), Arrays.copyOfRange(all, head * 64, (head + 1) * 64));
            }
            assertArrayEquals(Arrays.copyOfRange(all, 256, 512), floats(served, base + "thumbnails?size=8&layer=1"));
            Json.Obj parity = Json.parseObject(
                    "parity", served.get(base + "parity?of=1.2").body());
            assertTrue(parity.has("holds") && parity.has("tolerance"));
            String formula = served.get(base + "formula?of=1.*&unit=word").body();
            assertTrue(formula.contains("1/4 ") && formula.contains("exp("), formula);
        });
    }

    @Test
    void whatIsOutOfRangeIsRefused(@TempDir Path folder) throws Exception {
        each(folder, (served, id, run, ops) -> {
            for (String wrong : new String[] {
                "row?of=1.2&query=" + run.tokens(),
                "row?of=1.2&query=-1",
                "row?of=9.2&query=1",
                "row?of=1.2",
                "row?of=rollout:1&kind=scores&query=1",
                "column?of=1.2&key=1e3",
                "tile?of=1.2&level=23&x=0&y=0",
                "tile?of=1.2&level=0&x=-1&y=0",
                "tile?of=1.2&level=0&x=0&y=0&pool=sum",
                "thumbnails?size=100000",
                "thumbnails?layer=2",
                "formula?of=1.2&unit=page"
            }) {
                assertEquals(400, served.get("runs/" + id + "/" + wrong).statusCode(), wrong);
            }
        });
    }
}
