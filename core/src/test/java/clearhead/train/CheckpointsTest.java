package clearhead.train;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import clearhead.io.ModelFileException;
import clearhead.io.SafetensorsWriter;
import clearhead.tensor.DType;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class CheckpointsTest {
    @TempDir
    @SuppressWarnings("NullAway.Init")
    Path folder;

    private final Arena arena = Arena.ofShared();

    @AfterEach
    void close() {
        arena.close();
    }

    private Parameters parameters(int dim) {
        var parameters = Parameters.of(arena, DType.F32, Models.llama(40, 16, dim, 2, 2, 1, 2 * dim));
        parameters.start(dim);
        for (int i = 0; i < parameters.first().size(); i++) {
            parameters.first().set(i, i * 1e-3);
            parameters.second().set(i, i * 1e-6);
        }
        return parameters;
    }

    @Test
    void whatIsReadIsWhatWasWritten() throws Exception {
        // 1.2 million values: each slab takes more than half a part.
        var written = parameters(320);
        var checkpoints = new Checkpoints(folder, 2);
        Path path = checkpoints.write(new Checkpoints.State(7, 9, "abc"), written);
        var read = Parameters.of(arena, DType.F32, Models.llama(40, 16, 320, 2, 2, 1, 640));
        assertEquals(new Checkpoints.State(7, 9, "abc"), Checkpoints.read(path, read));
        assertArrayEquals(written.values().toFloats(), read.values().toFloats());
        assertArrayEquals(written.first().toFloats(), read.first().toFloats());
        assertArrayEquals(written.second().toFloats(), read.second().toFloats());
        try (var files = Files.list(path)) {
            assertTrue(files.allMatch(f -> f.toFile().length() <= Checkpoints.PART_BYTES + 4096));
        }
    }

    @Test
    void theNewestFewStay() throws Exception {
        var parameters = parameters(8);
        var checkpoints = new Checkpoints(folder, 2);
        for (int step : new int[] {2, 4, 6, 6}) {
            checkpoints.write(new Checkpoints.State(step, 9, "abc"), parameters);
        }
        try (var files = Files.list(folder)) {
            assertEquals(
                    "[step-00000004, step-00000006]",
                    files.map(f -> f.getFileName().toString()).sorted().toList().toString());
        }
        assertEquals(
                "step-00000006",
                checkpoints.newest().orElseThrow().getFileName().toString());
    }

    /// The disk fills up after the first part of the second checkpoint.
    @Test
    void aFullDiskLeavesTheCheckpointBefore() throws Exception {
        var parameters = parameters(400);
        var first = new Checkpoints(folder, 1);
        Path before = first.write(new Checkpoints.State(1, 9, "abc"), parameters);
        var written = new int[1];
        var full = new Checkpoints(folder, 1, (file, tensors, metadata) -> {
            if (written[0]++ == 1) {
                throw new ModelFileException(file, "cannot be written: No space left on device");
            }
            SafetensorsWriter.write(file, tensors, metadata);
        });
        var e = assertThrows(
                ModelFileException.class, () -> full.write(new Checkpoints.State(2, 9, "abc"), parameters));
        assertTrue(e.getMessage().contains("No space left"), e.getMessage());
        assertTrue(e.getMessage().contains("unchanged"), e.getMessage());
        assertEquals(before, first.newest().orElseThrow());
        assertEquals(1, Checkpoints.read(before, parameters).step());
        try (var files = Files.list(folder)) {
            assertEquals(1, files.count());
        }
    }

    @Test
    void damagedCheckpointsAreRefused() throws Exception {
        var parameters = parameters(8);
        Path path = new Checkpoints(folder, 1).write(new Checkpoints.State(1, 9, "a"), parameters);
        var other = assertThrows(ModelFileException.class, () -> Checkpoints.read(path, parameters(16)));
        assertTrue(other.getMessage().contains("another model"), other.getMessage());
        Files.delete(path.resolve("part-0.safetensors"));
        var missing = assertThrows(ModelFileException.class, () -> Checkpoints.read(path, parameters));
        assertTrue(missing.getMessage().contains("missing"), missing.getMessage());
    }

    @Test
    void shardsRoundTrip() {
        for (int vocab : new int[] {300, 70_000}) {
            int[] ids = IntStream.range(0, 1000).map(i -> i * 7919 % vocab).toArray();
            Path file = folder.resolve("ids-" + vocab);
            TokenShard.write(file, ids, vocab);
            try (var shard = TokenShard.open(file)) {
                assertEquals(ids.length, shard.size());
                assertArrayEquals(
                        ids,
                        IntStream.range(0, ids.length).map(i -> shard.id(i)).toArray());
            }
        }
    }

    @Test
    void shardsCutShortAreRefused() throws Exception {
        Path file = folder.resolve("ids");
        TokenShard.write(file, new int[100], 300);
        byte[] bytes = Files.readAllBytes(file);
        Files.write(file, java.util.Arrays.copyOf(bytes, 150));
        var e = assertThrows(ModelFileException.class, () -> TokenShard.open(file));
        assertTrue(e.getMessage().contains("150 bytes"), e.getMessage());
    }

    /// Every round sees each window once; the same step gives the same windows at once.
    @Test
    void windowsDependOnSeedAndStepAlone() {
        Path file = folder.resolve("ids");
        TokenShard.write(file, IntStream.range(0, 1003).toArray(), 70_000);
        try (var shard = TokenShard.open(file)) {
            var windows = new Windows(shard, 10, 5);
            int round = windows.perRound();
            assertEquals(99, round);
            var seen = new java.util.TreeSet<Integer>();
            var inputs = new int[10];
            var targets = new int[10];
            var firsts = new int[2 * round];
            for (int n = 0; n < 2 * round; n++) {
                windows.copy(n, inputs, targets, 0);
                firsts[n] = inputs[0];
                assertEquals(inputs[9] + 1, targets[9]);
                assertEquals(inputs[1], targets[0]);
                if (n < round) {
                    seen.add(inputs[0]);
                }
            }
            assertEquals(round, seen.size());
            var again = new Windows(shard, 10, 5);
            again.copy(round + 3, inputs, targets, 0);
            assertEquals(firsts[round + 3], inputs[0]);
        }
    }
}
