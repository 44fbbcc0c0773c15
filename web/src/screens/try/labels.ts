/** What `heads` tells (docs/json.md, heads), as far as presets need it. */
export interface Heads { label_rules?: { name: string; title: string }[]; text?: Scan; random?: Scan }
interface Scan { heads: { layer: number; head: number; labels: string[] }[] }

export interface Group { label: string; heads: { layer: number; head: number }[] }

/** Heads by label, on this text and on random tokens; the largest group first. No label, no group. */
export function grouped({ label_rules = [], text, random }: Heads): Group[] {
    const groups = new Map<string, Map<string, { layer: number; head: number }>>();
    for (const { layer, head, labels } of [...(text?.heads ?? []), ...(random?.heads ?? [])]) {
        for (const label of labels) {
            if (!groups.has(label)) groups.set(label, new Map());
            groups.get(label)!.set(`${layer}.${head}`, { layer, head });
        }
    }
    const title = (name: string) => label_rules.find((rule) => rule.name === name)?.title ?? name;
    return [...groups].map(([name, of]) => ({ label: title(name), heads: [...of.values()] })).sort((a, b) => b.heads.length - a.heads.length || a.label.localeCompare(b.label));
}
