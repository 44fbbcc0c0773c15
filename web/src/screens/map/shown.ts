import { signal } from '@preact/signals';
import { urlNumber, urlText } from '../../state';
import type { Heads, Metric, Scan } from './heads';

export const metricName = urlText('map.metric', 'previous_token');
/** grid, bars, scatter */
export const layout = urlText('map.layout', 'grid');
/** pictures, numbers */
export const cells = urlText('map.cells', 'pictures');
export const on = urlText('map.on', 'text');
/** 0: all */
export const top = urlNumber('map.top', 0);
export const across = urlText('map.x', 'distance');
export const up = urlText('map.y', 'entropy_share');

/** What came last; what is exported. */
export const told = signal<Heads | null>(null);
/** The head under the pointer or the focus. */
export const over = signal<{ layer: number; head: number } | null>(null);

export const scanOf = (heads: Heads): Scan => (on.value === 'random' && heads.random ? heads.random : heads.text);
export const metricOf = (heads: Heads, name = metricName.value): Metric => heads.metrics.find((m) => m.name === name) ?? heads.metrics[0];
