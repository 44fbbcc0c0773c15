import type { ComponentType } from 'preact';

export type ScreenId = 'tokens' | 'step' | 'head' | 'map' | 'predict' | 'try' | 'compare';

export type Cell = string | number | null;

/** What leaves the page from a view: the export menu makes PNG, SVG, CSV, JSON, HTML and the copies out of it. */
export interface Leaves {
    /** Short, for file names: `head-2.1-query-5`. */
    name: string;
    /** The picture in words; the same sentence that the view shows. */
    sentence: string;
    /** Every number of the picture. CSV, the HTML file and screen readers get this. Full precision: do not round. */
    table: { columns: string[]; rows: Cell[][] };
    /** The same as a JSON document, in the words of docs/json.md. */
    json: unknown;
    /** The picture as one SVG document, colours written out (see parts/svg.ts). PNG is made of it where `canvas` is absent. */
    svg?: () => string | Promise<string>;
    /** The picture as pixels, for pictures too large for SVG. */
    canvas?: () => HTMLCanvasElement | Promise<HTMLCanvasElement>;
    /** The command line that prints this. */
    cli: string;
    /** The Java call that computes this. */
    java: string;
}

export interface Screen {
    id: ScreenId;
    /** The main view. It is mounted only when a run is there: `useRun()` gives it. */
    View: ComponentType;
    /** What the docked inspector shows beside it: the sentence, numbers, a formula. */
    Inspector?: ComponentType;
    /** Which of the footer's settings the view obeys; the others are not offered. */
    uses?: readonly ('scale' | 'sink' | 'mass')[];
    /** Asked when somebody exports, never on render. Null while there is nothing to export. */
    leaves(): Leaves | null;
}
