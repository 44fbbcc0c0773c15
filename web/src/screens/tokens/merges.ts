/** A merge as the server tells it: at this place of the row of symbols, left and right (hex) become one. */
export interface Merge { at: number; left: string; right: string; rank: number; id: number }

/** A symbol: one of those that the piece started from, or two that were merged. */
export interface Node {
    /** Hex. */
    bytes: string;
    /** Index of the merge that made it; -1 for a leaf. */
    merge: number;
    rank: number;
    id: number;
    children: Node[];
    /** In leaves, from the left. */
    x: number;
    /** 0 for a leaf, else one more than the higher child. */
    level: number;
    /** Leaves below. */
    leaves: number;
}

/** The symbols that are there after so many merges. */
export function forest(parts: readonly string[], merges: readonly Merge[], done = merges.length): Node[] {
    const row: Node[] = parts.map((bytes, x) => ({ bytes, merge: -1, rank: -1, id: -1, children: [], x, level: 0, leaves: 1 }));
    merges.slice(0, done).forEach((m, merge) => {
        const left = row[m.at];
        const right = row[m.at + 1];
        if (!left || !right) return;
        row.splice(m.at, 2, {
            bytes: left.bytes + right.bytes, merge, rank: m.rank, id: m.id, children: [left, right],
            x: (left.x * left.leaves + right.x * right.leaves) / (left.leaves + right.leaves), level: Math.max(left.level, right.level) + 1, leaves: left.leaves + right.leaves,
        });
    });
    return row;
}

/** All nodes, children before parents. */
export const all = (of: readonly Node[]): Node[] => of.flatMap((node) => [...all(node.children), node]);

export const fromHex = (hex: string): Uint8Array => Uint8Array.from({ length: hex.length >> 1 }, (_, i) => parseInt(hex.slice(2 * i, 2 * i + 2), 16));

/** Bytes as text where they are whole characters, else in hex: `b`, `0xC3`. */
export function symbol(hex: string): string {
    try {
        return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(fromHex(hex));
    } catch {
        return hex.toUpperCase().replace(/../g, (pair) => '‹' + pair + '›');
    }
}
