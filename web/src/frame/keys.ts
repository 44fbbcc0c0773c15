import { signal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { screens } from '../screens';
import { hover, run, select, selection, show } from '../state';

export const helpOpen = signal(false);

/** Does the focus stand where letters are typed? Then keys are letters. */
const typing = (target: EventTarget | null): boolean =>
    target instanceof HTMLElement && (target.isContentEditable || target.matches('textarea, select, input:not([type=radio], [type=checkbox], [type=range])'));

export const shortcuts: [string, string][] = [
    ['1 … 7', 'open a screen'],
    ['Ctrl+Enter', 'run the text (in the editor)'],
    ['e', 'go to the editor; Esc leaves it'],
    ['← →', 'previous, next query token (in the ribbon: move; Enter chooses)'],
    ['Shift+← →', 'previous, next key token'],
    ['[ ]', 'previous, next layer'],
    ['{ }', 'previous, next head'],
    ['Esc', 'let go of the key, close what is open'],
    ['?', 'this list'],
];

export function useKeys(): void {
    useEffect(() => {
        const press = (event: KeyboardEvent) => {
            if (event.defaultPrevented || event.altKey || event.metaKey || event.ctrlKey) return;
            if (typing(event.target)) {
                if (event.key === 'Escape') (event.target as HTMLElement).blur();
                return;
            }
            if (document.querySelector('dialog[open]')) return;
            const at = selection.value;
            const inSlider = event.target instanceof HTMLInputElement;
            const done = () => event.preventDefault();
            const digit = '1234567'.indexOf(event.key);
            if (digit >= 0) { show({ screen: screens[digit].id }); return done(); }
            switch (event.key) {
                case '?': helpOpen.value = true; return done();
                case 'e': document.getElementById('text')?.focus(); return done();
                case 'Escape': hover.value = null; select({ key: null }); return;
            }
            if (!run.value) return;
            switch (event.key) {
                case '[': select({ layer: at.layer - 1 }); return done();
                case ']': select({ layer: at.layer + 1 }); return done();
                case '{': select({ head: at.head - 1 }); return done();
                case '}': select({ head: at.head + 1 }); return done();
                case 'ArrowLeft': case 'ArrowRight': {
                    // A view that uses the arrows itself calls preventDefault.
                    if (inSlider) return;
                    const step = event.key === 'ArrowLeft' ? -1 : 1;
                    if (event.shiftKey) select({ key: at.key === null ? at.query : at.key + step });
                    else select({ query: at.query + step });
                    return done();
                }
            }
        };
        addEventListener('keydown', press);
        return () => removeEventListener('keydown', press);
    }, []);
}
