import { short } from '../../parts/number';
import { number } from '../../types';
import type { Input, KeyCell, Lit, Projection, Rotation, Steps } from './data';

/** How one number came about: a formula, the same with its numbers, and the result. */
export interface Written {
    name: string; formula: string; numbers: string; result: number;
    /** What the forward pass itself has there. */
    run: number | null;
    /** Cells that went into it: vector → indices. */
    inputs: Record<string, number[]>;
    /** The server can tell all products of this element. */
    whole?: { of: 'q' | 'k' | 'v' | 'output'; index: number };
}

const n = (value: number) => short(value, 4);
/** A number inside a product: negative ones in brackets. */
const f = (value: number) => (value < 0 ? `(${n(value)})` : n(value));
/** The next number of a sum. */
const plus = (value: number) => (value < 0 ? ` − ${n(-value)}` : ` + ${n(value)}`);

export function normed(input: Input, name: string, i: number): Written {
    const bias = input.bias.length ? input.bias[i] : null;
    const value = ((input.residual[i] - input.mean) / input.divisor) * input.weight[i] + (bias ?? 0);
    const inner = input.norm === 'layer' ? `(${n(input.residual[i])} − ${f(input.mean)})` : f(input.residual[i]);
    return {
        name: `x[${i}]`, formula: input.norm === 'layer' ? 'weight · (residual − mean) ÷ √(variance + ε) + bias' : 'weight · residual ÷ √(mean of squares + ε)',
        numbers: `${f(input.weight[i])} · ${inner} ÷ ${n(input.divisor)}${bias === null ? '' : plus(bias)}`, result: value, run: input.x[i], inputs: { ['residual of the ' + name]: [i] },
    };
}

export function projected(p: Projection, of: 'q' | 'k' | 'v', e: number, dim: number): Written {
    const { sum, bias, largest_products: largest } = p.elements[e];
    const told = largest.reduce((total, { product }) => total + product, 0);
    const more = dim - largest.length;
    return {
        name: `${of}[${e}]`, formula: `Σ x[i] · W${of}[${p.head}·${p.vector.length} + ${e}, i]${bias === 0 ? '' : ' + bias'} over ${dim} elements of x`,
        numbers: largest.map(({ index, x, weight }, i) => `${i ? ' + ' : ''}${f(x)}·${f(weight)}`.replace(' ', i ? ' ' : '') + sub(index)).join('')
            + (more > 0 ? ` + (${more} more = ${n(sum - bias - told)})` : '') + (bias === 0 ? '' : ` + bias ${n(bias)}`),
        result: sum, run: p.vector[e], inputs: { [`x of the ${of === 'q' ? 'query' : 'key'}`]: largest.map((l) => l.index) }, whole: { of, index: e },
    };
}

const sub = (index: number) => String(index).replace(/\d/g, (d) => '₀₁₂₃₄₅₆₇₈₉'[Number(d)]);

export function turned(r: Rotation, e: number): Written {
    const letter = r.of === 'query' ? 'q' : 'k';
    const pair = r.pairs.find((p) => p.first === e || p.second === e);
    if (!pair) return { name: `${letter}[${e}]`, formula: 'this element does not turn', numbers: n(r.before[e]), result: r.before[e], run: r.after[e], inputs: { [letter + ' before']: [e] } };
    const isFirst = pair.first === e;
    return {
        name: `${letter}[${e}]`,
        formula: `${isFirst ? 'a·cos θ − b·sin θ' : 'a·sin θ + b·cos θ'}, θ = ${n(pair.angle)} (${n((pair.angle * 180) / Math.PI)}°) at position ${r.position}`,
        numbers: isFirst ? `${f(pair.a)}·${f(pair.cos)} − ${f(pair.b)}·${f(pair.sin)}` : `${f(pair.a)}·${f(pair.sin)} + ${f(pair.b)}·${f(pair.cos)}`,
        result: isFirst ? pair.a * pair.cos - pair.b * pair.sin : pair.a * pair.sin + pair.b * pair.cos, run: r.after[e], inputs: { [letter + ' before']: [pair.first, pair.second] },
    };
}

/** Partial sums: running[i] = values[0] + … + values[i]. */
export function running(values: readonly number[]): number[] {
    let sum = 0;
    return values.map((v) => (sum += v));
}

/** Indices by falling size. */
export const ranked = (values: readonly number[]): number[] => values.map((_, i) => i).sort((a, b) => Math.abs(values[b]) - Math.abs(values[a]) || a - b);

export function multiplied(s: Steps, e: number): Written {
    const { q, k, products } = s.products;
    return { name: `q[${e}] · k[${e}]`, formula: `product of element ${e}; running sum ${n(running(products)[e])} of ${n(s.products.sum)}`, numbers: `${f(q[e])} · ${f(k[e])}`, result: products[e], run: null, inputs: { q: [e], k: [e] } };
}

export function softened(s: Steps, cell: KeyCell): Written {
    return cell.masked
        ? { name: 'weight', formula: 'masked: exp(−∞)', numbers: `0 ÷ ${n(s.softmax.sum)}`, result: 0, run: cell.weight, inputs: {} }
        : { name: 'weight', formula: 'exp(score − max) ÷ sum', numbers: `exp(${n(number(cell.score))} − ${f(s.softmax.max)}) ÷ ${n(s.softmax.sum)} = ${n(cell.exp)} ÷ ${n(s.softmax.sum)}`, result: cell.exp / s.softmax.sum, run: cell.weight, inputs: {} };
}

export function weighed(s: Steps, e: number, name: (position: number) => string): Written {
    const parts = [...s.weighted.keys].sort((a, b) => Math.abs(b.product[e]) - Math.abs(a.product[e]));
    const told = parts.slice(0, 8);
    const sum = s.weighted.sum[e];
    const rest = sum - told.reduce((total, p) => total + p.product[e], 0);
    const more = parts.length - told.length + s.weighted.other_keys;
    return {
        name: `z[${e}]`, formula: `Σ weight · v[${e}] over the keys`,
        numbers: told.map((p, i) => `${i ? ' + ' : ''}${n(p.weight)}·${f(p.value[e])} ${name(p.position)}`).join('') + (more > 0 ? ` + (${more} more = ${n(rest)})` : ''),
        result: sum, run: s.weighted.z[e], inputs: {},
    };
}

export function outgoing(s: Steps, d: number): Written {
    return {
        name: `head[${d}]`, formula: `Σ z[e] · Wo[${d}, ${s.place.head}·${s.place.head_dim} + e] over ${s.place.head_dim} elements of z`, numbers: 'press “all products”', result: s.output.head[d], run: s.output.head[d],
        inputs: { z: s.weighted.z.map((_, e) => e) }, whole: { of: 'output', index: d },
    };
}

export function added(s: Steps, d: number): Written {
    return {
        name: `residual after[${d}]`, formula: `residual + attention (of all ${s.place.heads} heads${s.output.bias.length ? ' and the bias' : ''})`, numbers: n(s.sum.residual[d]) + plus(s.sum.attention[d]),
        result: s.sum.residual[d] + s.sum.attention[d], run: s.sum.sum[d], inputs: { residual: [d], attention: [d] },
    };
}

/** How the number of a cell came about. */
export function write(s: Steps, { vector, index }: Lit, name: (position: number) => string): Written | null {
    const plain = (values: number[], what: string): Written => ({ name: `${vector}[${index}]`, formula: what, numbers: n(values[index]), result: values[index], run: null, inputs: {} });
    switch (vector) {
        case 'x of the query': return normed(s.query_input, 'query', index);
        case 'x of the key': return normed(s.key_input, 'key', index);
        case 'residual of the query': return plain(s.query_input.residual, 'what the layers before have written');
        case 'residual of the key': return plain(s.key_input.residual, 'what the layers before have written');
        case 'q before': case 'q of the query': return projected(s.q, 'q', index, s.place.dim);
        case 'k before': case 'k of the key': return projected(s.k, 'k', index, s.place.dim);
        case 'v of the key': return projected(s.v, 'v', index, s.place.dim);
        case 'q turned': return s.rotations[0] ? turned(s.rotations[0], index) : null;
        case 'k turned': return s.rotations[1] ? turned(s.rotations[1], index) : null;
        case 'q': return plain(s.products.q, 'query, after position');
        case 'k': return plain(s.products.k, 'key, after position');
        case 'q × k': return multiplied(s, index);
        case 'running sum': return { ...multiplied(s, index), name: `running sum[${index}]`, formula: `sum of the first ${index + 1} products`, numbers: n(running(s.products.products)[index]), result: running(s.products.products)[index] };
        case 'weight': { const cell = s.softmax.keys[index]; return cell ? softened(s, cell) : null; }
        case 'score': { const cell = s.softmax.keys[index]; return cell ? { name: `score of ${name(index)}`, formula: 'q · k × scale', numbers: `${f(cell.dot)} × ${n(s.place.scale)}`, result: cell.dot * s.place.scale, run: null, inputs: {} } : null; }
        case 'z': return weighed(s, index, name);
        case 'this head’s output': return outgoing(s, index);
        case 'residual': return plain(s.sum.residual, 'before attention');
        case 'attention': return plain(s.sum.attention, 'what all heads of the layer add');
        case 'residual after': return added(s, index);
        default: return null;
    }
}
