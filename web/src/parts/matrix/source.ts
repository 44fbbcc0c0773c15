import type { Extent, TileAt } from './tiles';

/** Where a matrix has its values from. */
export interface Source {
    /** Another name means other values: caches are kept by it. */
    name: string;
    extent: Extent;
    /** How cells of pooled levels become one; of maxima the coarsest level is joined here from the one below. */
    pool?: 'max' | 'mean';
    /** [256, 256] float32 of a pooled level, rows downwards; NaN = masked or outside. */
    tile(at: TileAt, signal: AbortSignal): Promise<Float32Array>;
}
