import { signal } from '@preact/signals';
import type { Grid, Next, Predicted, Sum } from './data';

/** What is on screen: `leaves()` reads it. */
export const shown: { next: Next | null; drawn: Predicted | null; grid: Grid | null; sum: Sum | null } = { next: null, drawn: null, grid: null, sum: null };

/** The same prediction for the inspector, which is drawn apart from the view. */
export const inspected = signal<Next | null>(null);
