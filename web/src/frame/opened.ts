import { signal } from '@preact/signals';
import type { Screen } from '../screen';

/** The screen that is open, once its code is here. */
export const opened = signal<Screen | null>(null);
