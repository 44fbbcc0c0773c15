package clearhead.inspect;

import java.nio.IntBuffer;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;

/// Pooled tiles of a run that were costly to make: those used last, up to a number of bytes.
final class Tiles {
    /// @param starts of the units
    /// @param what which tile, such as its level, column, row and pool
    record Key(Heads of, AttentionMap.Kind kind, IntBuffer starts, String what) {}

    /// @param values [cells]
    /// @param counts how many cells each value was made of; empty where nobody asks
    record Tile(float[] values, int[] counts) {
        private long bytes() {
            return 4L * (values.length + counts.length);
        }
    }

    private final long limit;
    private final Map<Key, Tile> kept = new LinkedHashMap<>(16, 0.75f, true);
    private long bytes;

    /// @param limit bytes of tiles
    Tiles(long limit) {
        this.limit = limit;
    }

    synchronized Optional<Tile> find(Key key) {
        return Optional.ofNullable(kept.get(key));
    }

    synchronized void keep(Key key, Tile tile) {
        if (tile.bytes() > limit) {
            return;
        }
        Tile before = kept.put(key, tile);
        bytes += tile.bytes() - (before == null ? 0 : before.bytes());
        for (Iterator<Tile> oldest = kept.values().iterator(); bytes > limit; ) {
            bytes -= oldest.next().bytes();
            oldest.remove();
        }
    }

    synchronized long bytes() {
        return bytes;
    }
}
