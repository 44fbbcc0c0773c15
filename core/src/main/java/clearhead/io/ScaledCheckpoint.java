package clearhead.io;

import clearhead.tensor.DType;
import clearhead.tensor.Layout;
import clearhead.tensor.Shape;
import clearhead.tensor.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/// Shows weights that a safetensors checkpoint keeps in two tensors as one:
///
/// - `X` of 8-bit floats and `X_scale_inv` or `X_scale` (DeepSeek V3, Qwen 3 FP8): X is their product.
///   A scale belongs to the whole tensor, to a row ([rows, 1]) or to 128 × 128 elements. The product
///   has the scales' type where that is BF16 or F16, else F32, as transformers has it.
/// - `X_blocks` […, blocks, 16] and `X_scales` […, blocks] of bytes (gpt-oss): X is MXFP4
///   […, 32·blocks].
///
/// Both are made when they are asked for, in memory that goes with the checkpoint.
final class ScaledCheckpoint implements Checkpoint {
    private static final int BLOCK = 128;
    private static final List<String> SCALES = List.of("_scale_inv", "_scale");
    private static final String BLOCKS = "_blocks";
    private static final String BLOCK_SCALES = "_scales";
    private static final ValueLayout.OfByte I8 = ValueLayout.JAVA_BYTE;
    private static final ValueLayout.OfFloat F32 = ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    /// Two tensors of the file, and what comes of them.
    private record Pair(String values, String scales, Entry entry) {}

    private final Checkpoint stored;
    private final Map<String, Pair> pairs;
    private final List<Entry> entries = new ArrayList<>();
    private final Set<String> names = new LinkedHashSet<>();
    private final Map<String, Tensor> made = new LinkedHashMap<>();
    private final Arena owner = Arena.ofShared();

    private ScaledCheckpoint(Checkpoint stored, Map<String, Pair> pairs) {
        this.stored = stored;
        this.pairs = pairs;
        Map<String, Pair> byValues = new LinkedHashMap<>();
        Set<String> scales = new LinkedHashSet<>();
        pairs.values().forEach(pair -> {
            byValues.put(pair.values, pair);
            scales.add(pair.scales);
        });
        for (Entry entry : stored.entries()) {
            Pair pair = byValues.get(entry.name());
            if (pair != null) {
                entries.add(pair.entry);
            } else if (!scales.contains(entry.name())) {
                entries.add(entry);
            }
        }
        entries.forEach(entry -> names.add(entry.name()));
    }

    /// The checkpoint as it is, if none of its tensors come in pairs.
    static Checkpoint of(Checkpoint stored) {
        Map<String, Entry> byName = new LinkedHashMap<>();
        stored.entries().forEach(entry -> byName.put(entry.name(), entry));
        Map<String, Pair> pairs = new LinkedHashMap<>();
        for (Entry entry : byName.values()) {
            pair(entry, byName).ifPresent(pair -> pairs.put(pair.entry.name(), pair));
        }
        return pairs.isEmpty() ? stored : new ScaledCheckpoint(stored, pairs);
    }

    private static Optional<Pair> pair(Entry entry, Map<String, Entry> byName) {
        if (entry.type().startsWith("F8_E4M3") || entry.type().startsWith("F8_E5M2")) {
            return SCALES.stream()
                    .map(ending -> byName.get(entry.name() + ending))
                    .filter(scales -> scales != null)
                    .findFirst()
                    .map(scales -> new Pair(entry.name(), scales.name(), product(entry, scales)));
        }
        if (entry.type().equals("U8") && entry.name().endsWith(BLOCKS)) {
            String name = entry.name().substring(0, entry.name().length() - BLOCKS.length());
            Entry scales = byName.get(name + BLOCK_SCALES);
            if (scales != null && scales.type().equals("U8") && !byName.containsKey(name) && areBlocks(entry, scales)) {
                int[] dims = scales.shape().dims();
                dims[dims.length - 1] = Math.multiplyExact(dims[dims.length - 1], 32);
                long bytes = Math.addExact(entry.bytes(), scales.bytes());
                return Optional.of(new Pair(
                        entry.name(), scales.name(), new Entry(name, DType.MXFP4.name(), new Shape(dims), bytes)));
            }
        }
        return Optional.empty();
    }

    private static boolean areBlocks(Entry blocks, Entry scales) {
        int[] dims = blocks.shape().dims();
        int last = dims.length - 1;
        int[] others = scales.shape().dims();
        return last >= 1
                && dims[last] == 16
                && others[last - 1] <= Integer.MAX_VALUE / 32
                && Arrays.equals(Arrays.copyOf(dims, last), others);
    }

    private static Entry product(Entry values, Entry scales) {
        boolean half = scales.type().equals("BF16") || scales.type().equals("F16");
        return new Entry(
                values.name(),
                half ? scales.type() : DType.F32.name(),
                values.shape(),
                Math.addExact(values.bytes(), scales.bytes()));
    }

    /// How many elements of a row share a scale, or 0 if the shapes do not belong together.
    private static int perBlock(Shape values, Shape scales) {
        int columns = values.rank() == 0 ? 1 : values.dim(-1);
        if (scales.size() == 1) {
            return Math.max(1, columns);
        }
        if (values.rank() != 2 || scales.rank() == 0 || scales.rank() > 2) {
            return 0;
        }
        int across = scales.rank() == 2 ? scales.dim(1) : 1;
        if (scales.dim(0) == values.dim(0) && across == 1) {
            return columns;
        }
        boolean blocks = scales.rank() == 2
                && scales.dim(0) == Math.ceilDiv(values.dim(0), BLOCK)
                && across == Math.ceilDiv(columns, BLOCK);
        return blocks ? BLOCK : 0;
    }

    @Override
    public Path source() {
        return stored.source();
    }

    @Override
    public List<Entry> entries() {
        return List.copyOf(entries);
    }

    @Override
    public boolean has(String name) {
        return names.contains(name);
    }

    @Override
    public Tensor tensor(String name) {
        Pair pair = pairs.get(name);
        if (pair == null) {
            if (!names.contains(name)) {
                throw Names.absent(source(), name, names);
            }
            return stored.tensor(name);
        }
        synchronized (made) {
            Tensor whole = made.get(name);
            if (whole == null) {
                Tensor values = stored.tensor(pair.values);
                Tensor scales = stored.tensor(pair.scales);
                whole = values.type() == DType.U8 ? blocks(values, scales, owner) : product(values, scales, pair.entry);
                made.put(name, whole);
            }
            return whole;
        }
    }

    private Tensor product(Tensor values, Tensor scales, Entry entry) {
        if (!scales.type().isReal()) {
            throw new ModelFileException(
                    source(), "\"" + entry.name() + "\": wanted floats as its scales, found " + scales);
        }
        int perBlock = perBlock(values.shape(), scales.shape());
        if (perBlock == 0) {
            throw new ModelFileException(
                    source(),
                    "\"" + entry.name() + "\": wanted one scale, one a row or one for " + BLOCK + " × " + BLOCK
                            + " of its elements " + values.shape() + ", found scales " + scales.shape());
        }
        DType type = DType.valueOf(entry.type());
        Tensor product = Tensor.zeros(owner, type, values.shape().dims());
        int columns = values.rank() == 0 ? 1 : values.dim(-1);
        long rows = columns == 0 ? 0 : values.size() / columns;
        int across = Math.max(1, Math.ceilDiv(columns, perBlock));
        long rowsPerScale;
        if (scales.size() == 1) {
            rowsPerScale = Math.max(1, rows);
        } else {
            rowsPerScale = scales.dim(0) == rows ? 1 : BLOCK;
        }
        var row = new float[columns];
        try (Arena passing = Arena.ofConfined()) {
            MemorySegment floats = passing.allocate(Math.max(1, columns * 4L), 8);
            Tensor line = new Tensor(DType.F32, new Shape(columns), Layout.ROWS, floats.asSlice(0, columns * 4L));
            for (long r = 0; r < rows; r++) {
                values.floats(r * columns, columns, row, 0);
                for (int c = 0; c < columns; c++) {
                    float scale = (float) scales.at(r / rowsPerScale * across + c / perBlock);
                    line.data().set(F32, c * 4L, row[c] * scale);
                }
                Cast.copy(line, 0, columns, type, product.data().asSlice(type.bytes(r * columns), type.bytes(columns)));
            }
        }
        return product;
    }

    /// Blocks of ggml's MXFP4: a scale in front, weights i and i + 16 in a byte instead of 2i and 2i + 1.
    ///
    /// @param blocks U8 […, blocks, 16]
    /// @param scales U8 […, blocks]
    /// @return MXFP4 […, 32·blocks]
    static Tensor blocks(Tensor blocks, Tensor scales, Arena arena) {
        int[] dims = scales.shape().dims();
        dims[dims.length - 1] *= 32;
        Tensor joined = Tensor.zeros(arena, DType.MXFP4, dims);
        MemorySegment from = blocks.data();
        MemorySegment to = joined.data();
        for (long block = 0; block < scales.size(); block++) {
            long at = block * DType.MXFP4.blockBytes();
            to.set(I8, at, scales.data().get(I8, block));
            for (int i = 0; i < 16; i++) {
                int low = nibble(from, block * 16, i);
                int high = nibble(from, block * 16, i + 16);
                to.set(I8, at + 1 + i, (byte) (low | high << 4));
            }
        }
        return joined;
    }

    private static int nibble(MemorySegment data, long at, int i) {
        return data.get(I8, at + i / 2) >>> i % 2 * 4 & 15;
    }

    @Override
    public Map<String, Object> metadata() {
        return stored.metadata();
    }

    @Override
    public void close() {
        stored.close();
        owner.close();
    }
}
