package clearhead.io;

import clearhead.tensor.Tensor;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/// A checkpoint in several safetensors files and an index that says which tensor is where.
final class ShardedCheckpoint implements Checkpoint {
    private final Path index;
    private final Map<String, Checkpoint> shards = new LinkedHashMap<>();
    private final Map<String, Checkpoint> homes = new LinkedHashMap<>();
    private final List<Entry> entries = new ArrayList<>();

    private ShardedCheckpoint(Path index) {
        this.index = index;
    }

    static Checkpoint open(Path index) {
        var checkpoint = new ShardedCheckpoint(index);
        try {
            checkpoint.openShards();
            return checkpoint;
        } catch (RuntimeException | Error e) {
            checkpoint.close();
            throw e;
        }
    }

    private void openShards() {
        Json.Obj map = Json.readObject(index).object("weight_map");
        for (String tensor : map.fields().keySet()) {
            String file = map.text(tensor);
            Checkpoint shard = shards.get(file);
            if (shard == null) {
                shard = openShard(file);
                shards.put(file, shard);
            }
            if (!shard.has(tensor)) {
                throw new ModelFileException(index, "says that \"" + tensor + "\" is in " + file + ", which lacks it");
            }
            homes.put(tensor, shard);
        }
        for (Checkpoint shard : shards.values()) {
            for (Entry entry : shard.entries()) {
                if (shard == homes.get(entry.name())) {
                    entries.add(entry);
                }
            }
        }
    }

    /// Only files beside the index: an index must not reach elsewhere.
    private Checkpoint openShard(String file) {
        if (!file.endsWith(".safetensors") || file.contains("/") || file.contains("\\") || file.indexOf('\0') >= 0) {
            throw new ModelFileException(
                    index, "wanted the name of a .safetensors file beside it, found \"" + file + '"');
        }
        Path path = index.resolveSibling(file);
        if (!Files.exists(path)) {
            throw new ModelFileException(index, "names a file " + file + " that is not beside it; download it too");
        }
        return Safetensors.openFile(path);
    }

    @Override
    public Path source() {
        return index;
    }

    @Override
    public List<Entry> entries() {
        return List.copyOf(entries);
    }

    @Override
    public boolean has(String name) {
        return homes.containsKey(name);
    }

    @Override
    public Tensor tensor(String name) {
        Checkpoint shard = homes.get(name);
        if (shard == null) {
            throw Names.absent(index, name, homes.keySet());
        }
        return shard.tensor(name);
    }

    /// The metadata of all files; the first one wins where they differ.
    @Override
    public Map<String, Object> metadata() {
        Map<String, Object> all = new LinkedHashMap<>();
        for (Checkpoint shard : shards.values()) {
            shard.metadata().forEach(all::putIfAbsent);
        }
        return all;
    }

    @Override
    public void close() {
        shards.values().forEach(Checkpoint::close);
    }
}
