package clearhead.ops;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import clearhead.io.Json;
import clearhead.tensor.Tensor;
import clearhead.tensor.Workspace;
import clearhead.testing.SharedData;
import java.util.HashMap;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/// Masks of packed documents and of chunks, exactly as published (Hugging Face transformers'
/// test_masking_utils.py): where scores are −∞, and where weights are zero.
class PackedMasksTest {
    private static Json.Obj vectors() {
        return Json.readObject(SharedData.path("vectors/rope/rope_and_masks.json"));
    }

    /// What a mask lets each query of one sequence see: the weights of fused attention on every backend,
    /// which values of one 1 each show, and the reference's scores.
    ///
    /// @return [queries][keys]
    private static boolean[][] seen(Mask mask, int queries, int keys) {
        var data = new Data(1);
        Tensor query = data.normal(queries, 2, 8);
        Tensor key = data.normal(keys, 1, 8);
        Tensor value = data.around(0, 0, keys, 1, keys);
        for (int k = 0; k < keys; k++) {
            value.set((long) k * keys + k, 1);
        }
        var past = new KvView.Packed(key, value, Sequences.one(keys));
        var spec = new AttentionSpec(2, 1, 8, 0.3, mask).withValueDim(keys);
        boolean[][] seen = scores(query, past, spec);
        for (BackendProvider provider : Backends.all()) {
            if (provider.obstacles().isEmpty()) {
                try (Backend backend = provider.create(2);
                        var workspace = new Workspace()) {
                    Ops ops = backend.ops(workspace);
                    Tensor weights = ops.attention(query, Sequences.one(queries), past, spec)
                            .out(); // [queries, heads, keys]
                    for (int q = 0; q < queries; q++) {
                        for (int k = 0; k < keys; k++) {
                            for (int head = 0; head < 2; head++) {
                                double weight = weights.at((2L * q + head) * keys + k);
                                assertEquals(seen[q][k], weight > 0, provider.name());
                            }
                        }
                    }
                }
            }
        }
        return seen;
    }

    private static boolean[][] scores(Tensor query, KvView past, AttentionSpec spec) {
        int queries = query.dim(0);
        int keys = past.length(0);
        try (Backend backend = Backends.named("reference", 1);
                var workspace = new Workspace()) {
            Tensor scores = backend.ops(workspace).scores(query, past, 0, spec); // [heads, queries, keys]
            var seen = new boolean[queries][keys];
            for (int q = 0; q < queries; q++) {
                for (int k = 0; k < keys; k++) {
                    seen[q][k] = scores.at((long) q * keys + k) > Double.NEGATIVE_INFINITY;
                }
            }
            return seen;
        }
    }

    static Stream<Arguments> packedCausal() {
        Json.Arr cases = vectors().array("packed_causal");
        return IntStream.range(0, cases.size()).mapToObj(i -> Arguments.of(i, cases.object(i)));
    }

    /// Position ids that begin again begin a new document.
    @ParameterizedTest
    @MethodSource
    void packedCausal(int number, Json.Obj wanted) {
        int[] positions = wanted.array("position_ids").integers();
        var documents = new int[positions.length];
        for (int i = 1; i < positions.length; i++) {
            documents[i] = documents[i - 1] + (positions[i] == positions[i - 1] + 1 ? 0 : 1);
        }
        int[] indices = wanted.array("sequence_indices").integers();
        assertArrayEquals(indices, documents);
        Mask mask = Mask.CAUSAL.and(new Mask.Documents(documents));
        boolean[][] found = seen(mask, documents.length, documents.length);
        Json.Arr rows = wanted.array("mask");
        var starts = new HashMap<Integer, Integer>();
        for (int q = 0; q < documents.length; q++) {
            starts.putIfAbsent(documents[q], q);
            for (int k = 0; k < documents.length; k++) {
                boolean allowed = bool(rows.array(q), k);
                assertEquals(allowed, found[q][k], "query " + q + ", key " + k);
                // the same documents as sequences of their own, which need no mask but causal
                int from = starts.get(documents[q]);
                assertEquals(allowed, documents[k] == documents[q] && Mask.CAUSAL.sees(0, 0, 0, q - from, k - from));
            }
        }
    }

    /// Padding there is no key here: the sequence begins where its padding ends, and so do its chunks.
    @ParameterizedTest
    @MethodSource("sequences")
    void chunkedCausalPrefill(int sequence) {
        Json.Obj wanted = vectors().object("chunked_causal_prefill");
        int padding = wanted.array("left_pad").integer(sequence);
        int tokens = wanted.integer("seq_len");
        int own = tokens - padding;
        boolean[][] found = seen(new Mask.Chunked(wanted.integer("attention_chunk_size")), own, own);
        Json.Arr rows = wanted.array("mask").array(sequence);
        for (int q = 0; q < tokens; q++) {
            for (int k = 0; k < tokens; k++) {
                boolean is = q >= padding && k >= padding && found[q - padding][k - padding];
                assertEquals(bool(rows.array(q), k), is, "query " + q + ", key " + k);
            }
        }
    }

    /// One more token after a prefill: the last keys of a cache that there keeps one chunk's worth.
    @ParameterizedTest
    @MethodSource("sequences")
    void chunkedCausalDecode(int sequence) {
        Json.Obj wanted = vectors().object("chunked_causal_decode");
        int padding = wanted.array("left_pad").integer(sequence);
        int own = wanted.integer("prefill") + 1 - padding;
        int chunk = wanted.integer("attention_chunk_size");
        boolean[][] found = seen(new Mask.Chunked(chunk), 1, own);
        Json.Arr row = wanted.array("step_mask").array(sequence).array(0);
        for (int i = 0; i < row.size(); i++) {
            int key = own - row.size() + i;
            assertEquals(bool(row, i), key >= 0 && found[0][key], "key " + key);
        }
        // and none before the kept ones
        for (int key = 0; key < own - row.size(); key++) {
            assertEquals(false, found[0][key], "key " + key);
        }
    }

    static IntStream sequences() {
        return IntStream.range(0, 2);
    }

    private static boolean bool(Json.Arr row, int index) {
        return row.get(index) instanceof Json.Bool(boolean value) && value;
    }
}
