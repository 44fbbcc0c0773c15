package clearhead.inspect;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import clearhead.nn.ForwardPass;
import clearhead.nn.Probe;
import clearhead.nn.Site;
import clearhead.nn.Transformer;
import clearhead.ops.Backend;
import clearhead.ops.Backends;
import clearhead.ops.Ops;
import clearhead.tensor.Workspace;
import java.lang.foreign.Arena;
import java.util.Arrays;
import java.util.List;
import java.util.OptionalInt;
import java.util.Set;
import java.util.concurrent.CancellationException;
import org.junit.jupiter.api.Test;

class RunTest {
    private static final int[] IDS = {1, 5, 9, 5, 9, 30, 2};

    @Test
    void aRunShowsWhatAPassComputedToTheBit() {
        each((model, ops) -> {
            double[] logits = model.forward(ForwardPass.of(ops, IDS)).toDoubles();
            int vocab = model.vocab();
            try (Run run = Run.of(model, ops, IDS)) {
                for (int i = 0; i < IDS.length; i++) {
                    double[] row = Arrays.copyOfRange(logits, i * vocab, (i + 1) * vocab);
                    assertArrayEquals(row, run.logits(ops, i));
                }
                for (int layer = 0; layer < model.layers(); layer++) {
                    try (Look pass = Look.at(model, ops, IDS, OptionalInt.of(layer), OptionalInt.of(1), 5);
                            Look look = run.look(ops, layer, 1, 5)) {
                        for (Site site : new Site[] {
                            Site.RESID_PRE,
                            Site.ATTN_NORM,
                            Site.Q_PRE,
                            Site.K_PRE,
                            Site.V,
                            Site.Z,
                            Site.ATTN_OUT,
                            Site.RESID_MID
                        }) {
                            assertArrayEquals(
                                    pass.at(site).toDoubles(), look.at(site).toDoubles(), site.label());
                        }
                        assertArrayEquals(pass.row().weights(), look.row().weights());
                        assertArrayEquals(pass.finalResidual(), look.finalResidual());
                        assertArrayEquals(pass.logits(), look.logits());
                        assertTrue(run.parity(layer, 1, 100).holds());
                    }
                }
            }
        });
    }

    /// Whatever is computed again for some positions is what the run had there.
    @Test
    void streamsAreWhatTheRunComputed() {
        each((model, ops) -> {
            try (Arena arena = Arena.ofShared();
                    Run run = Run.of(model, ops, IDS)) {
                var kept = new KeptSites(arena, Set.of(Site.ATTN_OUT, Site.RESID_MID, Site.MLP_OUT, Site.RESID_POST));
                kept.run(model, ops, IDS);
                var streams = new Streams(run, ops);
                for (int layer = 0; layer < model.layers(); layer++) {
                    for (Site site : List.of(Site.ATTN_OUT, Site.RESID_MID, Site.MLP_OUT, Site.RESID_POST)) {
                        assertArrayEquals(
                                kept.at(site, layer).rows(3, 5).toDoubles(),
                                streams.at(site, layer, streams.positions(3, 4)).toDoubles(),
                                site.label());
                    }
                }
            }
        });
    }

    private interface Body {
        void run(Transformer model, Ops ops);
    }

    private static void each(Body body) {
        for (String name : PatternRowsTest.backends()) {
            try (Arena arena = Arena.ofShared();
                    var workspace = new Workspace();
                    Backend backend = Backends.named(name, 2)) {
                Ops ops = backend.ops(workspace);
                body.run(TinyModels.llama(arena), ops);
                body.run(TinyModels.gpt2(arena), ops);
                body.run(TinyModels.postNorm(arena), ops);
                body.run(TinyModels.stretched(arena), ops);
            }
        }
    }

    @Test
    void aRunCanBeCancelledBetweenLayers() {
        each((model, ops) -> {
            int[] seen = {0};
            assertThrows(
                    CancellationException.class,
                    () -> Run.of(model, ops, IDS, Probe.NONE, (done, of) -> {
                        seen[0] = done;
                        return done < 1;
                    }));
            assertEquals(1, seen[0]);
        });
    }
}
