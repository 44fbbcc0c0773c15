import type { Screen, ScreenId } from './screen';

interface Entry { id: ScreenId; title: string; says: string; load: () => Promise<{ screen: Screen }> }

/** The rail, in order; the number keys 1 to 7 open them. Each screen is loaded when it is first opened. */
export const screens: Entry[] = [
    { id: 'tokens', title: 'Tokens', says: 'text, bytes, merges, ids', load: () => import('./screens/tokens') },
    { id: 'step', title: 'Step', says: 'one weight, every number', load: () => import('./screens/step') },
    { id: 'head', title: 'Head', says: 'who looks at whom', load: () => import('./screens/head') },
    { id: 'map', title: 'Map', says: 'all heads at once', load: () => import('./screens/map') },
    { id: 'predict', title: 'Predict', says: 'the next token', load: () => import('./screens/predict') },
    { id: 'try', title: 'Try it', says: 'change it, see what happens', load: () => import('./screens/try') },
    { id: 'compare', title: 'Compare', says: 'two runs, their difference', load: () => import('./screens/compare') },
];
