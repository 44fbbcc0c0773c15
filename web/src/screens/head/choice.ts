/** Whose attention is shown: the parameter `of`, by kind. */
export type Which = 'one' | 'chosen' | 'layer' | 'all' | 'rollout';

export function which(of: string): Which {
    if (of === '') return 'one';
    if (of === '*.*') return 'all';
    if (of.endsWith('.*')) return 'layer';
    return of.startsWith('rollout:') ? 'rollout' : 'chosen';
}

/** `2.1, 2.3` → `2.1,2.3`; null where it is no list of heads of this model. */
export function heads(text: string, layers: number, each: number): string | null {
    const parts = text.split(/[\s,;]+/).filter(Boolean);
    if (!parts.length) return null;
    const good = parts.every((part) => {
        const match = /^(\d{1,4})\.(\d{1,4})$/.exec(part);
        return match !== null && Number(match[1]) < layers && Number(match[2]) < each;
    });
    return good ? [...new Set(parts)].join(',') : null;
}
