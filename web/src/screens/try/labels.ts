/** A head as `heads` tells of it; a label is its name, or an object that has one. */
export interface Labelled { layer: number; head: number; labels?: (string | { name: string })[] }

/** Heads by label, the largest group first. */
export function grouped(heads: readonly Labelled[]): { label: string; heads: Labelled[] }[] {
    const groups = new Map<string, Labelled[]>();
    for (const head of heads) {
        for (const label of head.labels ?? []) {
            const name = typeof label === 'string' ? label : label.name;
            groups.set(name, [...(groups.get(name) ?? []), head]);
        }
    }
    return [...groups].map(([label, of]) => ({ label, heads: of })).sort((a, b) => b.heads.length - a.heads.length || a.label.localeCompare(b.label));
}
