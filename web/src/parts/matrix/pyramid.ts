import { TILE } from './tiles';

/** One level coarser, by the largest of each 2 × 2 values, from the four tiles below: [row of tiles][column of tiles]; null where all is masked. Exact for maxima. */
export function joined(quarters: (Float32Array | null)[][]): Float32Array {
    const whole = new Float32Array(TILE * TILE).fill(NaN);
    const half = TILE / 2;
    for (let y = 0; y < 2; y++) {
        for (let x = 0; x < 2; x++) {
            const below = quarters[y][x];
            if (!below) continue;
            for (let row = 0; row < half; row++) {
                for (let column = 0; column < half; column++) {
                    let most = NaN;
                    for (let i = 0; i < 4; i++) {
                        const value = below[(2 * row + (i >> 1)) * TILE + 2 * column + (i & 1)];
                        if (!Number.isNaN(value) && !(value <= most)) most = value;
                    }
                    whole[(y * half + row) * TILE + x * half + column] = most;
                }
            }
        }
    }
    return whole;
}
